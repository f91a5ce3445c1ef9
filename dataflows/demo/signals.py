"""Ctrl-C and its kin, taken between two statements and never inside one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StoppedError(Exception):
    """A signal asked for the end."""


class Signals:
    """SIGINT, SIGTERM and SIGHUP as a flag that every wait looks at: no signal can hit between two statements."""

    def __init__(self) -> None:
        self.number = 0
        self._event = threading.Event()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Take the signals over, and give them back."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        kept = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def pause(self, seconds: float) -> None:
        """Wait; raise `StoppedError` if a signal came."""
        if self._event.wait(seconds):
            raise StoppedError

    def _note(self, number: int, _frame: object) -> None:
        self.number = number
        self._event.set()
