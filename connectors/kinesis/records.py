"""What the source emits."""

from typing import NamedTuple


class Loss(NamedTuple):
    """Records that can no longer be read: from which, until when, and why."""

    after: str
    """Sequence number of the last record that was emitted, or empty."""
    arrival_ts: float
    """Its arrival time, seconds since the epoch; 0 if none was emitted."""
    reason: str
    """A sentence for people."""


class RecordBatch(NamedTuple):
    """The records of one read of ONE shard, in shard order; the lists have equal lengths.

    Items of the dataflow are batches, since per-item plumbing costs more than the work itself.
    """

    slot: str
    """Partition that owns the shard: routes the batch to the same slot of every sink."""
    stream: str
    shard: str
    sequences: list[str]
    data: list[bytes]
    arrivals: list[float]
    """ApproximateArrivalTimestamp of each record, seconds since the epoch."""
    losses: tuple[Loss, ...] = ()
    """Gaps that were found before the first of these records."""
    subs: tuple[int, ...] | None = None
    """Number of the first piece of each record; None: 0 for all. A replayed dead letter is one piece of a record, and
    keeps its number, or it would be taken for another."""
