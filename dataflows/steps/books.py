"""`books`: looks at the books once a minute, and tells what does not balance as an alert about CALI itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypedDict

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from connectors.kinesis import RecordBatch
from connectors.opensearch import Doc
from connectors.spool import Chunk
from dataflows import metrics
from dataflows.domain.alerts import Alert
from dataflows.domain.books import Account, Books, Drift, due, minute_of
from dataflows.steps.clock import Clock, WallClock
from dataflows.steps.first_epoch import FirstEpoch

log = structlog.get_logger(__name__)

KEY = "books"
"""The one state key."""
_WALL = WallClock()


class BooksState(TypedDict):
    """Recovery state, plain data. The books themselves are not in it: a new process reads again and books again."""

    told: dict[str, float]
    """When a drift of an identity was told last, seconds since the epoch."""


def book_read(books: Books, batches: list[RecordBatch]) -> None:
    """For the source: records enter the dataflow."""
    for batch in batches:
        books.enter(minute_of(batch.arrivals), ((Account.READ, len(batch.sequences)),))


def book_written(books: Books, account: Account, chunks: list[Chunk]) -> None:
    """For a sink with a spool: chunks are written."""
    for chunk in chunks:
        books.enter(chunk.minute, ((account, chunk.records),))


def book_taken(books: Books, batches: list[list[Doc]]) -> None:
    """For the sink of records in OpenSearch: documents are taken over."""
    for docs in batches:
        metrics.BOOKS_TAKEN.inc(len(docs))
        books.enter(docs[0].minute if docs else 0, ((Account.TAKEN, len(docs)),))


def alone(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether `python -m bytewax.run` runs one process, by what it was told.

    `arguments` are those after the program. As Bytewax has it: `-a`, or what begins `--addresses` (argparse knows it by
    that), BYTEWAX_ADDRESSES, or a file of addresses.
    """
    addresses = environ.get("BYTEWAX_ADDRESSES", "")
    for name, following in pairwise([*arguments, ""]):
        option, equals, value = name.partition("=")
        if name == "-a" or (len(option) > len("--") and "--addresses".startswith(option)):
            addresses = value if equals else following
        elif name.startswith("-a"):
            addresses = name.removeprefix("-a")
    hosts = Path(environ.get("BYTEWAX_HOSTFILE_PATH", ""))
    if not addresses and hosts.is_file():
        addresses = ";".join(hosts.read_text(encoding="utf-8").split())
    return len([address for address in addresses.split(";") if address.strip()]) <= 1


def _seen(batch: RecordBatch) -> tuple[str, None]:
    del batch
    return KEY, None


class _BooksLogic(StatefulBatchLogic[None, Alert, BooksState]):
    def __init__(self, books: Books, clock: Clock, resume: BooksState | None) -> None:
        self._books = books
        self._clock = clock
        self._told = dict(resume["told"]) if resume else {}
        self._next = clock.now() + books.look_s
        self._first_epoch = FirstEpoch(resume)

    def on_batch(self, values: list[None]) -> tuple[Iterable[Alert], bool]:  # noqa: ARG002 - they only make it begin
        return [], False

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        now = self._clock.now()
        if self._first_epoch or now < self._next:
            return [], False
        self._next = now + self._books.look_s
        look = self._books.look()
        metrics.BOOKS_MINUTES.labels("balanced").inc(look.balanced)
        metrics.BOOKS_MINUTES.labels("drifted").inc(look.drifted)
        return [alert for drift in look.drifts if (alert := self._tell(drift, now)) is not None], False

    def _tell(self, drift: Drift, now: float) -> Alert | None:
        """Counted and logged always; an alert at most once an hour for each identity."""
        metrics.BOOKS_DRIFT.labels(drift.identity.value).inc(drift.left - drift.right)
        silent = not due(self._told, drift.identity, now)
        log.error("books.drift", identity=drift.identity.value, minute=drift.minute, figures=drift.terms, silent=silent)
        if silent:
            return None
        self._told[drift.identity.value] = now
        return drift.alert(now)

    def notify_at(self) -> datetime | None:
        return self._first_epoch.look_again() if self._first_epoch else self._clock.wake_at(self._next)

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        return [], False  # what is in flight is on no side yet, and a new process begins with empty books

    def snapshot(self) -> BooksState:
        self._first_epoch.end()
        return BooksState(told=self._told.copy())


@operator
def books(step_id: str, batches: Stream[RecordBatch], kept: Books, clock: Clock = _WALL) -> KeyedStream[Alert]:
    """Look at `kept` once a minute of `clock`, from the first batch on; see `Drift` for what is told. One key.

    State: when each identity was told last.
    """
    return op.stateful_batch("look", op.map("seen", batches, _seen), partial(_BooksLogic, kept, clock))
