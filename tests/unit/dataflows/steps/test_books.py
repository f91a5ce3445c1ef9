"""The step that looks at the books: once a minute, never in the first epoch, one alert an hour."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from connectors.kinesis import Loss, RecordBatch
from connectors.opensearch import Doc
from connectors.spool import Chunk
from dataflows import metrics
from dataflows.domain.books import BY_MINUTE, QUIET_LOOKS, Account, Books, Identity
from dataflows.domain.own import Own
from dataflows.steps.archive import _chunks
from dataflows.steps.books import _BooksLogic, alone, book_read, book_taken, book_written
from dataflows.steps.documents import _record_docs
from dataflows.steps.triage import AlarmingBatch, RejectedBatch, Triage

MINUTE = 29_916_667
LINES = [b'{"level":"ERROR","log":"boom"}\n', b'{"level":"INFO","log":"ok"}\n', b"no json"]


def batch(*lines: bytes, losses: tuple[Loss, ...] = ()) -> RecordBatch:
    """Records of which the last arrived in the minute, and the first in an earlier archive window."""
    count = len(lines)
    arrivals = [MINUTE * 60.0 - 600 * (count - 1 - n) for n in range(count)]
    return RecordBatch("slot-03", "logs", "shardId-3", [str(n) for n in range(count)], list(lines), arrivals, losses)


def total(name: str, **labels: str) -> float:
    """A metric's value now."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_all_accounts_of_a_batch_agree_on_its_minute() -> None:
    """Batches that span archive windows, losses, and what triage makes of them balance under one minute."""
    books = Books(BY_MINUTE)
    read = batch(*LINES * 3, losses=(Loss("4", 5.0, "gone"),))
    book_read(books, [read])
    for out in Triage(None, books=books)([read]):
        if isinstance(out, AlarmingBatch):
            book_taken(books, [_record_docs("cali", out)[1]])
        else:
            book_written(books, Account.DEAD, [Chunk("f", "o", "1", "1", len(out.pieces), b"", minute=out.minute)])
    chunks = [chunk for _, chunk in _chunks(read)]
    book_written(books, Account.ARCHIVED, chunks)
    pages = [(page.minute, page.counts) for page in books._pages.values()]
    figures = dict(zip(Account, (9, 9, 9, 3, 3, 3, 1, 4, 3), strict=True))
    assert [(MINUTE, figures)] == pages
    assert (9, 1, []) == (len(chunks), *books.close()[0:3:2])


def test_a_batch_without_records_balances_too() -> None:
    """A gap that is told alone is a dead letter of no minute."""
    books = Books(BY_MINUTE)
    read = batch(losses=(Loss("4", 5.0, "gone"),))
    book_read(books, [read])
    (out,) = Triage(None, books=books)([read])
    assert isinstance(out, RejectedBatch)
    book_written(books, Account.DEAD, [Chunk("f", "o", "1", "1", 1, b"", minute=out.minute)])
    assert (0, []) == (out.minute, books.close().drifts)


def test_a_piece_that_triage_fails_on_is_in_one_account() -> None:
    """A bug in the redaction of one piece makes it rejected, and not alarming as well: in the books and the metrics."""

    def broken(text: str, key: bytes | None) -> Any:
        raise ZeroDivisionError

    books = Books(BY_MINUTE)
    before = total("cali_pieces_alarming_total", level="ERROR")
    Triage(None, redactor=broken, books=books)([batch(LINES[0])])
    (page,) = books._pages.values()
    assert (1, 0, 1) == tuple(
        page.counts[account] for account in (Account.UNPACKED, Account.ALARMING, Account.REJECTED)
    )
    assert before == total("cali_pieces_alarming_total", level="ERROR")


def test_documents_that_are_taken_are_counted() -> None:
    """Over several processes the metric stands in for the account."""
    before = total("cali_books_taken_total")
    book_taken(Books(BY_MINUTE), [[Doc("i", "a", b"", MINUTE), Doc("i", "b", b"", MINUTE)], []])
    assert before + 2 == total("cali_books_taken_total")


def drifting(clock: Any, resume: Any = None) -> tuple[Books, _BooksLogic]:
    """A step whose books lack a record of the archive."""
    books = Books(BY_MINUTE)
    books.enter(MINUTE, ((Account.READ, 3),))
    return books, _BooksLogic(books, clock, resume)


def look(logic: _BooksLogic, clock: Any, times: int = QUIET_LOOKS) -> list[Any]:
    """Wake it a minute later, as often; what it told."""
    told: list[Any] = []
    for _ in range(times):
        clock.time += 60
        told += logic.on_notify()[0]
    return told


def test_it_looks_once_a_minute_and_tells_drift_once(clock: Any, assert_plain: Callable[[object], None]) -> None:
    """An early wake-up is no look; the gauge shows what is missing; the state is plain data."""
    before = total("cali_books_drift", identity="archive"), total("cali_books_minutes_total", outcome="drifted")
    _, logic = drifting(clock)
    due = logic.notify_at()
    assert due is not None
    assert clock.time + 60 == due.timestamp()
    clock.time += 59
    assert [logic.on_notify() for _ in range(9)] == [([], False)] * 9
    clock.time -= 59
    assert [3] == [alert["count"] for alert in look(logic, clock, 9)]
    after = total("cali_books_drift", identity="archive"), total("cali_books_minutes_total", outcome="drifted")
    assert (3, 1) == (after[0] - before[0], after[1] - before[1])
    assert_plain(logic.snapshot())


def test_a_loss_that_goes_on_is_one_alert_an_hour(clock: Any) -> None:
    """Every drifted minute is counted; within the hour the first of an identity is an alert, after a resume too."""
    books, logic = drifting(clock)
    assert 1 == len(look(logic, clock))
    books.enter(MINUTE + 1, ((Account.READ, 1), (Account.ALARMING, 1), (Account.UNPACKED, 1)))
    (index,) = look(logic, clock)
    assert f"({Identity.INDEX})" in index["text"]
    books, resumed = drifting(clock, logic.snapshot())
    resumed.snapshot()
    assert [] == look(resumed, clock)
    books.enter(MINUTE + 2, ((Account.READ, 1),))
    clock.time += 3600
    assert 1 == len(look(resumed, clock))


def test_nothing_is_told_in_the_first_epoch_after_a_resume(clock: Any) -> None:
    """See `dataflows.steps.first_epoch`: it wakes at once and is silent until its first snapshot."""
    _, logic = drifting(clock, {"told": {}})
    assert [] == look(logic, clock, 9)
    logic.snapshot()
    assert 1 == len(look(logic, clock, 9))


def test_the_end_tells_nothing(clock: Any) -> None:
    """A drain may leave records on their way to a side: their process has no more looks."""
    _, logic = drifting(clock)
    clock.time += 1e6
    assert ([], False) == logic.on_eof()


def test_what_it_logs_is_never_alerted() -> None:
    """The log line of a drift, read in from CALI's own pod, ends below level, and balances."""
    line = {
        "level": "ERROR",
        "log": json.dumps({"event": "books.drift", "identity": "archive", "level": "error"}),
        "kubernetes": {"pod_name": "cali-0", "namespace_name": "ops"},
    }
    books = Books((Identity.TRIAGE, Identity.INDEX))
    out = Triage(None, own=Own("cali-0"), books=books)([batch(json.dumps(line).encode())])
    assert ([], []) == (out, books.close().drifts)


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ([], {}, True),
        (["flow", "-w", "2"], {}, True),
        (["flow", "-i", "0", "-a", "a:1;b:1"], {}, False),
        (["flow", "-i", "0", "-a", "a:1"], {}, True),
        (["flow", "-aa:1;b:1"], {}, False),
        (["flow", "--addresses", "a:1;b:1"], {}, False),
        (["flow", "--addresses=a:1;b:1"], {}, False),
        (["flow"], {"BYTEWAX_ADDRESSES": "a:1;b:1"}, False),
        (["flow", "-a", "a:1"], {"BYTEWAX_ADDRESSES": "a:1;b:1"}, True),
        (["flow"], {"BYTEWAX_HOSTFILE_PATH": "no such file"}, True),
    ],
)
def test_several_processes_are_recognised(arguments: list[str], environ: dict[str, str], expected: Any) -> None:
    """As Bytewax reads its command line and environment."""
    assert expected == alone(arguments, environ)


@pytest.mark.parametrize(("hosts", "expected"), [("a:1\n", True), ("a:1\nb:1\n", False), ("", True)])
def test_a_file_of_hosts_is_read(tmp_path: Path, hosts: str, expected: Any) -> None:
    """Bytewax's chart names one, also for a single replica."""
    (tmp_path / "hosts").write_text(hosts, encoding="utf-8")
    assert expected == alone([], {"BYTEWAX_HOSTFILE_PATH": str(tmp_path / "hosts")})


def test_a_dead_man_s_switch_grows_until_it_beats() -> None:
    """It is worked out when it is asked, so a page that hangs shows as well."""
    name = "cali_seconds_since_last_batch"
    metrics.SINCE_BATCH._last -= 100
    before = total(name)
    Triage(None)([batch(LINES[1])])
    assert (True, True) == (100 <= before, total(name) < 100)
