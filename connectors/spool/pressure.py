"""How full the spool is: the source asks before it emits, so that a long outage of S3 fills no disk."""

import shutil
import threading
import time
from pathlib import Path

import structlog

from connectors import metrics

log = structlog.get_logger(__name__)

MAX_BYTES = 10 * 2**30
"""Default bound on the spool: an hour of some 15 full shards at a compression of five. Our choice."""
MIN_FREE_BYTES = 256 * 2**20
"""Room that is left on the volume: the recovery store and the ledger lie there too, and what has been read when the
spool fills is still written (64 slots, a read of at most 10 MiB each, compressed). Our choice."""
_ROOM = 0.9
"""Once full, reading goes on below this share of the bound, so that it does not stutter at the edge."""
_LOOK_S = 0.2
"""Seconds between two looks at the volume: 64 source parts ask in every round."""


class Pressure:
    """Counts the bytes of all spool files of a process and says when there is no room for more. Thread-safe.

    Only the source heeds it: what has been read is always written. So the spool may pass its bound by what one round
    of the source emits. A file counts from its first byte until it is uploaded.
    """

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        """`directory` need not exist yet; its nearest folder that does tells the volume."""
        self._directory = directory
        self._max = max_bytes
        self._min_free = min_free_bytes
        self._used = 0
        self._full = False
        self._looked = float("-inf")
        self._free = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes in the spool."""
        return self._used

    def grew(self, size: int) -> None:
        """Count bytes that were written, or that an earlier process left."""
        with self._lock:
            self._used += size
            metrics.SPOOL_BYTES.inc(size)

    def shrank(self, size: int) -> None:
        """Count bytes that are gone: uploaded or set aside."""
        self.grew(-size)

    def full(self) -> bool:
        """Whether the source should emit nothing more for now. Cheap; told in the log whenever it changes."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= _LOOK_S:
                self._looked = now
                self._free = self._free_bytes()
            margin = _ROOM if self._full else 1.0
            reserve = self._min_free if not self._full else self._min_free / _ROOM
            full = self._used >= self._max * margin or self._free < reserve
            if full != self._full:
                self._full = full
                metrics.SPOOL_FULL.set(full)
                told = {"bytes": self._used, "max_bytes": self._max, "free_bytes": self._free}
                if full:
                    log.error("spool.full", **told, effect="nothing is read until S3 has taken some of it")
                else:
                    log.info("spool.room", **told, effect="reading goes on")
            return full

    def share(self, part: float) -> "Share":
        """A part of the spool, above 0 and at most 1, with a bound of its own."""
        return Share(self, int(self._max * part))

    def _free_bytes(self) -> int:
        there = next(folder for folder in (self._directory, *self._directory.absolute().parents) if folder.exists())
        return shutil.disk_usage(there).free


class Share:
    """Some files of the spool that must not fill all of it. What counts here counts in the whole too. Thread-safe."""

    def __init__(self, pressure: Pressure, max_bytes: int) -> None:
        self._pressure = pressure
        self._max = max_bytes
        self._used = 0
        self._lock = threading.Lock()

    def grew(self, size: int) -> None:
        """Count bytes that were written, or that an earlier process left; negative: that are gone."""
        with self._lock:
            self._used += size
        self._pressure.grew(size)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more stay within the bound. Callers at once may pass it by a batch each."""
        with self._lock:
            return self._used + size <= self._max
