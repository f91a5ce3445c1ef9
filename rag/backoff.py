"""Keeps a failing dependency from being asked again and again: after a failure it is left alone for a while."""

import threading
from collections.abc import Callable


class Backoff:
    """A wait that doubles with each failure in a row, from `first_s` to `most_s` seconds. Thread-safe, never blocks."""

    def __init__(self, first_s: float, most_s: float, clock: Callable[[], float]) -> None:
        self._first, self._most, self._clock = first_s, most_s, clock
        self._lock = threading.Lock()
        self._wait = 0.0
        self._until = 0.0

    def allows(self) -> bool:
        """Say whether the dependency may be asked now."""
        with self._lock:
            return not self._wait or self._clock() >= self._until

    def failed(self) -> None:
        """Note a failure: the next try is due after the wait."""
        with self._lock:
            self._wait = min(self._most, self._wait * 2 or self._first)
            self._until = self._clock() + self._wait

    def succeeded(self) -> None:
        """Note a success: the next failure begins with the shortest wait again."""
        with self._lock:
            self._wait = 0.0
