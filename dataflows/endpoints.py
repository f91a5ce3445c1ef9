"""The ends of the page: its source, sinks, explainer and messenger. The only chooser of real adapters."""

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import structlog
from bytewax.inputs import Source
from bytewax.outputs import Sink

from connectors.kinesis import KinesisSource, RecordBatch
from connectors.opensearch import OpenSearchSink, Refused
from connectors.s3 import S3Outbox, S3Sink
from connectors.slack import Ledger, LedgerError, Outcome, PostResult, SlackBot, SlackConfig, SlackWebhook
from connectors.spool import Chunk, Commits
from dataflows import logs, metrics
from dataflows.domain.alerts import Alert
from dataflows.domain.border import masked
from dataflows.domain.correlating import Guard
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.outbox import Pace
from dataflows.domain.own import Own
from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction.lists import Lists
from dataflows.domain.rules import RulesError
from dataflows.domain.trace.frames import FRAMEWORKS
from dataflows.render import slack, terminal
from dataflows.render.archive import refused_line
from dataflows.render.links import Links
from dataflows.render.slack import MAX_DIGEST_LINES
from dataflows.rulebook import Rulebook
from dataflows.settings import RedactionConfig, Settings, SettingsError
from dataflows.steps.clock import Clock, WallClock
from dataflows.steps.deliver import Delivering
from dataflows.steps.explain import Explaining
from dataflows.steps.posting import Card, Messenger, Poster, SentLedger, Threads
from dataflows.steps.throttle import RuleSource
from dataflows.steps.triage import Triage
from rag.explainer import Explainer

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Endpoints:
    """Everything the page touches outside itself."""

    source: Source[RecordBatch]
    archive: Sink[Any]
    dead_letters: Sink[Any]
    search: Sink[Any]
    history: Sink[Any]
    sort: Triage
    explaining: Explaining
    delivering: Delivering
    clock: Clock
    rules: RuleSource
    guard: Guard
    finish: bool = False
    """True in a replay: the end of the input closes windows and sends what waits. Live they stay in the state."""


class Drain:
    """Turns the first SIGTERM or SIGINT into an orderly end; a second one ends the process at once.

    Sources then end after their last emitted batch, a last snapshot is written, and nothing is replayed.
    """

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        """True once the process should end."""
        return self._asked

    def install(self) -> None:
        """Take over both signals. Only from the main thread, where `bytewax.run` builds the flow."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handle)
            signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, _frame: object) -> None:
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        log.info("drain.started", signal=signal.Signals(number).name)


class Border:
    """Looks once more at every body that leaves for one place; a secret is masked, counted and logged by class."""

    def __init__(self, to: str, config: RedactionConfig) -> None:
        self._to = to
        self._redactor = redactor_of(config)
        self._key = config.key.get_secret_value().encode() if config.key else None

    def __call__(self, body: Any) -> Any:  # noqa: ANN401 - JSON of whatever shape
        """The body without secrets. Never raises for data."""
        clean, found = masked(body, self._redactor, self._key)
        for kind in found:
            metrics.BORDER.labels(self._to, kind).inc()
            log.error("border.hit", to=self._to, kind=kind, effect="masked; it should have been masked in triage")
        return clean


class WebhookMessenger:
    """Alerts as cards to incoming webhooks: one for each channel that has its own, and one for the rest."""

    def __init__(self, config: SlackConfig, language: str, links: Links, border: Border) -> None:
        self._channel = config.channel
        self._hooks = {name: SlackWebhook(config, url) for name, url in config.webhook_urls.items()}
        if config.webhook_url is not None:
            self._hooks.setdefault(config.channel, SlackWebhook(config, config.webhook_url))
        self._language = language
        self._links = links
        self._border = border

    def channel_of(self, alert: Alert) -> str:
        """The channel of the rules if it has a webhook, else the default one."""
        return alert["channel"] if alert["channel"] in self._hooks else self._channel

    def post(self, alert: Alert) -> PostResult:
        """One attempt."""
        hook = self._hooks.get(self.channel_of(alert))
        if hook is None:
            detail = f"no webhook for {self.channel_of(alert)}: set CALI_SLACK__WEBHOOK_URL"
            return PostResult(Outcome.TERMINAL, detail=detail)
        return hook.post(self._border(slack.card(alert, self._language, links=self._links)))


class BotMessenger:
    """Alerts as cards of an app: updated in place, with what follows in their threads."""

    def __init__(self, config: SlackConfig, language: str, links: Links, border: Border) -> None:
        self._channel = config.channel
        self._bot = SlackBot(config)
        self._language = language
        self._links = links
        self._border = border

    def channel_of(self, alert: Alert) -> str:
        """The channel of the rules, else the default one."""
        return alert["channel"] or self._channel

    def post(self, alert: Alert) -> PostResult:
        """One attempt at a message of its own."""
        body = self._border(slack.card(alert, self._language, links=self._links))
        lines = [line["id"] for line in alert["lines"]]
        return self._bot.post(self.channel_of(alert), body, key=alert["id"], lines=lines)

    def reply(self, alert: Alert, card: Card, *, broadcast: bool) -> PostResult:
        """One attempt at an answer under a card."""
        body = self._border(slack.reply(alert, self._language))
        return self._bot.post(card[0], body, key=alert["id"], thread_ts=card[1], broadcast=broadcast)

    def update(self, opening: Alert, latest: Alert | None, card: Card) -> PostResult:
        """One attempt at showing a card anew."""
        body = (
            slack.card(opening, self._language, links=self._links)
            if latest is None
            else slack.card_now(opening, latest, self._language, links=self._links)
        )
        return self._bot.update(card[0], card[1], self._border(body), key=opening["id"])

    def sent_since(self, channel: str, oldest_ts: float, threads: Sequence[str]) -> dict[str, Card] | None:
        """Messages of this app by key."""
        return self._bot.sent_since(channel, oldest_ts, threads=threads)


class TerminalMessenger:
    """Alerts as plain text on standard output, where no webhook and no token is set."""

    def __init__(self, language: str, links: Links) -> None:
        self._language = language
        self._links = links

    def channel_of(self, alert: Alert) -> str:
        """There is one."""
        del alert
        return "terminal"

    def post(self, alert: Alert) -> PostResult:
        """Print it; always accepted."""
        sys.stdout.write(terminal.terminal(alert, self._language, links=self._links) + "\n\n")
        sys.stdout.flush()
        return PostResult(Outcome.ACCEPTED)


def messenger(settings: Settings) -> tuple[Messenger, Threads | None]:
    """The bot if there is a token, else webhooks, else the terminal; and the bot once more if it is one."""
    config, border = settings.slack, Border("slack", settings.redaction)
    links = Links(search_url=settings.cards.search_url)
    if config.bot_token is not None:
        bot = BotMessenger(config, settings.language, links, border)
        return bot, bot
    if config.webhook_url is not None or config.webhook_urls:
        return WebhookMessenger(config, settings.language, links, border), None
    return TerminalMessenger(settings.language, links), None


def delivering(  # noqa: PLR0913 - the parts of an outbox
    settings: Settings,
    to: Messenger,
    ledger: SentLedger,
    clock: Clock,
    *,
    threads: Threads | None = None,
    refuse: Callable[[Alert, str], None],
    finish: bool = False,
) -> Delivering:
    """The outbox as the settings have it."""
    config = settings.slack
    return Delivering(
        poster=Poster(to, threads, ledger, clock),
        clock=clock,
        pace=Pace(config.min_interval_s, config.burst, config.max_attempts, config.backoff_s, config.max_backoff_s),
        wait_for_analysis_s=config.wait_for_analysis_s,
        refuse=refuse,
        finish=finish,
    )


def guard(settings: Settings, *, threads: bool) -> Guard:
    """How channels are kept readable, as the settings have it."""
    config = settings.slack
    return Guard(
        per_minute=config.max_per_minute,
        gather_s=config.digest_s,
        digest_lines=MAX_DIGEST_LINES,
        fold=config.fold_cascades,
        threads=threads,
        tell_resolved=config.tell_resolved,
    )


def rulebook(settings: Settings) -> Rulebook:
    """The rules file, watched.

    Raises:
        SettingsError: there is a file, it is wrong, and no earlier version of it is known to be right.
    """
    path = settings.rules.path
    try:
        return Rulebook(path, settings.state.dir / "rules.last-good.yaml")
    except RulesError as err:
        msg = f"CALI_RULES__PATH is {str(path)!r}: {err}"
        raise SettingsError(msg) from None


def redactor_of(config: RedactionConfig) -> Redactor:
    """Redaction with the deployment's lists."""
    return Redactor(Lists(config.allow, config.deny, config.deny_fields))


def triage_of(settings: Settings) -> Triage:
    """Triage with the deployment's redaction and fingerprints."""
    key, prints = settings.redaction.key, settings.fingerprint
    return Triage(
        key.get_secret_value().encode() if key else None,
        redactor=redactor_of(settings.redaction),
        frameworks=FRAMEWORKS.extended(prints.in_app, prints.frameworks),
        cap=NewFaultCap(prints.new_per_minute),
        own=Own(socket.gethostname()),
    )


def _refuse(outbox: S3Outbox, refused: list[Refused]) -> None:
    """Documents that the index will never take, into the dead letters, one object each: the same at every replay."""
    for bad in refused:
        line = refused_line(bad.doc.index_name, bad.doc.id, bad.reason, bad.doc.body)
        folder = f"dead-letters/refused={bad.doc.index_name}"
        name = blake2b(bad.doc.id.encode(), digest_size=16).hexdigest()  # an id may be longer than a file name
        outbox.put(Chunk(folder, name, "0", "0", 1, line))


def _refuse_alert(outbox: S3Outbox, alert: Alert, detail: str) -> None:
    """An alert that Slack will never take, into the dead letters."""
    line = refused_line("slack", alert["id"], detail, json.dumps(alert).encode())
    name = blake2b(alert["id"].encode(), digest_size=16).hexdigest()
    outbox.put(Chunk("dead-letters/refused=slack", name, "0", "0", 1, line))


def open_ledger(state: Path, spool: Path) -> Ledger:
    """Make the state folder with the spool, prove that both take files, and open the ledger.

    Raises:
        SettingsError: they do not; one line names the setting, its value, and what to do.
    """
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=spool):  # what exists may be read-only
            return Ledger(state / "ledger.sqlite3")
    except LedgerError as err:
        msg = f"CALI_STATE__DIR is {str(state)!r}: {err}"
        raise SettingsError(msg) from None
    except OSError as err:
        advice = "point it at a writable folder of the recovery volume"
        msg = f"CALI_STATE__DIR is {str(state)!r}: {str(spool)!r} cannot be made or written ({err.strerror}): {advice}"
        raise SettingsError(msg) from None


def live(
    settings: Settings, *, drain: Drain | None = None, commits: Commits | None = None, spool: Path | None = None
) -> Endpoints:
    """The real ends. Takes over SIGTERM and SIGINT, configures logging, and starts loading the explainer.

    A replay puts its own source in the place of Kinesis, so it gives the drain and the commits that its source heeds,
    and a spool folder of its own: what a resumed state does not know is removed from the spool.
    """
    logs.configure(settings.log_level)
    drain, commits = drain or Drain(), commits or Commits()
    drain.install()
    spool = spool or settings.state.dir / "spool"
    ledger = open_ledger(settings.state.dir, spool)
    clock = WallClock()
    refused = S3Outbox("refused", settings.s3, spool)
    refuse = partial(_refuse, refused)
    to, threads = messenger(settings)
    explainer = Explainer(settings.rag, settings.openai, border=Border("openai", settings.redaction))
    threading.Thread(target=explainer.warm, name="explain-warm", daemon=True).start()
    return Endpoints(
        source=KinesisSource(settings.kinesis, commits, drain.asked),
        archive=S3Sink("archive", settings.s3, spool, commits),
        dead_letters=S3Sink("dead_letters", settings.s3, spool, commits),
        search=OpenSearchSink("search", settings.opensearch, spool, refuse),
        history=OpenSearchSink("history", settings.opensearch, spool, refuse),
        sort=triage_of(settings),
        explaining=Explaining(explainer, settings.language),
        delivering=delivering(settings, to, ledger, clock, threads=threads, refuse=partial(_refuse_alert, refused)),
        clock=clock,
        rules=rulebook(settings),
        guard=guard(settings, threads=threads is not None),
    )
