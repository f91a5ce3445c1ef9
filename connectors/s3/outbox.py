"""Single objects outside the commit."""

from pathlib import Path
from urllib.parse import unquote

from connectors.s3.config import S3Config
from connectors.s3.uploader import Uploader
from connectors.spool import Chunk, Commits, Sealed, SpoolPart


class S3Outbox:
    """Single objects that must reach S3 although no epoch commits them: durable when `put` returns.

    The same key is the same object. Files left by an earlier process go up when the next one starts.
    """

    def __init__(self, name: str, config: S3Config, directory: Path) -> None:
        self._directory = directory / name
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._uploader = Uploader(config, name, Commits())
        for path in sorted(self._directory.iterdir()):
            self._submit(path, unquote(path.name), 1)

    def put(self, chunk: Chunk) -> None:
        """Write, sync and queue one object. Called from any thread."""
        part = SpoolPart(self._directory)
        part.write(chunk)
        for entry in part.seal():
            self._submit(part.path(entry), entry["key"], entry["count"])

    def _submit(self, path: Path, key: str, count: int) -> None:
        entry = Sealed(key=key, count=count, first="", last="")
        self._uploader.submit(path, entry, _nothing, committed=True)


def _nothing(_: Sealed) -> None:
    """No state to update."""
