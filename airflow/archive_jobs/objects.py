"""Objects of the archive and of the dead letters, opened and held against their manifests."""

import gzip
import re
import zlib
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import unquote

import zstandard

from archive_jobs.bucket import Bucket
from connectors.s3 import Fetched

_ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
_NAME = re.compile(r"(?P<stream>.+?)-(?P<shard>shardId-\d+|[\w.]+)-(?P<first>\d+)(?:-\d+)?\.ndjson\.(?:zst|gz)")


class Manifest(NamedTuple):
    """What an object says of itself; empty and None where it says nothing."""

    stream: str
    shard: str
    first: str
    last: str
    records: int | None
    sha256: str


class Name(NamedTuple):
    """What the name of an object says."""

    stream: str
    shard: str
    first: int
    """Sequence number of its first record."""


class Opened(NamedTuple):
    """One object."""

    key: str
    manifest: Manifest
    lines: list[bytes]
    """Without line ends. Empty if the object cannot be opened."""
    problem: str
    """Empty, or why the stored bytes are not what the manifest tells of, for a person."""


def opened(bucket: Bucket, folder: str, at_most: int | None = None) -> Iterator[Opened]:
    """The objects below a folder, or the first of them, by shard and sequence. Never raises for their content."""
    wanted = (key for key in bucket.keys(folder) if not key.endswith("/"))  # what consoles make for a folder
    for key, fetched in bucket.read_all(sorted(wanted, key=_order)[:at_most]):
        yield open_one(key, fetched)


def named(key: str) -> Name | None:
    """What the last part of a key says; None: it is no name of the archive or of the dead letters."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    return Name(found["stream"], found["shard"], int(found["first"])) if found else None


def _order(key: str) -> tuple[str, int, str]:
    """In the order of names 10 comes before 9."""
    name = named(key)
    return (name.shard, name.first, key) if name else ("", -1, key)


def open_one(key: str, fetched: Fetched) -> Opened:
    """One object, held against its manifest. Never raises for its content."""
    told = manifest_of(key, fetched.metadata)
    try:
        lines = decompressed(fetched.body).removesuffix(b"\n").split(b"\n") if fetched.body else []
    except (ValueError, OSError, EOFError, zlib.error, zstandard.ZstdError):
        return Opened(key, told, [], "cannot be decompressed")
    if not told.sha256:
        return Opened(key, told, lines, "has no manifest")
    if sha256(fetched.body).hexdigest() != told.sha256:
        return Opened(key, told, lines, "has another sha256 than its manifest")
    if told.records != len(lines):
        return Opened(key, told, lines, f"has {len(lines)} lines, its manifest says {told.records}")
    if any(unquote(fetched.metadata.get(name, "")) not in {"", getattr(told, name)} for name in ("stream", "shard")):
        return Opened(key, told, lines, "is named for another stream or shard than its manifest says")
    return Opened(key, told, lines, "")


def manifest_of(key: str, metadata: dict[str, str]) -> Manifest:
    """The manifest; stream and shard are those of the object's name, where it has one of the archive's."""
    name = named(key)
    told = {field: unquote(value) for field, value in metadata.items()}
    count = told.get("records", "")
    return Manifest(
        name.stream if name else told.get("stream", ""),
        name.shard if name else told.get("shard", ""),
        told.get("first", ""),
        told.get("last", ""),
        int(count) if count.isdecimal() else None,
        told.get("sha256", ""),
    )


def decompressed(body: bytes) -> bytes:
    """The bytes of an object, by how they begin.

    Raises:
        ValueError: the zstd frame is cut off.
        Exception: what zstandard and gzip raise for bytes that are not theirs.
    """
    if body[:2] == _GZIP:
        return gzip.decompress(body)
    if body[:4] != _ZSTD:
        return body
    parts = []
    while body:
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts.append(frame.decompress(body))
        if not frame.eof:  # a stream reader would end a cut frame silently
            msg = "the zstd frame is cut off"
            raise ValueError(msg)
        body = frame.unused_data
    return b"".join(parts)
