"""The ends of the page: its source, sinks, explainer and messenger. The only chooser of real adapters."""

import os
import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import structlog
from bytewax.inputs import Source
from bytewax.outputs import Sink

from connectors.kinesis import KinesisSource, RecordBatch
from connectors.opensearch import OpenSearchSink, Refused
from connectors.s3 import S3Outbox, S3Sink
from connectors.slack import Ledger, Outcome, PostResult, SlackConfig, SlackWebhook
from connectors.spool import Chunk, Commits
from dataflows import logs
from dataflows.domain.alerts import Alert
from dataflows.render import slack, terminal
from dataflows.render.archive import refused_line
from dataflows.settings import Settings
from dataflows.steps.clock import Clock, WallClock
from dataflows.steps.deliver import Delivering, Messenger, SentLedger
from dataflows.steps.explain import Explaining
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


class SlackMessenger:
    """Alerts as cards to an incoming webhook."""

    def __init__(self, config: SlackConfig, language: str) -> None:
        self.channel = config.channel
        self._webhook = SlackWebhook(config)
        self._language = language

    def post(self, alert: Alert) -> PostResult:
        """One attempt."""
        return self._webhook.post(slack.card(alert, self._language))


class TerminalMessenger:
    """Alerts as plain text on standard output, where no webhook is set."""

    channel = "terminal"

    def __init__(self, language: str) -> None:
        self._language = language

    def post(self, alert: Alert) -> PostResult:
        """Print it; always accepted."""
        sys.stdout.write(terminal.terminal(alert, self._language) + "\n\n")
        sys.stdout.flush()
        return PostResult(Outcome.ACCEPTED)


def messenger(settings: Settings) -> Messenger:
    """Slack if a webhook is set, else the terminal."""
    if settings.slack.webhook_url is None:
        return TerminalMessenger(settings.language)
    return SlackMessenger(settings.slack, settings.language)


def delivering(
    settings: Settings, to: Messenger, ledger: SentLedger, clock: Clock, *, finish: bool = False
) -> Delivering:
    """The outbox as the settings have it."""
    config = settings.slack
    return Delivering(
        messenger=to,
        ledger=ledger,
        clock=clock,
        wait_for_analysis_s=config.wait_for_analysis_s,
        min_interval_s=config.min_interval_s,
        burst=config.burst,
        max_attempts=config.max_attempts,
        backoff_s=config.backoff_s,
        max_backoff_s=config.max_backoff_s,
        finish=finish,
    )


def triage_of(settings: Settings) -> Triage:
    """Triage with the deployment's redaction key."""
    key = settings.redaction.key
    return Triage(key.get_secret_value().encode() if key else None)


def _refuse(outbox: S3Outbox, refused: list[Refused]) -> None:
    """Documents that the index will never take, into the dead letters, one object each: the same at every replay."""
    for bad in refused:
        line = refused_line(bad.doc.index_name, bad.doc.id, bad.reason, bad.doc.body)
        folder = f"dead-letters/refused={bad.doc.index_name}"
        name = blake2b(bad.doc.id.encode(), digest_size=16).hexdigest()  # an id may be longer than a file name
        outbox.put(Chunk(folder, name, "0", "0", 1, line))


def live(settings: Settings) -> Endpoints:
    """The real ends. Takes over SIGTERM and SIGINT, configures logging, and starts loading the explainer."""
    logs.configure(settings.log_level)
    drain = Drain()
    drain.install()
    commits = Commits()
    spool = settings.state.dir / "spool"
    clock = WallClock()
    refuse = partial(_refuse, S3Outbox("refused", settings.s3, spool))
    explainer = Explainer(settings.rag, settings.openai)
    threading.Thread(target=explainer.warm, name="explain-warm", daemon=True).start()
    return Endpoints(
        source=KinesisSource(settings.kinesis, commits, drain.asked),
        archive=S3Sink("archive", settings.s3, spool, commits),
        dead_letters=S3Sink("dead_letters", settings.s3, spool, commits),
        search=OpenSearchSink("search", settings.opensearch, spool, refuse),
        history=OpenSearchSink("history", settings.opensearch, spool, refuse),
        sort=triage_of(settings),
        explaining=Explaining(explainer, settings.language),
        delivering=delivering(settings, messenger(settings), Ledger(settings.state.dir / "ledger.sqlite3"), clock),
        clock=clock,
    )
