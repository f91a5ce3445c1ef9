"""Replayed records as the page's source."""

from collections.abc import Iterator
from itertools import groupby, islice

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.kinesis import RecordBatch
from connectors.slots import slot_of_name
from connectors.spool import Commits
from dataflows.replay.files import Origin

BATCH = 500
"""Records of one replayed batch at most."""


class _ReplayPartition(StatefulSourcePartition[RecordBatch, None]):
    def __init__(self, origins: Iterator[Origin], commits: Commits) -> None:
        self._runs = groupby(origins, key=lambda origin: origin.shard)
        self._run: Iterator[Origin] = iter(())
        self._commits = commits
        self._snapshotted = False

    def next_batch(self) -> list[RecordBatch]:
        if self._snapshotted:
            self._snapshotted = False
            self._commits.advance()
        batch = list(islice(self._run, BATCH))
        while not batch:
            _, self._run = next(self._runs)  # StopIteration: the end of the input
            batch = list(islice(self._run, BATCH))
        shard = batch[0].shard
        return [
            RecordBatch(
                slot_of_name(shard),
                "replay",
                shard,
                [origin.sequence for origin in batch],
                [origin.raw for origin in batch],
                [origin.arrival_ts for origin in batch],
                subs=tuple(origin.sub for origin in batch),
            )
        ]

    def snapshot(self) -> None:
        self._snapshotted = True


class ReplaySource(FixedPartitionedSource[RecordBatch, None]):
    """Reads records once, in order, in one partition. Not resumable: replaying again writes the same ids.

    It tells `commits` of each epoch that is done, so that the sinks send during the replay what they hold.
    """

    def __init__(self, origins: Iterator[Origin], commits: Commits) -> None:
        self._part = _ReplayPartition(origins, commits)

    def list_parts(self) -> list[str]:
        """One partition: order is kept."""
        return ["replay"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _ReplayPartition:
        """The one partition."""
        del step_id, for_part, resume_state
        return self._part
