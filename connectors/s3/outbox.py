"""Single objects outside the commit."""

from pathlib import Path
from urllib.parse import unquote

from connectors.s3.config import S3Config
from connectors.s3.uploader import Uploader
from connectors.spool import Chunk, Commits, Pressure, Sealed, SpoolPart

FILE_COST = 64 * 2**10
"""Bytes that each file counts for in the spool besides its own: small ones cost an inode and an upload each, so the
bound on bytes is a bound on files too (160,000 by default). Our choice."""


class S3Outbox:
    """Single objects that must reach S3 although no epoch commits them: durable when `put` returns.

    The same key is the same object. Files left by an earlier process go up when the next one starts, oldest first.
    They count in `pressure`, which holds the source back while S3 takes none.
    """

    def __init__(self, name: str, config: S3Config, directory: Path, pressure: Pressure | None = None) -> None:
        self._directory = directory / name
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._compression = config.compression
        self._pressure = pressure or Pressure(directory)
        self._uploader = Uploader(config, name, Commits(), self._pressure)
        for path in self._directory.iterdir():
            status = path.stat()
            self._pressure.grew(status.st_size)
            left = Sealed(key=unquote(path.name), count=1, first="", last="", since=status.st_mtime)
            self._submit(path, left)

    def put(self, chunk: Chunk) -> None:
        """Write, sync and queue one object. Called from any thread.

        Raises:
            SpoolError: the disk refused.
        """
        part = SpoolPart(self._directory, self._compression, self._pressure)
        part.write(chunk)
        for entry in part.seal():
            entry.pop("sha256")  # the same key may be written again before it is up
            self._submit(part.path(entry), entry)

    def _submit(self, path: Path, entry: Sealed) -> None:
        self._pressure.grew(FILE_COST)
        self._uploader.submit(path, entry, self._uploaded, committed=True)

    def _uploaded(self, _: Sealed) -> None:
        self._pressure.shrank(FILE_COST)
