"""The ends of the page: its source, sinks, explainer and messenger. The only chooser of real adapters."""

import os
import signal
import sys
import threading
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
from connectors.slack import Ledger, LedgerError, Outcome, PostResult, SlackConfig, SlackWebhook
from connectors.spool import Chunk, Commits
from dataflows import logs, metrics
from dataflows.domain.alerts import Alert
from dataflows.domain.border import masked
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction_lists import Lists
from dataflows.domain.trace_frames import FRAMEWORKS
from dataflows.render import slack, terminal
from dataflows.render.archive import refused_line
from dataflows.settings import RedactionConfig, Settings, SettingsError
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


class SlackMessenger:
    """Alerts as cards to an incoming webhook."""

    def __init__(self, config: SlackConfig, language: str, border: Border) -> None:
        self.channel = config.channel
        self._webhook = SlackWebhook(config)
        self._language = language
        self._border = border

    def post(self, alert: Alert) -> PostResult:
        """One attempt."""
        return self._webhook.post(self._border(slack.card(alert, self._language)))


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
    return SlackMessenger(settings.slack, settings.language, Border("slack", settings.redaction))


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
    )


def _refuse(outbox: S3Outbox, refused: list[Refused]) -> None:
    """Documents that the index will never take, into the dead letters, one object each: the same at every replay."""
    for bad in refused:
        line = refused_line(bad.doc.index_name, bad.doc.id, bad.reason, bad.doc.body)
        folder = f"dead-letters/refused={bad.doc.index_name}"
        name = blake2b(bad.doc.id.encode(), digest_size=16).hexdigest()  # an id may be longer than a file name
        outbox.put(Chunk(folder, name, "0", "0", 1, line))


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
    refuse = partial(_refuse, S3Outbox("refused", settings.s3, spool))
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
        delivering=delivering(settings, messenger(settings), ledger, clock),
        clock=clock,
    )
