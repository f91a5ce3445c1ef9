"""One hour of the bucket as tables: what the checks and the roll-ups look at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa  # type: ignore[import-untyped] # it has no types

from archive_jobs.bucket import Bucket
from archive_jobs.hours import HOUR_S, Hour
from archive_jobs.objects import Opened, opened
from archive_jobs.reader import Piece, Reader, archived
from dataflows.render.archive import Archived, read_line

ARCHIVE = "archive"
LETTERS = "dead-letters"

PIECES = pa.schema(
    [
        *((name, pa.string()) for name in ("place", "shard", "sequence")),
        *(("sub", pa.int32()), ("arrived", pa.int64()), ("event", pa.float64())),
        *((name, pa.string()) for name in ("level", "service", "namespace", "version", "fingerprint", "template")),
        *(("reason", pa.string()), ("letter", pa.bool_())),
    ]
)
LETTER = pa.schema([("shard", pa.string()), ("reason", pa.string()), ("arrived", pa.int64())])


class ObjectRow(NamedTuple):
    """What was seen of one archive object."""

    place: str
    """Its key."""
    shard: str
    problem: str | None
    """Why its bytes are not what its manifest tells of; None: they are."""
    unreadable: int
    """Lines that are not of the archive's form."""
    outside: int
    """Records that arrived outside the hour of its folder."""
    disorder: int
    """Records that do not follow the one before by sequence number, within the object or after the object before."""


class Letter(NamedTuple):
    """One line of the dead letters."""

    place: str
    """`<shard>-<sequence>-<sub>`."""
    shard: str
    sequence: str
    sub: int
    arrived: int
    """Milliseconds since the epoch."""
    reason: str
    detail: str


@dataclass(frozen=True)
class Contents:
    """An hour."""

    hour: Hour
    pieces: pa.Table
    objects: list[ObjectRow]
    arrivals: dict[str, list[int]]
    """By shard, in milliseconds since the epoch."""
    letters: list[Letter]
    sequences: frozenset[tuple[str, str]]
    """Shard and sequence number of every record."""

    @property
    def letter_table(self) -> pa.Table:
        """The dead letters' shard, reason and arrival."""
        rows = [{"shard": one.shard, "reason": one.reason, "arrived": one.arrived} for one in self.letters]
        return pa.Table.from_pylist(rows, schema=LETTER)


def contents(bucket: Bucket, reader: Reader, hour: Hour) -> Contents:
    """Read an hour. Never raises for data. Memory: some 400 bytes a record, and the largest object.

    Raises:
        TransientError: S3 could not be reached.
        TerminalError: S3 refused.
    """
    tables: list[pa.Table] = []
    objects: list[ObjectRow] = []
    arrivals: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    sequences: set[tuple[str, str]] = set()
    for one in opened(bucket, hour.folder(ARCHIVE)):
        records, unreadable = archived(one.lines)
        shard = one.manifest.shard
        objects.append(_object(one, records, unreadable, hour, last.get(shard, -1)))
        tables.append(table(reader.pieces(shard, records)))
        arrivals.setdefault(shard, []).extend(round(record.arrival_ts * 1000) for record in records)
        sequences |= {(shard, record.sequence) for record in records}
        last[shard] = max([last.get(shard, -1), *(int(record.sequence) for record in records)])
    pieces = pa.concat_tables([PIECES.empty_table(), *tables])
    letters, letter_objects = _letters(bucket, hour)
    return Contents(hour, pieces, objects + letter_objects, arrivals, letters, frozenset(sequences))


def table(pieces: Iterable[Piece]) -> pa.Table:
    """Pieces as columns."""
    columns: list[Sequence[Any]] = list(zip(*pieces, strict=True)) or [[] for _ in PIECES]
    return pa.table(dict(zip(PIECES.names, columns, strict=True)), schema=PIECES)


def _object(one: Opened, records: list[Archived], unreadable: int, hour: Hour, last: int) -> ObjectRow:
    numbers = [last, *(int(record.sequence) for record in records)]
    outside = sum(not hour.start <= record.arrival_ts < hour.start + HOUR_S for record in records)
    disorder = sum(after <= before for before, after in pairwise(numbers))
    problem = _problem(one, [record.sequence for record in (*records[:1], *records[-1:])])
    return ObjectRow(one.key, one.manifest.shard, problem, unreadable, outside, disorder)


def _problem(one: Opened, ends: list[str]) -> str | None:
    """Why an object is not what its manifest says, which its own bytes do not tell; `ends` are its first and last."""
    if one.problem or not ends:
        return one.problem or None
    if ends != [one.manifest.first, one.manifest.last]:
        return "begins or ends with another record than its manifest says"
    return None


class _Fields(msgspec.Struct):
    reason: str
    detail: str


def _letters(bucket: Bucket, hour: Hour) -> tuple[list[Letter], list[ObjectRow]]:
    """The dead letters of the hour's records, and their objects."""
    fields = msgspec.json.Decoder(_Fields).decode
    found: list[Letter] = []
    objects = []
    for one in opened(bucket, hour.folder(LETTERS)):
        before, unreadable = len(found), 0
        for line in one.lines:
            try:
                record, told = read_line(line), fields(line)
            except (ValueError, msgspec.MsgspecError):
                unreadable += 1
                continue
            place = f"{record.shard}-{record.sequence}-{record.sub}"
            arrived = round(record.arrival_ts * 1000)
            found.append(Letter(place, record.shard, record.sequence, record.sub, arrived, told.reason, told.detail))
        mine = found[before:]
        outside = sum(not hour.start <= letter.arrived / 1000 < hour.start + HOUR_S for letter in mine)
        problem = _problem(one, [f"{letter.sequence}-{letter.sub}" for letter in (*mine[:1], *mine[-1:])])
        objects.append(ObjectRow(one.key, one.manifest.shard, problem, unreadable, outside, 0))
    return found, objects
