"""Single objects outside the commit."""

import threading
from pathlib import Path
from urllib.parse import unquote

import structlog

from connectors.s3.config import S3Config
from connectors.s3.uploader import Uploader
from connectors.spool import SUFFIX, Chunk, Commits, Pressure, Sealed, SpoolPart, file_name, sync_directory

log = structlog.get_logger(__name__)

FILE_COST = 64 * 2**10
"""Bytes that each file counts for in the spool besides its own: small ones cost an inode and an upload each, so the
bound on bytes is a bound on files too (160,000 by default). Our choice."""


class S3Outbox:
    """Single objects that must reach S3 although no epoch commits them: durable when `put` returns.

    The same key is the same object. Files left by an earlier process go up when the next one starts, oldest first.
    They count in `pressure`, which holds the source back while S3 takes none. A file is written beside the folder and
    moved into it when it is whole, so that neither a kill nor a second `put` of a key leaves half an object.
    """

    def __init__(self, name: str, config: S3Config, directory: Path, pressure: Pressure | None = None) -> None:
        self._directory = directory / name
        self._writing = directory / f"{name}.writing"
        self._compression = config.compression
        self._pressure = pressure or Pressure(directory)
        self._uploader = Uploader(config, name, Commits(), self._pressure)
        self._lock = threading.Lock()
        for folder in (self._directory, self._writing):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._writing.iterdir():
            path.unlink()  # its `put` never returned, so whoever called it puts it again
        for path in self._directory.iterdir():
            self._take_up(path)

    def _take_up(self, path: Path) -> None:
        """Queue what an earlier process left. What bears no name of ours would fail for ever, and hold up the rest."""
        key = unquote(path.name)
        if file_name(key) != path.name or not key.endswith(tuple(SUFFIX.values())) or not path.is_file():
            log.warning("spool.stranger", file=path.name, folder=str(path.parent), effect="it is left where it lies")
            return
        status = path.stat()
        self._pressure.grew(status.st_size)
        self._submit(path, Sealed(key=key, count=1, first="", last="", since=status.st_mtime))

    def put(self, chunk: Chunk) -> None:
        """Write, sync and queue one object. Called from any thread.

        Raises:
            SpoolError: the disk refused.
        """
        part = SpoolPart(self._writing, self._compression, self._pressure)
        with self._lock:
            part.write(chunk)
            for entry in part.seal():
                entry.pop("sha256")  # the same key may be written again before it is up
                whole = part.path(entry)
                path = whole.replace(self._directory / whole.name)
                sync_directory(self._directory)
                self._submit(path, entry)

    def _submit(self, path: Path, entry: Sealed) -> None:
        self._pressure.grew(FILE_COST)
        self._uploader.submit(path, entry, self._uploaded, committed=True)

    def _uploaded(self, _: Sealed) -> None:
        self._pressure.shrank(FILE_COST)
