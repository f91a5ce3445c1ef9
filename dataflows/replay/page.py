"""Runs the page dry over replayed records: it prints what would be sent, and writes nothing."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from connectors.slack import Outcome, PostResult
from connectors.spool import Commits
from dataflows.domain.alerts import Alert
from dataflows.domain.rules import NO_RULES, Rules
from dataflows.endpoints import Endpoints, delivering, guard, triage_of
from dataflows.log_intelligence import build
from dataflows.render.terminal import terminal
from dataflows.render.texts import texts
from dataflows.replay.files import Origin
from dataflows.replay.source import ReplaySource
from dataflows.rulebook import read_rules
from dataflows.settings import Settings
from dataflows.steps.clock import EventClock
from dataflows.steps.explain import Explaining
from dataflows.steps.posting import Card
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
    alerts: list[Alert] = field(default_factory=list)
    echo: bool = True

    def channel_of(self, alert: Alert) -> str:
        """Where the rules would send it; empty: the default channel."""
        return alert["channel"]

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


class Forgetful:
    """A ledger for a dry run: nothing was ever sent."""

    def sent_at(self, key: str) -> float | None:
        """Never."""
        del key
        return None

    def record_all(self, keys: Sequence[str], sent_ts: float, channel: str, ts: str = "") -> None:
        """Nothing is kept."""
        del keys, sent_ts, channel, ts

    def message(self, key: str) -> Card | None:
        """Nowhere."""
        del key
        return None

    def keep_card(self, key: str, body: str) -> None:
        """Nothing is kept."""
        del key, body

    def card(self, key: str) -> str | None:
        """None."""
        del key
        return None

    def latest(self) -> float | None:
        """Never."""
        return None


def no_letter(alert: Alert, detail: str) -> None:
    """A dry run writes no dead letters: nothing of it is ever refused."""
    del alert, detail


@dataclass(frozen=True)
class Fixed:
    """Rules that stay the same."""

    rules: Rules

    def current(self) -> Rules:
        """The rules."""
        return self.rules


class Silent:
    """An explainer for a dry run: the question is which messages, not what they say."""

    def explain(self, query: Query) -> Explanation:
        """Nothing is known."""
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


def unwired(settings: Settings, origins: Iterator[Origin], collected: Collected, rules: Rules = NO_RULES) -> Endpoints:
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
        explaining=Explaining(Silent(), settings.language, finish_s=60.0),
        delivering=delivering(paced, collected, Forgetful(), clock, refuse=no_letter, finish=True),
        clock=clock,
        rules=Fixed(rules),
        guard=guard(settings, collected, threads=False),
        finish=True,
    )


def rules_of(settings: Settings) -> Rules:
    """The rules of the settings, read once. No `Rulebook`: that keeps a copy, and a dry run writes nothing.

    Raises:
        RulesError: the file cannot be used.
    """
    return read_rules(settings.rules.path) if settings.rules.path else NO_RULES


def dry_run(
    settings: Settings, origins: Iterator[Origin], *, rules: Rules | None = None, echo: bool = True
) -> list[Alert]:
    """Run the page over records without writing anything; returns the messages in order.

    `rules` hold for the whole run, silences by event time; None: those of the settings.

    Raises:
        RulesError: the rules file of the settings cannot be used.
    """
    rules = rules if rules is not None else rules_of(settings)
    collected = Collected(settings.language, echo=echo)
    ends = unwired(settings, origins, collected, rules)
    run_main(build(settings, ends))  # type: ignore[no-untyped-call] # untyped in Bytewax
    return collected.alerts


def tally(alerts: list[Alert]) -> Counter[str]:
    """Messages by reason."""
    return Counter(alert["reason"] for alert in alerts)
