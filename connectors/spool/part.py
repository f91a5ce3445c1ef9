"""The spool files of one slot: compressed as records come, durable at the seal."""

import os
import time
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import structlog
import zstandard

from connectors import metrics
from connectors.errors import TerminalError
from connectors.spool.chunk import Chunk, Compression, Sealed
from connectors.spool.folder import file_name, sync_directory
from connectors.spool.pressure import Pressure

log = structlog.get_logger(__name__)

ZSTD_LEVEL = 1
"""Level 3 costs a tenth more of the whole page for a few percent of size; gzip 1 nearly doubles it (measured)."""
_GZIP_LEVEL = 1
_GZIP_WINDOW = 31
"""15 bits of window, and 16 for a gzip head: https://docs.python.org/3/library/zlib.html#zlib.compressobj"""
SUFFIX: dict[Compression, str] = {"zstd": ".zst", "gzip": ".gz"}
"""By which query engines tell how an object is compressed."""


class SpoolError(TerminalError):
    """The spool cannot be written. The epoch is not committed, so the records come again after the next start."""


class _Frame(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def _frame(compression: Compression) -> _Frame:
    if compression == "gzip":
        return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()


@dataclass(slots=True)
class _Open:
    """A spool file being written."""

    cut: tuple[str, int]
    """Folder and arrival window: a chunk with others begins another file."""
    key: str
    shard: str
    stream: str
    first: str
    descriptor: int
    frame: _Frame
    last: str = ""
    count: int = 0
    since: float = field(default_factory=time.time)
    digest: _Digest = field(default_factory=sha256)


class SpoolPart:
    """The spool files of one sink partition. Not thread-safe: one worker writes it.

    A file holds records of one shard, of one arrival window and of one epoch, and is named by the first of them.
    Memory: what a compressor keeps, about a megabyte for each shard that is being written.
    """

    def __init__(self, directory: Path, compression: Compression = "zstd", pressure: Pressure | None = None) -> None:
        """`pressure` counts what is written from now on. See `claim` for what may lie there already."""
        self._directory = directory
        self._compression: Compression = compression
        self._pressure = pressure or Pressure(directory)
        self._open: dict[str, _Open] = {}
        self._sealed: list[Sealed] = []
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, entry: Sealed) -> Path:
        """Where a sealed file lies. It is gone once it is uploaded."""
        return self._directory / file_name(entry["key"])

    def write(self, chunk: Chunk) -> None:
        """Compress one chunk into its file; a chunk of another folder or window ends the file of its shard first.

        Raises:
            SpoolError: the disk refused.
        """
        try:
            current = self._open.get(chunk.origin)
            if current is not None and current.cut != (chunk.folder, chunk.window):
                self._seal(chunk.origin)
                current = None
            if current is None:
                current = self._open[chunk.origin] = self._begin(chunk)
            self._put(current, current.frame.compress(chunk.payload))
        except OSError as err:
            raise self._failed(err) from err
        current.last = chunk.last
        current.count += chunk.records

    def seal(self) -> list[Sealed]:
        """End every open file and sync it to disk; returns all files sealed since the last call.

        Raises:
            SpoolError: the disk refused.
        """
        try:
            for origin in list(self._open):
                self._seal(origin)
            sealed, self._sealed = self._sealed, []
            if sealed:
                sync_directory(self._directory)
        except OSError as err:
            raise self._failed(err) from err
        return sealed

    def _begin(self, chunk: Chunk) -> _Open:
        key = f"{chunk.folder}/{chunk.origin}-{chunk.first}.ndjson{SUFFIX[self._compression]}"
        path = self._directory / file_name(key)
        return _Open(
            cut=(chunk.folder, chunk.window),
            key=key,
            shard=chunk.shard,
            stream=chunk.origin.removesuffix(f"-{chunk.shard}"),
            first=chunk.first,
            descriptor=os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            frame=_frame(self._compression),
        )

    def _put(self, current: _Open, compressed: bytes) -> None:
        current.digest.update(compressed)
        left = memoryview(compressed)
        while left:  # a disk that fills takes a part first
            written = os.write(current.descriptor, left)
            self._pressure.grew(written)
            left = left[written:]

    def _seal(self, origin: str) -> None:
        done = self._open[origin]
        self._put(done, done.frame.flush())
        os.fsync(done.descriptor)
        os.close(done.descriptor)
        del self._open[origin]
        self._sealed.append(
            Sealed(
                key=done.key,
                count=done.count,
                first=done.first,
                last=done.last,
                stream=done.stream,
                shard=done.shard,
                sha256=done.digest.hexdigest(),
                since=done.since,
            )
        )

    def _failed(self, err: OSError) -> SpoolError:
        """Count and tell it, and give up what is open: the process is about to end."""
        metrics.SPOOL_FAULTS.inc()
        log.error(
            "spool.failed", folder=str(self._directory), error=err.strerror, effect="the process ends uncommitted"
        )
        self.abandon()
        return SpoolError(
            f"the spool folder {str(self._directory)!r} cannot be written ({err.strerror}): make room on its volume "
            "and start again; nothing is lost, since this epoch is not committed and its records are read again"
        )

    def abandon(self) -> None:
        """Close what is open, unfinished. The next start removes it."""
        while self._open:
            os.close(self._open.popitem()[1].descriptor)
