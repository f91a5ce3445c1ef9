"""What can be replayed, told apart by content: archive and dead-letter objects, container logs, JSON or raw lines."""

import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from connectors.s3 import S3Config
from connectors.s3.client import reason
from dataflows.domain.levels import LEVELS
from dataflows.domain.records import told_time
from dataflows.render.archive import is_refused, read_line
from dataflows.replay.account import Account
from dataflows.replay.container import container_log, is_container_log, json_object
from dataflows.replay.contents import S3_SCHEME, Content, contents
from dataflows.replay.marks import Letters, Marks


class Origin(NamedTuple):
    """One record, or one piece of a record, to replay, with the identity it has or is given."""

    shard: str
    sequence: str
    arrival_ts: float
    raw: bytes
    sub: int = 0
    """Number of the first piece: a dead letter is one piece of its record."""


class ReplayError(ValueError):
    """A source that cannot be read; the message names it and says what is expected."""


_OBJECT = re.compile(r".+?-(?P<shard>shardId-\d+|[\w.]+)-(?P<first>\d+)(?:-\d+)?\.ndjson(?:\.zst|\.gz)?")
"""Name of an archive object, compressed or as a download opened it."""
_ARCHIVED = re.compile(rb'\{"sequence":"[^"]*","arrived":\d+,')
_DEAD = re.compile(rb'\{"shard": ?"[^"]*", "sequence":')
_LOOKED_AT = 20
"""Lines that tell what a file is: the first alone may be broken."""
_LEVEL_KEYS = ("level", "severity", "levelname", "log_json", "log_level", "loglevel", "lvl")


def never() -> bool:
    """Nobody asks this replay to end before its source does."""
    return False


def read(  # noqa: PLR0913 - a source, what is known of it, and what is asked of it
    source: str,
    s3: S3Config,
    account: Account,
    level: str | None = None,
    asked: Callable[[], bool] = never,
    *,
    marks: Marks | None = None,
) -> Iterator[Origin]:
    """Every record of a source: a file, a folder, or `s3://bucket/prefix`.

    `level` is given to records that name none. A record that has no identity gets one of path, content and line
    number, so that replaying the same files twice writes the same documents. What cannot be read is in the `account`,
    and the rest goes on. Once `asked` is true the records end, and the account says so. With `marks`, dead letters in
    S3 that an earlier replay has finished are left out.

    Raises:
        ReplayError: there is no such file, or `level` is no level.
    """
    if level is not None and level.upper() not in LEVELS:
        msg = f"--level {level!r} is not a level: give DEBUG, INFO, WARN, ERROR or FATAL"
        raise ReplayError(msg)
    if not source.startswith(S3_SCHEME) and not os.path.lexists(source):
        msg = f"{source!r} does not exist: give a file, a folder, or s3://bucket/prefix"
        raise ReplayError(msg)
    reading = _Reading(account, marks, level.upper() if level else None)
    return _read(contents(source, s3, account), reading, asked)


class _Reading(NamedTuple):
    """What is the same for all files of a source."""

    account: Account
    marks: Marks | None
    level: str | None


def _read(found: Iterator[Content], reading: _Reading, asked: Callable[[], bool]) -> Iterator[Origin]:
    account = reading.account
    for content in found:
        for origin in _records(content, reading):
            if asked():
                break
            account.records += 1
            yield origin
        if asked():
            account.stopped = True
            return


def _records(content: Content, reading: _Reading) -> Iterator[Origin]:
    body = io.BytesIO(content.body)
    first = list(islice(body, _LOOKED_AT))
    body.seek(0)
    if any(_ARCHIVED.match(line) or _DEAD.match(line) or is_refused(line) for line in first):
        yield from _framed(content, body, reading)
        return
    shard = _shard(content)
    if first and is_container_log(first[0]):
        pieces: Iterable[tuple[float, bytes]] = container_log(content.name, content.written, body, reading.level)
    else:
        pieces = _raw(body, content.written, reading.level)
    for number, (arrival_ts, raw) in enumerate(pieces, start=1):
        yield Origin(shard, str(number), arrival_ts, raw)


def _raw(body: Iterable[bytes], written: float, level: str | None) -> Iterator[tuple[float, bytes]]:
    """Arrival, seconds since the epoch, and record of raw lines.

    Nobody knows when they came. Their file may be copied days later, and a record that is a day old on arrival would be
    dated by that: so a line came when it says it happened, or else with the line before it, and never after its file
    was `written`.
    """
    arrival = written
    for line in body:
        if line.strip():
            told = told_time(line)
            arrival = arrival if told is None else min(told, written)
            yield arrival, _wrapped(line, level)


def _framed(content: Content, body: io.BytesIO, reading: _Reading) -> Iterator[Origin]:
    """The records of an archive or dead-letter object, under the ids they have."""
    account, marks = reading.account, reading.marks
    shard = found["shard"] if (found := _OBJECT.fullmatch(content.name)) else _shard(content)
    letters: Letters | None = None
    if marks is not None and content.place is not None:
        try:
            letters = marks.letters(content.place, content.sha256)
        except Exception as err:  # noqa: BLE001 - the SDK's errors are known inside connectors only
            account.bad_file(content.path, f"has a mark that cannot be read ({reason(err)}): allow s3:GetObject there")
            return
    whole = True
    for number, line in enumerate(body, start=1):
        if is_refused(line):
            account.refused += 1
            continue
        try:
            archived = read_line(line)
        except ValueError as err:
            account.bad_line(content.path, number, f"{err}; fetch the file again")
            whole = False
            continue
        if archived.sub < 0:
            account.losses += 1
            continue
        if letters is not None and marks is not None:
            if letters.finished(archived):
                account.finished += 1
                continue
            marks.send(letters, archived)
        yield Origin(archived.shard or shard, archived.sequence, archived.arrival_ts, archived.raw, archived.sub)
    if letters is not None:
        letters.complete = whole


def _shard(content: Content) -> str:
    """Stands for a shard in the ids of a file's records: no two files share it unless path and content are the same."""
    digest = blake2b(content.path.encode(errors="surrogateescape") + b"\0", digest_size=8)
    digest.update(content.body)
    return f"file-{digest.hexdigest()}"


def _wrapped(line: bytes, level: str | None) -> bytes:
    """A JSON object as it is, anything else as the `log` of a record; bytes that are not UTF-8 stay as they are."""
    record = json_object(line)
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
