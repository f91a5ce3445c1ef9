"""When an epoch is committed."""

import threading


class Commits:
    """Tells when an epoch is committed, from what a source part can see.

    Bytewax calls `snapshot()` of every source part as an epoch ends and `next_batch()` again only when that epoch is
    committed. So the first `next_batch()` after a file was sealed proves that the file's epoch is committed.
    """

    def __init__(self) -> None:
        self._count = 0
        self._wake = threading.Condition()

    def advance(self) -> None:
        """Called by a source part at its first `next_batch()` after a `snapshot()`."""
        with self._wake:
            self._count += 1
            self._wake.notify_all()

    @property
    def count(self) -> int:
        """How often any part has advanced; a file sealed at n is committed once this is above n."""
        return self._count
