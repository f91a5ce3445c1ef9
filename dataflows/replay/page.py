"""Runs the page over replayed records: the source is a list of files, the clock is their event time."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from connectors.kinesis import RecordBatch
from connectors.slack import Outcome, PostResult
from connectors.slots import slot_of_name
from dataflows.domain.alerts import Alert
from dataflows.endpoints import Endpoints, delivering, live, triage_of
from dataflows.log_intelligence import build
from dataflows.render.terminal import terminal
from dataflows.replay.files import Origin
from dataflows.settings import Settings
from dataflows.steps.clock import EventClock
from dataflows.steps.explain import Explaining
from rag.models import Explanation, Query

BATCH = 500
"""Records of one replayed batch at most."""


class _ReplayPartition(StatefulSourcePartition[RecordBatch, None]):
    def __init__(self, origins: Iterator[Origin]) -> None:
        self._runs = groupby(origins, key=lambda origin: origin.shard)
        self._run: Iterator[Origin] = iter(())

    def next_batch(self) -> list[RecordBatch]:
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
            )
        ]

    def snapshot(self) -> None:
        return None


class ReplaySource(FixedPartitionedSource[RecordBatch, None]):
    """Reads records once, in order, in one partition. Not resumable: replaying again writes the same ids."""

    def __init__(self, origins: Iterator[Origin]) -> None:
        self._part = _ReplayPartition(origins)

    def list_parts(self) -> list[str]:
        """One partition: order is kept."""
        return ["replay"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _ReplayPartition:
        """The one partition."""
        del step_id, for_part, resume_state
        return self._part


class _Counted(Iterator[Origin]):
    """Records, counted as they are read."""

    def __init__(self, origins: Iterator[Origin]) -> None:
        self._origins = origins
        self.records = 0

    def __next__(self) -> Origin:
        origin = next(self._origins)
        self.records += 1
        return origin


class _NowherePartition(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        """Nothing: a dry run writes nothing."""


class Nowhere(DynamicSink[Any]):
    """A sink that takes everything and keeps nothing; for dry runs, which have no recovery and write nothing."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _NowherePartition:
        """One per worker."""
        del step_id, worker_index, worker_count
        return _NowherePartition()


@dataclass
class Collected:
    """The messages of a dry run, in order, instead of a channel."""

    language: str
    channel: str = "dry-run"
    alerts: list[Alert] = field(default_factory=list)
    echo: bool = True

    def post(self, alert: Alert) -> PostResult:
        """Keep it, and print it."""
        self.alerts.append(alert)
        if self.echo:
            print(terminal(alert, self.language), end="\n\n", flush=True)  # noqa: T201 - this is the command's output
        return PostResult(Outcome.ACCEPTED)


class _Forgetful:
    """A ledger for a dry run: nothing was ever sent."""

    def sent_at(self, key: str) -> float | None:
        del key
        return None

    def record(self, key: str, sent_ts: float, channel: str) -> None:
        del key, sent_ts, channel


class _Silent:
    """An explainer for a dry run: the question is which messages, not what they say."""

    def explain(self, query: Query) -> Explanation:
        del query
        return Explanation(
            verdict="none",
            confidence=0.0,
            source="none",
            summary="",
            causes=[],
            actions=[],
            citations=[],
            missing=["knowledge_base"],
            model="",
        )


def unwired(settings: Settings, origins: Iterator[Origin], collected: Collected) -> Endpoints:
    """Ends that touch nothing outside the process."""
    clock = EventClock()
    paced = settings.model_copy(update={"slack": settings.slack.model_copy(update={"min_interval_s": 0.0})})
    return Endpoints(
        source=ReplaySource(origins),
        archive=Nowhere(),
        dead_letters=Nowhere(),
        search=Nowhere(),
        history=Nowhere(),
        sort=triage_of(settings),
        explaining=Explaining(_Silent(), settings.language, finish_s=60.0),
        delivering=delivering(paced, collected, _Forgetful(), clock, finish=True),
        clock=clock,
        finish=True,
    )


def dry_run(settings: Settings, origins: Iterator[Origin], *, echo: bool = True) -> tuple[int, list[Alert]]:
    """Run the page over records without writing anything; returns the records read and the messages in order."""
    collected = Collected(settings.language, echo=echo)
    counted = _Counted(origins)
    run_main(build(settings, unwired(settings, counted, collected)))  # type: ignore[no-untyped-call] # untyped in Bytewax
    return counted.records, collected.alerts


def replay(settings: Settings, origins: Iterator[Origin]) -> int:
    """Run the page over records for real, but for the archive, which has them; returns how many were read."""
    clock = EventClock()
    counted = _Counted(origins)
    io = live(settings)
    io = replace(
        io,
        source=ReplaySource(counted),
        archive=Nowhere(),
        clock=clock,
        finish=True,
        explaining=replace(io.explaining, finish_s=60.0),
        delivering=replace(io.delivering, clock=clock, finish=True),
    )
    run_main(build(settings, io))  # type: ignore[no-untyped-call] # untyped in Bytewax
    return counted.records


def tally(alerts: list[Alert]) -> Counter[str]:
    """Messages by reason."""
    return Counter(alert["reason"] for alert in alerts)
