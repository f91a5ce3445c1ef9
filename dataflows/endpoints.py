"""The ends of the page: its source, sinks, explainer and messenger. The only chooser of real adapters."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import structlog
from bytewax.inputs import Source
from bytewax.outputs import Sink

from connectors.breaker import Breaker, OpenCircuitError, breaker
from connectors.kinesis import KinesisSource, RecordBatch, Watch
from connectors.opensearch import OpenSearchSink
from connectors.s3 import S3Outbox, S3Sink
from connectors.slack import Ledger, LedgerError
from connectors.spool import Commits, Pressure
from dataflows import logs, metrics
from dataflows.domain.alerts import Alert
from dataflows.domain.books import BY_MINUTE, Account, Books, Identity
from dataflows.domain.correlating import Guard
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.outbox import Pace
from dataflows.domain.own import Own
from dataflows.domain.resent import Resent
from dataflows.domain.rules import RulesError
from dataflows.domain.trace.frames import FRAMEWORKS
from dataflows.messengers import Border, messenger, redactor_of
from dataflows.render.slack import MAX_DIGEST_LINES
from dataflows.rulebook import Rulebook
from dataflows.settings import Settings, SettingsError
from dataflows.steps import clock_watch
from dataflows.steps.books import alone, book_read, book_taken, book_written
from dataflows.steps.clock import Clock, WallClock
from dataflows.steps.deliver import Delivering
from dataflows.steps.drain import Drain
from dataflows.steps.explain import Explaining
from dataflows.steps.posting import Messenger, Poster, SentLedger, Threads
from dataflows.steps.refused import refuse, refuse_alert
from dataflows.steps.throttle import RuleSource
from dataflows.steps.triage import Triage
from dataflows.steps.unpaused import collect_rarely
from dataflows.steps.warm_up import WarmUp
from rag.circuit import CircuitOpenError
from rag.explainer import Explainer
from rag.incidents import Memory
from rag.incidents.notebook import FILE as NOTEBOOK

log = structlog.get_logger(__name__)


SEARCH_SHARE = 0.5
"""Of the spool, for documents that wait for OpenSearch: its outage must not hold back the archive and the alerts. Our
choice."""
LEDGER_S = 35 * 86_400.0
"""How long it is remembered what was sent, and what cards show. Our choice: longer than streams usually keep records.
A replay of what is older would tell it again."""

MODEL_REST_S = 60.0
"""How long a model that failed five times in a row is left alone: one question may hold a thread for 40 s."""


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
    books: Books = field(default_factory=Books)
    """What source, triage and sinks book into; without identities by default: ends in memory do not keep them."""
    finish: bool = False
    """True in a replay: the end of the input closes windows and sends what waits. Live they stay in the state."""


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


def guard(settings: Settings, to: Messenger, *, threads: bool) -> Guard:
    """How channels are kept readable, as the settings have it."""
    config = settings.slack
    return Guard(
        per_minute=config.max_per_minute,
        gather_s=config.digest_s,
        digest_lines=MAX_DIGEST_LINES,
        fold=config.fold_cascades,
        threads=threads,
        tell_resolved=config.tell_resolved,
        channel_of=to.channel_of,
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


def books_of(arguments: Sequence[str], environ: Mapping[str, str]) -> Books:
    """The books of this process; none if there are others: a batch is read in one and archived in another."""
    if alone(arguments, environ):
        return Books(BY_MINUTE)
    log.info("books.not_kept", cause="there are several processes", instead="compare sums of metrics: docs/books.md")
    return Books()


def triage_of(settings: Settings, books: Books | None = None) -> Triage:
    """Triage with the deployment's redaction and fingerprints."""
    key, prints = settings.redaction.key, settings.fingerprint
    return Triage(
        key.get_secret_value().encode() if key else None,
        redactor=redactor_of(settings.redaction),
        frameworks=FRAMEWORKS.extended(prints.in_app, prints.frameworks),
        cap=NewFaultCap(prints.new_per_minute),
        own=Own(socket.gethostname()),
        resent=Resent(),
        books=books,
    )


def open_ledger(state: Path, spool: Path) -> Ledger:
    """Make the state folder with the spool, prove that both take files, and open the ledger.

    Raises:
        SettingsError: they do not; one line names the setting, its value, and what to do.
    """
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=spool):  # what exists may be read-only
            ledger = Ledger(state / "ledger.sqlite3")
            ledger.prune(time.time() - LEDGER_S)
            return ledger
    except LedgerError as err:
        msg = f"CALI_STATE__DIR is {str(state)!r}: {err}"
        raise SettingsError(msg) from None
    except OSError as err:
        advice = "point it at a writable folder of the recovery volume"
        msg = f"CALI_STATE__DIR is {str(state)!r}: {str(spool)!r} cannot be made or written ({err.strerror}): {advice}"
        raise SettingsError(msg) from None


def explainer_of(settings: Settings) -> Explainer:
    """The explainer, with what it was told before and what that cost in the state folder."""
    store = breaker("milvus", settings.rag.milvus_uri)
    model = breaker("openai", settings.openai.base_url or "", rest_s=MODEL_REST_S)
    return Explainer(
        settings.rag,
        settings.openai,
        border=Border("openai", settings.redaction),
        state=settings.state.dir / "explanations.sqlite3",
        memory=Memory(settings.rag, settings.state.dir / NOTEBOOK, guard=partial(guarded, store)),
        store_guard=partial(guarded, store),
        model_guard=partial(guarded, model),
    )


@contextmanager
def guarded(circuit: Breaker) -> Iterator[None]:
    """A breaker as rag knows one."""
    try:
        with circuit():
            yield
    except OpenCircuitError as err:
        raise CircuitOpenError(str(err)) from err


def _beat(warm_up: WarmUp) -> None:
    """Kinesis has answered a read."""
    metrics.SINCE_READ.beat()
    warm_up.reading()


def live(
    settings: Settings, *, drain: Drain | None = None, commits: Commits | None = None, spool: Path | None = None
) -> Endpoints:
    """The real ends. Takes over SIGTERM and SIGINT, configures logging, and loads the explainer once records are read.

    A replay puts its own source in the place of Kinesis, so it gives the drain and the commits that its source heeds,
    and a spool folder of its own: what a resumed state does not know is removed from the spool.
    """
    logs.configure(settings.log_level)
    collect_rarely()
    drain, commits = drain or Drain(), commits or Commits()
    drain.install()
    clock_watch.watch()
    is_replay = spool is not None
    spool = spool or settings.state.dir / "spool"
    ledger = open_ledger(settings.state.dir, spool)
    clock = WallClock()
    pressure = Pressure(spool, settings.state.spool_max_bytes)
    refused = S3Outbox("refused", settings.s3, spool, pressure)
    give_up = partial(refuse, refused)
    to, threads = messenger(settings)
    warm_up = WarmUp(explainer_of(settings), drain.asked)
    warm_up.start(at_once=is_replay)
    books = books_of(sys.argv[1:], os.environ)
    watch = Watch(partial(_beat, warm_up), partial(book_read, books))
    archived, dead = (partial(book_written, books, account) for account in (Account.ARCHIVED, Account.DEAD))
    waiting = pressure.share(SEARCH_SHARE)
    search = OpenSearchSink(
        "search", settings.opensearch, spool, give_up, taken=partial(book_taken, books), share=waiting
    )
    history = OpenSearchSink("history", settings.opensearch, spool, give_up, share=waiting)
    books.stand(Identity.SEARCH, search.balance)
    books.stand(Identity.HISTORY, history.balance)
    return Endpoints(
        source=KinesisSource(settings.kinesis, commits, drain.asked, pressure.full, watch),
        archive=S3Sink("archive", settings.s3, spool, commits, pressure, archived),
        dead_letters=S3Sink("dead_letters", settings.s3, spool, commits, pressure, dead),
        search=search,
        history=history,
        sort=triage_of(settings, books),
        explaining=Explaining(warm_up, settings.language),
        delivering=delivering(settings, to, ledger, clock, threads=threads, refuse=partial(refuse_alert, refused)),
        clock=clock,
        rules=rulebook(settings),
        guard=guard(settings, to, threads=threads is not None),
        books=books,
    )
