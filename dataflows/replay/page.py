"""Runs the page dry over replayed records: it prints what would be sent, and writes nothing."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from connectors.slack import Outcome, PostResult
from connectors.spool import Commits
from dataflows.domain.alerts import Alert
from dataflows.endpoints import Endpoints, delivering, triage_of
from dataflows.log_intelligence import build
from dataflows.render.terminal import terminal
from dataflows.render.texts import texts
from dataflows.replay.files import Origin
from dataflows.replay.source import ReplaySource
from dataflows.settings import Settings
from dataflows.steps.clock import EventClock
from dataflows.steps.explain import Explaining
from rag.models import Explanation, Query


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
            print(_card(alert, self.language), end="\n\n", flush=True)  # noqa: T201 - this is the command's output
        return PostResult(Outcome.ACCEPTED)


def _card(alert: Alert, language: str) -> str:
    """The card without a word of analysis: none was asked for, so none is missing and none is still to come."""
    bare = alert.copy()
    bare.pop("explanation", None)
    not_yet = r"\s+".join(map(re.escape, texts(language).not_yet.split()))  # the card may break its lines anywhere
    return re.sub(rf"\s+·\s+{not_yet}\Z", "", terminal(bare, language))


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
            missing=[],
            model="",
        )


def unwired(settings: Settings, origins: Iterator[Origin], collected: Collected) -> Endpoints:
    """Ends that touch nothing outside the process."""
    clock = EventClock()
    paced = settings.model_copy(update={"slack": settings.slack.model_copy(update={"min_interval_s": 0.0})})
    return Endpoints(
        source=ReplaySource(origins, Commits()),
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


def dry_run(settings: Settings, origins: Iterator[Origin], *, echo: bool = True) -> list[Alert]:
    """Run the page over records without writing anything; returns the messages in order."""
    collected = Collected(settings.language, echo=echo)
    run_main(build(settings, unwired(settings, origins, collected)))  # type: ignore[no-untyped-call] # untyped in Bytewax
    return collected.alerts


def tally(alerts: list[Alert]) -> Counter[str]:
    """Messages by reason."""
    return Counter(alert["reason"] for alert in alerts)
