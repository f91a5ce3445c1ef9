"""Fewer, larger archive objects: those of one shard and one arrival window become one, and its manifest is true.

A pipeline with `-s 10` writes some 30 objects for each shard and window of 300 seconds. What docs/archive.md says of an
object stays true: one shard, at most one arrival window. Only for hours that are long over: see `SETTLED_S`.

Order: the merged object is written under a name of its own (`<stream>-<shard>-<first>-<last>`), then the parts are
deleted. Nothing is lost at any moment; a crash between the two leaves records twice until the next run, which takes
the records of both by sequence number, makes the same merged object and deletes the parts. A part that the pipeline
writes again (it may, after a crash) goes the same way. Of two runs at once the second is refused when it would write
over what the first has made of parts that the second did not see.
"""

import base64
import gzip
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

import zstandard

from archive_jobs.bucket import Bucket
from archive_jobs.contents import ARCHIVE
from archive_jobs.hours import HOUR_S, Hour
from archive_jobs.objects import Opened, opened
from connectors.spool import Compression
from dataflows.render.archive import WINDOW_S, read_line
from dataflows.settings import Settings

SETTLED_S = 24 * HOUR_S
"""Age of an hour's end from which nothing is expected to come into it, unless S3 was down for a day."""
_ZSTD_LEVEL = 9
"""The archive is written at level 1, in the hot path; here there is time."""


class Compacted(NamedTuple):
    """What was done to an hour."""

    before: int
    """Objects."""
    after: int
    records: int
    """In objects that were merged now."""
    left: list[str]
    """Keys that were not touched: they are not what their manifests say, span windows, or contradict one another."""


class TooYoungError(ValueError):
    """The hour is not settled."""


class _Part(NamedTuple):
    key: str
    sha256: str
    where: tuple[str, str, int]
    """Stream, shard and number of the arrival window."""
    lines: dict[int, bytes]
    """By sequence number."""


class _Done(NamedTuple):
    after: int
    records: int
    left: list[str]


def compact(settings: Settings, hour: Hour, now: float) -> Compacted:
    """Merge the objects of an hour. Again it changes nothing. Memory: the records of one shard's window, some 300 MiB.

    Raises:
        TooYoungError: less than a day has passed since the hour's end; `now` is in seconds since the epoch.
        ConnectorError: S3 failed or refused; nothing is lost, run it again.
    """
    if now < hour.start + HOUR_S + SETTLED_S:
        msg = f"the hour {hour.text!r} is not over for a day: objects may still come into it; compact it later"
        raise TooYoungError(msg)
    bucket, left = Bucket(settings.s3), list[str]()
    before = len(bucket.keys(hour.folder(ARCHIVE)))
    after = records = 0
    for _, group in groupby(_parts(opened(bucket, hour.folder(ARCHIVE)), left), key=lambda part: part.where):
        done = _merge(bucket, hour, settings.s3.compression, list(group))
        after, records = after + done.after, records + done.records
        left += done.left
    return Compacted(before, after + len(left), records, sorted(left))


def _parts(objects: Iterable[Opened], left: list[str]) -> Iterator[_Part]:
    """Objects that are what their manifests say; the others go to `left`. In order, so a window's are neighbours."""
    for one in objects:
        try:
            read = [read_line(line) for line in one.lines]
        except ValueError:
            read = []
        windows = {int(record.arrival_ts // WINDOW_S) for record in read}
        ends = [record.sequence for record in (*read[:1], *read[-1:])]
        if one.problem or len(windows) != 1 or ends != [one.manifest.first, one.manifest.last]:
            left.append(one.key)
            continue
        lines = {int(record.sequence): line for record, line in zip(read, one.lines, strict=True)}
        where = (one.manifest.stream, one.manifest.shard, windows.pop())
        yield _Part(one.key, one.manifest.sha256, where, lines)


def _merge(bucket: Bucket, hour: Hour, compression: Compression, parts: list[_Part]) -> _Done:
    if len(parts) == 1:
        return _Done(1, 0, [])
    lines: dict[int, bytes] = {}
    for part in parts:
        if any(lines.get(number, line) != line for number, line in part.lines.items()):
            return _Done(0, 0, [other.key for other in parts])  # two records of one number: for a person to look at
        lines |= part.lines
    numbers = sorted(lines)
    stream, shard, _ = parts[0].where
    first, last = str(numbers[0]), str(numbers[-1])
    body = _compressed(b"".join(lines[number] + b"\n" for number in numbers), compression)
    digest = sha256(body)
    key = f"{hour.folder(ARCHIVE)}{stream}-{shard}-{first}-{last}.ndjson.{'zst' if compression == 'zstd' else 'gz'}"
    if (key, digest.hexdigest()) not in {(part.key, part.sha256) for part in parts}:
        told = {"stream": stream, "shard": shard, "first": first, "last": last}
        manifest = {**told, "records": str(len(numbers)), "sha256": digest.hexdigest()}
        another = key not in {part.key for part in parts}  # what is there then is another run's, of other parts
        unless_there: dict[str, Any] = {"IfNoneMatch": "*"} if another else {}
        bucket.write(
            *(key, body, "application/x-ndjson"),
            **unless_there,
            ContentEncoding=compression,
            ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            Metadata={name: quote(value, safe="") for name, value in manifest.items() if value},
        )
    bucket.delete([part.key for part in parts if part.key != key])
    return _Done(1, len(numbers), [])


def _compressed(lines: bytes, compression: Compression) -> bytes:
    """The same lines give the same bytes with the same version of the library."""
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(lines)
    return gzip.compress(lines, mtime=0)
