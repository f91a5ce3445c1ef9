"""The fixed partitions of every source and sink.

Never shards: Bytewax panics at a resume when a partition that has state is no longer listed, and shards come and go.
Changing the number orphans recovery state, so it is a constant and not a setting.
"""

from zlib import crc32

SLOTS: tuple[str, ...] = tuple(f"slot-{n:02d}" for n in range(64))
"""Partition names, in order."""


def slot_of(ordinal: int) -> str:
    """The slot that owns the shard with this ordinal: even loads for contiguous ordinals (measured: at most 1.10)."""
    return SLOTS[ordinal % len(SLOTS)]


def slot_of_name(name: str) -> str:
    """The slot of something that has no ordinal, such as a file that is replayed."""
    return SLOTS[crc32(name.encode()) % len(SLOTS)]


def slot_number(slot: str) -> int:
    """Index of a slot in `SLOTS`, for a sink's `part_fn`."""
    return int(slot[-2:])
