"""The real page between a scheduled source and Slack, to be killed at any time.

Environment: `PLACE`, a folder with `schedule.json`, a list of `[gap in seconds, time of the record, record]`; and the
settings of the Slack side. Into the folder go `ready` once the source is built, `ended` while it has nothing left, and
`history.jsonl`: `["resumed", n]` and `["snapshot", n]` of the source, n counting its snapshots, and between them the
alert documents as they come. What stands before the snapshot from which the next process resumes is committed.
"""

import json
import os
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.kinesis import RecordBatch
from connectors.slots import SLOTS
from dataflows import logs, recovery
from dataflows.endpoints import Endpoints, delivering, guard, open_ledger, rulebook, triage_of
from dataflows.log_intelligence import build
from dataflows.messengers import messenger
from dataflows.replay.page import Nowhere, Silent, no_letter
from dataflows.settings import load
from dataflows.steps.clock import WallClock
from dataflows.steps.drain import Drain
from dataflows.steps.explain import Explaining
from rag.models import Explanation, Query

MOST_THOUGHT_S = 0.3
_IDLE = timedelta(milliseconds=50)


class History:
    """A file that only grows: a resume must not depend on the state of a sink, which Bytewax may build twice."""

    def __init__(self, place: Path) -> None:
        self._file = place / "history.jsonl"

    def add(self, *entries: object) -> None:
        """Append lines, whole even if the process is killed."""
        with self._file.open("ab") as out:
            out.write("".join(json.dumps(entry) + "\n" for entry in entries).encode())


class ScheduledSource(FixedPartitionedSource[RecordBatch, tuple[int, int]]):
    """One record after the other, each a batch; state: how many, and how many snapshots. It ends with the drain."""

    def __init__(self, place: Path, drain: Drain, history: History) -> None:
        self._place = place
        self._drain = drain
        self._history = history

    def list_parts(self) -> list[str]:
        return [SLOTS[0]]

    def build_part(self, step_id: str, for_part: str, resume_state: tuple[int, int] | None) -> "_ScheduledPart":
        index, snapshots = resume_state or (0, 0)
        self._history.add(["resumed", snapshots])
        (self._place / "ready").touch()
        return _ScheduledPart(self._place, self._drain, self._history, index, snapshots)


class _ScheduledPart(StatefulSourcePartition[RecordBatch, tuple[int, int]]):
    def __init__(self, place: Path, drain: Drain, history: History, index: int, snapshots: int) -> None:
        self._schedule = json.loads((place / "schedule.json").read_text())
        self._ended = place / "ended"
        self._drain = drain
        self._history = history
        self._index = index
        self._snapshots = snapshots
        self._next = datetime.now(UTC)

    def next_batch(self) -> Iterable[RecordBatch]:
        if self._drain.asked():
            raise StopIteration
        if self._index == len(self._schedule):
            self._ended.touch()
            self._next = datetime.now(UTC) + _IDLE
            return []
        gap_s, arrival_ts, record = self._schedule[self._index]
        self._index += 1
        self._next = datetime.now(UTC) + timedelta(seconds=gap_s)
        shard, sequence = "shardId-000000000000", str(self._index)
        return [RecordBatch(SLOTS[0], "stream", shard, [sequence], [record.encode()], [arrival_ts])]

    def next_awake(self) -> datetime:
        return self._next

    def snapshot(self) -> tuple[int, int]:
        self._snapshots += 1
        self._history.add(["snapshot", self._snapshots])
        return self._index, self._snapshots


class HistorySink(FixedPartitionedSink[Any, None]):
    """The alert documents with their ids, as they come."""

    def __init__(self, history: History) -> None:
        self._history = history

    def list_parts(self) -> list[str]:
        return ["all"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_HistoryPart":
        return _HistoryPart(self._history)


class _HistoryPart(StatefulSinkPartition[Any, None]):
    def __init__(self, history: History) -> None:
        self._history = history

    def write_batch(self, values: list[Any]) -> None:
        self._history.add(*({"id": doc.id, **json.loads(doc.body)} for docs in values for doc in docs))

    def snapshot(self) -> None:
        return None


class Thoughtful(Silent):
    """Knows nothing, after a while."""

    def explain(self, query: Query) -> Explanation:
        time.sleep(random.uniform(0, MOST_THOUGHT_S))  # noqa: S311 - a delay
        return super().explain(query)


def flow() -> Dataflow:
    """The page over the schedule."""
    settings, place = load(), Path(os.environ["PLACE"])
    recovery.forget_uncommitted(recovery.directory())
    logs.configure(settings.log_level)
    drain, clock, history = Drain(), WallClock(), History(place)
    drain.install()
    to, threads = messenger(settings)
    ledger = open_ledger(settings.state.dir, settings.state.dir / "spool")
    ends = Endpoints(
        source=ScheduledSource(place, drain, history),
        archive=Nowhere(),
        dead_letters=Nowhere(),
        search=Nowhere(),
        history=HistorySink(history),
        sort=triage_of(settings),
        explaining=Explaining(Thoughtful(), settings.language),
        delivering=delivering(settings, to, ledger, clock, threads=threads, refuse=no_letter),
        clock=clock,
        rules=rulebook(settings),
        guard=guard(settings, to, threads=threads is not None),
    )
    return build(settings, ends)
