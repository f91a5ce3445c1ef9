"""How long each shard was silent, measured in the records that the silence would have held.

Sequence numbers are not consecutive, so a record that is missing leaves no hole in them; a hole in time is all that a
lost object leaves. One at the border of two hours belongs to the later one: see `shard_rows`.
"""

from itertools import pairwise
from typing import NamedTuple

from archive_jobs.bucket import Bucket
from archive_jobs.contents import ARCHIVE, Contents
from archive_jobs.hours import Hour
from archive_jobs.objects import named, open_one
from archive_jobs.reader import archived


class ShardRow(NamedTuple):
    """What was seen of one shard."""

    place: str
    """Its id."""
    records: int
    silent_records: float
    """How many records its longest silence would have held at its own pace: see `silence`."""


def shard_rows(bucket: Bucket, found: Contents) -> list[ShardRow]:
    """The shards of an hour. The silence before a shard's first record begins with its last one in the hour before.

    A shard without records in the hour before may be new, and one without records in this hour closed: both are told of
    by no row.
    """
    before = _last_arrivals(bucket, found.hour.before(1))
    return [
        ShardRow(shard, len(times), silence([*before.get(shard, []), *times], len(times)))
        for shard, times in sorted(found.arrivals.items())
        if times
    ]


def silence(arrivals: list[int], records: int) -> float:
    """How many records the longest gap between two would have held at the shard's pace; arrivals in milliseconds.

    The pace is that of `records` between first and last arrival, the gap included: so the silence never holds more than
    `records`, and a shard with fewer than are allowed is too quiet to tell.
    """
    times = sorted(arrivals)
    gap = max((after - before for before, after in pairwise(times)), default=0)
    span = times[-1] - times[0] if times else 0
    return round(gap * records / span, 1) if span else 0.0


def _last_arrivals(bucket: Bucket, hour: Hour) -> dict[str, list[int]]:
    """Arrival of the last record of each shard in an hour, by its last object that can be read at all."""
    by_shard: dict[str, list[tuple[int, str]]] = {}
    for key in bucket.keys(hour.folder(ARCHIVE)):
        if name := named(key):
            by_shard.setdefault(name.shard, []).append((name.first, key))
    wanted = [max(keys)[1] for keys in by_shard.values()]
    last: dict[str, list[int]] = {}
    for key, fetched in bucket.read_all(wanted):
        one = open_one(key, fetched)
        records, _ = archived(one.lines[-1:])
        if records:
            last[one.manifest.shard] = [round(records[0].arrival_ts * 1000)]
    return last
