"""The real page over sources and sinks in memory, run three ways as Bytewax runs its own operator tests."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import TestingSource, cluster_main, run_main

from connectors.kinesis import RecordBatch
from connectors.slack import Outcome, PostResult
from connectors.slots import SLOTS, slot_number, slot_of
from dataflows.domain.alerts import Alert
from dataflows.domain.books import Books
from dataflows.endpoints import Endpoints, delivering, guard, rulebook
from dataflows.log_intelligence import build
from dataflows.replay.page import Forgetful, no_letter
from dataflows.settings import Settings
from dataflows.steps.clock import WallClock
from dataflows.steps.explain import Explaining
from dataflows.steps.triage import Triage
from rag.models import Explanation, Query


class MemorySink(FixedPartitionedSink[Any, None]):
    """Keeps what is written, by slot."""

    def __init__(self) -> None:
        self.told: Callable[[list[Any]], Any] = len
        self.written: dict[str, list[Any]] = defaultdict(list)

    def list_parts(self) -> list[str]:
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "MemoryPart":
        return MemoryPart(self.written[for_part], self.told)

    @property
    def items(self) -> list[Any]:
        """Everything, in order within a slot."""
        return [item for slot in SLOTS for item in self.written.get(slot, [])]


class MemoryPart(StatefulSinkPartition[Any, None]):
    """One slot."""

    def __init__(self, written: list[Any], told: Callable[[list[Any]], Any]) -> None:
        self._written = written
        self._told = told

    def write_batch(self, values: list[Any]) -> None:
        self._written.extend(values)
        self._told(values)

    def snapshot(self) -> None:
        return None


@dataclass
class Channel:
    """A messenger that keeps what it is given."""

    alerts: list[Alert] = field(default_factory=list)

    def channel_of(self, alert: Alert) -> str:
        return alert["channel"] or "memory"

    def post(self, alert: Alert) -> PostResult:
        self.alerts.append(alert)
        return PostResult(Outcome.ACCEPTED)


class Memory(Forgetful):
    """A ledger that outlives a run, not a process."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}

    def sent_at(self, key: str) -> float | None:
        return self.sent.get(key)

    def record_all(self, keys: Sequence[str], sent_ts: float, channel: str, ts: str = "") -> None:
        self.sent |= dict.fromkeys(keys, sent_ts)


class Echo:
    """Explains every fault at once, with its service."""

    def explain(self, query: Query) -> Explanation:
        return Explanation(
            verdict="none",
            confidence=0.1,
            source="none",
            summary=f"asked about {query.service}",
            causes=[],
            actions=[],
            citations=[],
            missing=[],
            model="",
        )


@dataclass
class World:
    """The page's ends, in memory."""

    batches: list[Any]
    settings: Settings = field(default_factory=lambda: Settings(_env_file=None))
    archive: MemorySink = field(default_factory=MemorySink)
    dead_letters: MemorySink = field(default_factory=MemorySink)
    search: MemorySink = field(default_factory=MemorySink)
    history: MemorySink = field(default_factory=MemorySink)
    channel: Channel = field(default_factory=Channel)
    ledger: Memory = field(default_factory=Memory)
    books: Books = field(default_factory=Books)
    source: Any = None
    finish: bool = True
    batch_size: int = 1

    def flow(self) -> Any:
        """The real page over these ends."""
        clock = WallClock()
        slack = self.settings.slack.model_copy(update={"min_interval_s": 0.0, "wait_for_analysis_s": 5.0})
        settings = self.settings.model_copy(update={"slack": slack})
        io = Endpoints(
            source=self.source or TestingSource(self.batches, self.batch_size),
            archive=self.archive,
            dead_letters=self.dead_letters,
            search=self.search,
            history=self.history,
            sort=Triage(b"key", books=self.books),
            explaining=Explaining(Echo(), "en", finish_s=10.0),
            delivering=delivering(settings, self.channel, self.ledger, clock, refuse=no_letter, finish=self.finish),
            rules=rulebook(settings),
            guard=guard(settings, self.channel, threads=False),
            clock=clock,
            books=self.books,
            finish=self.finish,
        )
        return build(settings, io)


def _cluster(workers: int) -> Callable[..., None]:
    return lambda flow, **options: cluster_main(flow, [], 0, worker_count_per_proc=workers, **options)


@pytest.fixture(params=["run_main", "cluster_main-1", "cluster_main-2"])
def entry_point(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Ways to run a flow: alone, and with one and two workers."""
    return {"run_main": run_main, "cluster_main-1": _cluster(1), "cluster_main-2": _cluster(2)}[request.param]


def batch(shard: int, start: int, *records: bytes, arrival_ts: float = 1_795_000_000.0) -> RecordBatch:
    """A batch of one shard with consecutive sequence numbers."""
    return RecordBatch(
        slot_of(shard),
        "stream",
        f"shardId-{shard:012d}",
        [str(start + i) for i in range(len(records))],
        list(records),
        [arrival_ts + i / 1000 for i in range(len(records))],
    )


def line(level: str, message: str, service: str = "pay", ts: float | None = None) -> bytes:
    """A record in the parsed-fields shape."""
    record: dict[str, Any] = {"level": level, "log_content": message, "service": service}
    if ts is not None:
        record["timestamp"] = ts
    return json.dumps(record).encode() + b"\n"


@pytest.fixture
def make() -> Any:
    """`batch` and `line`."""
    return batch, line


@pytest.fixture
def world() -> type[World]:
    """Makes a world of batches."""
    return World
