"""A flow for the resharding scenario: every record into files that are committed with the epoch.

A part's file number k holds the rows of its k-th epoch and is written in `snapshot()`; a resume removes files above
the number in its state. So the files together are exactly the committed output, in order.
"""

import json
import os
from pathlib import Path
from typing import Any
from zlib import crc32

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.kinesis import KinesisConfig, KinesisSource, RecordBatch
from connectors.spool import Commits
from dataflows.steps.drain import Drain

PARTS = ["a", "b", "c", "d"]


class CommittedFiles(FixedPartitionedSink[Any, int]):
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_parts(self) -> list[str]:
        return PARTS

    def part_fn(self, item_key: str) -> int:
        return crc32(item_key.encode()) % len(PARTS)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_Part":
        return _Part(self._folder, for_part, resume_state or 0)


class _Part(StatefulSinkPartition[Any, int]):
    def __init__(self, folder: Path, name: str, epoch: int) -> None:
        self._folder, self._name, self._epoch = folder, name, epoch
        self._rows: list[Any] = []
        for file in folder.glob(f"{name}-*.json"):
            if int(file.stem.split("-")[1]) > epoch:
                file.unlink()

    def write_batch(self, values: list[Any]) -> None:
        self._rows += values

    def snapshot(self) -> int:
        self._epoch += 1
        file = self._folder / f"{self._name}-{self._epoch:06d}.json"
        file.with_suffix(".new").write_text(json.dumps(self._rows))
        file.with_suffix(".new").replace(file)  # the test reads while this process writes
        self._rows = []
        return self._epoch


def _rows(batch: RecordBatch) -> list[tuple[str, Any]]:
    return [(row["k"], [row["k"], row["n"], batch.shard]) for row in map(json.loads, batch.data)]


def flow() -> Dataflow:
    """Kinesis to committed files."""
    drain = Drain()
    drain.install()
    config = KinesisConfig(
        stream=os.environ["STREAM"],
        endpoint_url=os.environ["ENDPOINT"],
        region="eu-central-1",
        read_limit=100,
        idle_gap_s=0.2,
        refresh_s=1,
        parent_wait_s=float(os.environ.get("PARENT_WAIT", "60")),
    )
    made = Dataflow("scenario")
    batches = op.input("in", made, KinesisSource(config, Commits(), drain.asked))
    op.output("out", op.flat_map("rows", batches, _rows), CommittedFiles(Path(os.environ["OUT"])))
    return made
