"""Shard lineage as plain data: who owns a shard, and when a child may start. Pure."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple, TypedDict

from connectors.slots import slot_of, slot_of_name

HORIZON = "TRIM_HORIZON"
"""In place of a sequence number: from the shard's oldest record."""


class Shard(NamedTuple):
    """One entry of ListShards."""

    shard_id: str
    parents: tuple[str, ...]
    """ParentShardId and, after a merge, AdjacentParentShardId."""
    starts: str = ""
    """StartingSequenceNumber: tells a shard from one of the same id in a stream that was deleted and made anew."""
    closed: bool = False
    """It has an EndingSequenceNumber: nothing is written to it any more."""


class ShardState(TypedDict):
    """What is remembered of one shard."""

    seq: str | None
    """Sequence number of the last EMITTED record; `HORIZON`: from the beginning; None: from the slot's start."""
    sub: int
    """Sub-sequence inside an aggregated record; always -1: a record is emitted whole or not at all."""
    done: bool
    """The shard is closed and its last record was emitted."""
    behind: int
    """MillisBehindLatest of the last read."""
    arrival: float
    """Arrival time of the last emitted record, seconds since the epoch."""
    seen: float
    """Time up to which the shard was read, seconds since the epoch; 0: not begun. Older than the retention: a gap."""
    starts: str
    """StartingSequenceNumber as it was adopted: what tells the shard from another one of the same id."""


class SlotState(TypedDict):
    """Recovery state of one slot. Plain data: it is pickled."""

    start: tuple[str, float]
    """Start position of the shards of the first list; LATEST is frozen to AT_TIMESTAMP of the first start."""
    listed: bool
    """A list of shards was seen: what appears later is a child, and is read from its own beginning."""
    shards: dict[str, ShardState]


def new_shard(seq: str | None, seen: float = 0.0, starts: str = "") -> ShardState:
    """State of a shard that was just adopted; `seen` is now for a child, whose records are all yet to be read."""
    return ShardState(seq=seq, sub=-1, done=False, behind=0, arrival=0.0, seen=seen, starts=starts)


_ORDINAL = re.compile(r"shardId-(\d+)")


def slot_of_shard(shard_id: str) -> str:
    """The slot that owns a shard, by the ordinal in its id."""
    found = _ORDINAL.fullmatch(shard_id)
    return slot_of(int(found[1])) if found else slot_of_name(shard_id)


def waits_for(
    shard: Shard, listed: Mapping[str, Shard], finished: Collection[str], opened: Collection[str]
) -> list[str]:
    """Parents that must be finished before a shard may be read; empty: it may.

    A parent counts as gone once it is neither listed (its records have expired) nor being read: a list that forgets
    an open parent for a moment must not let its children overtake it.
    """
    return [parent for parent in shard.parents if parent not in finished and (parent in listed or parent in opened)]
