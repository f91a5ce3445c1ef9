"""What can be replayed, told apart by content: archive and dead-letter objects, container logs, JSON or raw lines."""

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import zstandard

from connectors.s3 import S3Config, fetch, keys
from dataflows.domain.levels import LEVELS
from dataflows.domain.multiline import join
from dataflows.render.archive import Archived, read_line


class Origin(NamedTuple):
    """One record to replay, with the identity it has or is given."""

    shard: str
    sequence: str
    arrival_ts: float
    raw: bytes


class ReplayError(ValueError):
    """A source that cannot be read; the message names it and says what is expected."""


_CRI = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) (?P<tag>[FP])\S* (?P<text>.*)", re.DOTALL)
"""One line of a container log: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md"""
_CRI_NAME = re.compile(r"(?P<pod>[^_]+)_(?P<namespace>[^_]+)_(?P<container>.+)-(?P<id>[0-9a-f]{64})\.log")
_OBJECT = re.compile(r".+?-(?P<shard>shardId-\d+|[\w.]+)-(?P<first>\d+)(?:-\d+)?\.ndjson\.zst")
_ARCHIVED = re.compile(rb'\{"sequence":"[^"]*","arrived":\d+,')
_DEAD = re.compile(rb'\{"shard": ?"[^"]*", "sequence":')
_LEVEL_KEYS = ("level", "severity", "levelname", "log_json", "log_level", "loglevel", "lvl")


def read(source: str, s3: S3Config, level: str | None = None) -> Iterator[Origin]:
    """Every record of a source: a file, a folder, or `s3://bucket/prefix`.

    `level` is given to records that name none. A record that has no identity gets one of file and line number, so
    that replaying the same file twice writes the same documents.

    Raises:
        ReplayError: there is no such file, or `level` is no level.
    """
    if level is not None and level.upper() not in LEVELS:
        msg = f"--level {level!r} is not a level: give DEBUG, INFO, WARN, ERROR or FATAL"
        raise ReplayError(msg)
    if not source.startswith("s3://") and not Path(source).exists():
        msg = f"{source!r} does not exist: give a file, a folder, or s3://bucket/prefix"
        raise ReplayError(msg)
    return _read(source, s3, level)


def _read(source: str, s3: S3Config, level: str | None) -> Iterator[Origin]:
    for name, written, content in _contents(source, s3):
        yield from _records(name, written, io.BytesIO(content), level.upper() if level else None)


def _contents(source: str, s3: S3Config) -> Iterator[tuple[str, float, bytes]]:
    """Name, time of the last change, and content of every file."""
    if source.startswith("s3://"):
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        for key in keys(s3, bucket, prefix):
            body, written = fetch(s3, bucket, key)
            yield key.rsplit("/", 1)[-1], written, _opened(body)
        return
    path = Path(source)
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        yield file.name, file.stat().st_mtime, _opened(file.read_bytes())


def _opened(content: bytes) -> bytes:
    if content[:4] == b"\x28\xb5\x2f\xfd":
        with zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True) as reader:
            return reader.read()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _records(name: str, written: float, content: io.BytesIO, level: str | None) -> Iterator[Origin]:
    first = content.readline()
    content.seek(0)
    if _ARCHIVED.match(first) or _DEAD.match(first):
        shard = found["shard"] if (found := _OBJECT.fullmatch(name)) else name
        for line in content:
            archived: Archived = read_line(line)
            yield Origin(archived.shard or shard, archived.sequence, archived.arrival_ts, archived.raw)
        return
    shard = f"file-{crc32(name.encode()):08x}"
    if _CRI.match(first.decode(errors="replace")):
        pieces: Iterable[tuple[float, bytes]] = _container_log(name, written, content, level)
    else:
        pieces = ((written, _wrapped(line, level)) for line in content if line.strip())
    for number, (arrival_ts, raw) in enumerate(pieces, start=1):
        yield Origin(shard, str(number), arrival_ts, raw)


def _json_object(line: bytes | str) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _wrapped(line: bytes, level: str | None) -> bytes:
    """A JSON object as it is, anything else as the `log` of a record; bytes that are not UTF-8 stay as they are."""
    record = _json_object(line)
    if record is None:
        try:
            record = {"log": line.decode().rstrip("\r\n")}
        except UnicodeDecodeError:
            return line
    elif level is None or any(key in record for key in _LEVEL_KEYS):
        return line
    if level is not None:
        record["level"] = level
    return json.dumps(record).encode() + b"\n"


def _container_log(name: str, written: float, content: io.BytesIO, level: str | None) -> Iterator[tuple[float, bytes]]:
    """Records of one container: partial lines joined, then the lines of a trace, then wrapped as Fluent Bit does."""
    place = found.groupdict() if (found := _CRI_NAME.fullmatch(name)) else {}
    kubernetes = {f"{key}_name": place[key] for key in ("pod", "namespace", "container") if place.get(key)}
    times: list[str] = []

    def lines() -> Iterator[str]:
        held = ""
        for raw in content:
            parts = _CRI.match(raw.decode(errors="replace").rstrip("\n"))
            held += parts["text"] if parts else raw.decode(errors="replace").rstrip("\n")
            if parts and parts["tag"] == "P":
                continue
            times.append(parts["time"] if parts else (times[-1] if times else ""))
            yield held
            held = ""

    for record in join(lines()):
        # `join` has read one line past the record, so its own time is that of the line its first one had.
        stamp = times[0]
        del times[: max(1, len(times) - 1)]
        merged = _json_object(record)
        body: dict[str, object] = {"time": stamp, "kubernetes": kubernetes}
        body |= {"log": record + "\n"} if merged is None else {"log_json": merged}
        if level is not None:
            body["level"] = level
        yield _seconds(stamp, written), json.dumps(body).encode() + b"\n"


def _seconds(stamp: str, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return otherwise
