"""A cap on bytes that are fetched and not yet emitted, over all shards of a process."""

import threading


class Budget:
    """Counts bytes held or on their way. A read reserves before it starts, so the cap holds whatever is in flight.

    One read may always start: a cap below one page must not stop the stream.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Reserve room for a read, if there is."""
        with self._lock:
            if self._held and self._held + size > self._limit:
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Give back what was reserved and is emitted, or was never fetched."""
        with self._lock:
            self._held -= size
