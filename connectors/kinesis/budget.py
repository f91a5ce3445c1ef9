"""A cap on bytes that are fetched and not yet emitted, over all shards of a process."""

import threading


class Budget:
    """Counts bytes held. A read starts only while there is room: the cap is passed by reads in flight at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()

    def room(self) -> bool:
        """Whether another read may start."""
        return self._held < self._limit

    def hold(self, size: int) -> None:
        """Count fetched bytes."""
        with self._lock:
            self._held += size

    def release(self, size: int) -> None:
        """Count them as emitted."""
        with self._lock:
            self._held -= size
