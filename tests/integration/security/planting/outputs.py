"""Everything that a deployment put out, as bytes to search in."""

import io
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import requests
import zstandard

RAW = ("archive", "dead_letters", "refused")
"""Folders of the spool that hold records as they came: on purpose, like the archive and the dead letters in S3."""
RAW_KEYS = ("archive/", "dead-letters/")

Output = tuple[str, bytes]


def files(folder: Path) -> Iterator[Output]:
    """Every file below a folder as it is, its decompressed content, and every cell of SQLite files.

    Cells too: a long value is spread over pages that need not lie side by side.
    """
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        yield "the name of a file", name.encode()
        if not path.is_file() or any(part in RAW for part in path.relative_to(folder).parts):
            continue
        content = path.read_bytes()
        yield name, content
        yield f"{name}, decompressed", _decompressed(content)
        if content.startswith(b"SQLite format 3"):
            yield from _cells(path, name)


def _decompressed(content: bytes) -> bytes:
    if content.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True).read()
    if content.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(content)
    return b""


def _cells(path: Path, name: str) -> Iterator[Output]:
    with closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - names come from the file itself
                for cell in row:
                    yield f"{name}: {table}", cell if isinstance(cell, bytes) else str(cell).encode()


def objects(bucket: Any) -> Iterator[Output]:
    """Keys and metadata of every object, and the bodies of those that are not raw on purpose."""
    for entry in bucket.objects.all():
        found = entry.get()
        told = {name: found.get(name) for name in ("Metadata", "ContentType", "ContentEncoding")}
        yield "an object's key and metadata", f"{entry.key} {json.dumps(told)}".encode()
        if not any(part in entry.key for part in RAW_KEYS):
            yield f"object {entry.key}", found["Body"].read()


def index(url: str, prefix: str) -> Iterator[Output]:
    """Documents, names of indices, mappings and templates."""
    requests.post(f"{url}/{prefix}-*/_refresh", timeout=10)
    asks = (f"{prefix}-*/_search?size=10000", f"{prefix}-*/_mapping", "_index_template", "_cat/indices")
    for ask in asks:
        yield f"OpenSearch {ask.partition('?')[0]}", requests.get(f"{url}/{ask}", timeout=30).content


def process(pid: int) -> Iterator[Output]:
    """The command line of a process, where the system shows it."""
    path = Path(f"/proc/{pid}/cmdline")
    if path.exists():
        yield "the command line", path.read_bytes()
