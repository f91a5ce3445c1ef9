"""The ends of the measured page: all that the live one has, with the network cut off at the last call.

Real: spool files with streaming zstd, hashes and fsync; the sink for documents with its thread and the body of each
bulk call; books, resent filter, own pods, cap on new faults, outbox, cards, the look at the border, and the ledger.
Not there: HTTP (with its compression of bulk bodies and TLS), and explanations.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from bytewax.inputs import Source
from bytewax.outputs import FixedPartitionedSink, Sink, StatefulSinkPartition

from connectors.kinesis import RecordBatch
from connectors.opensearch import OpenSearchSink
from connectors.s3 import S3Sink
from connectors.s3.uploader import Uploader
from connectors.slack import Outcome, PostResult
from connectors.slots import SLOTS, slot_number
from connectors.spool import Commits, Pressure, Sealed
from dataflows.domain.alerts import Alert
from dataflows.domain.books import Account, Books, Identity
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.own import Own
from dataflows.domain.redaction import Redacted, Redactor
from dataflows.domain.resent import Resent
from dataflows.endpoints import Endpoints, delivering, guard, open_ledger, rulebook, triage_of
from dataflows.messengers import Border
from dataflows.render import slack
from dataflows.render.links import Links
from dataflows.replay.page import Silent, no_letter
from dataflows.settings import Settings
from dataflows.steps.books import book_taken, book_written
from dataflows.steps.clock import WallClock
from dataflows.steps.explain import Explaining
from dataflows.steps.triage import Triage


class Unmasked(Redactor):
    """Redaction that is switched off: every text leaves as it came."""

    def __call__(self, text: str, key: bytes | None = None) -> Redacted:
        """The text."""
        del key
        return Redacted(text, ())

    def harmless(self, texts: Iterable[str]) -> bool:
        """Always."""
        del texts
        return True

    def recurring(self, text: str, key: bytes | None = None) -> str:
        """The text."""
        del key
        return text


class _Uploaded(Uploader):
    """Takes every sealed file as uploaded."""

    def submit(self, path: Path, entry: Sealed, done: Callable[[Sealed], None], *, committed: bool) -> None:
        del committed
        path.unlink()
        done(entry)

    def drain(self) -> None:
        return None


class _Index:
    """Answers bulk calls as OpenSearch does when it takes everything."""

    def bulk(self, body: bytes) -> dict[str, Any]:
        return {"items": [{"index": {"status": 201}}] * (body.count(b"\n") // 2)}


class _Channel:
    """Slack without the network: the card is rendered, looked at and dropped."""

    def __init__(self, settings: Settings) -> None:
        self._border = Border("slack", settings.redaction)
        self._links = Links(search_url="")

    def channel_of(self, alert: Alert) -> str:
        return alert["channel"] or "bench"

    def post(self, alert: Alert) -> PostResult:
        self._border(slack.card(alert, "en", links=self._links))
        return PostResult(Outcome.ACCEPTED)


class Dropping(FixedPartitionedSink[Any, None]):
    """Takes everything and keeps nothing; `told` hears of each batch."""

    def __init__(self, told: Callable[[list[Any]], Any] = len) -> None:
        self._told = told

    def list_parts(self) -> list[str]:
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_DroppingPart":
        return _DroppingPart(self._told)


class _DroppingPart(StatefulSinkPartition[Any, None]):
    def __init__(self, told: Callable[[list[Any]], Any]) -> None:
        self._told = told

    def write_batch(self, values: list[Any]) -> None:
        self._told(values)

    def snapshot(self) -> None:
        return None


def triage_with(settings: Settings, books: Books, *, redaction: bool) -> Triage:
    """The triage of the live page, or the same without redaction of what is indexed."""
    if redaction:
        return triage_of(settings, books)
    cap = NewFaultCap(settings.fingerprint.new_per_minute)
    return Triage(None, redactor=Unmasked(), cap=cap, own=Own("bench"), resent=Resent(), books=books)


def archive_sink(folder: Path, settings: Settings, books: Books) -> S3Sink:
    """The archive, its uploads taken for done."""
    pressure = Pressure(folder)
    sink = S3Sink("archive", settings.s3, folder, Commits(), pressure, partial(book_written, books, Account.ARCHIVED))
    sink._uploader = _Uploaded(settings.s3, "archive", Commits(), pressure)  # noqa: SLF001 - the network's end
    return sink


def documents(name: str, folder: Path, settings: Settings, books: Books | None) -> OpenSearchSink:
    """The sink for documents, which the index takes at once; `books` are told of what it took over."""
    taken = partial(book_taken, books) if books else len
    sink = OpenSearchSink(name, settings.opensearch, folder, len, taken=taken)
    sink._sender._client = _Index()  # noqa: SLF001 - the network's end
    return sink


def page_ends(  # noqa: PLR0913 - what varies
    source: Source[RecordBatch],
    folder: Path,
    settings: Settings,
    books: Books,
    *,
    redaction: bool,
    archive: bool = True,
    search: Sink[Any] | None = None,
) -> Endpoints:
    """Ends whose files lie in `folder`. Without `archive` its lines are still made, but neither compressed nor kept."""
    clock, channel, spool = WallClock(), _Channel(settings), folder / "spool"
    ledger = open_ledger(folder, spool)
    written = partial(book_written, books, Account.ARCHIVED)
    found = documents("search", spool, settings, books)
    history = documents("history", spool, settings, None)
    if search is None:
        books.stand(Identity.SEARCH, found.balance)
        books.stand(Identity.HISTORY, history.balance)
    return Endpoints(
        source=source,
        archive=archive_sink(spool, settings, books) if archive else Dropping(written),
        dead_letters=Dropping(partial(book_written, books, Account.DEAD)),
        search=search or found,
        history=history,
        sort=triage_with(settings, books, redaction=redaction),
        explaining=Explaining(Silent()),
        delivering=delivering(settings, channel, ledger, clock, refuse=no_letter),
        clock=clock,
        rules=rulebook(settings),
        guard=guard(settings, channel, threads=False),
        books=books,
    )
