"""The books on the real page: a sink that loses a batch is told once; crashes and drains are no drift."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bytewax.inputs import AbortExecution, FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from connectors.kinesis import RecordBatch
from connectors.spool import Chunk
from dataflows.domain.books import BY_MINUTE, Account, Books
from dataflows.steps.books import book_read, book_taken, book_written

_NOW = 1_795_000_020.0
_LOOK_S = 0.1


@dataclass
class Feed(FixedPartitionedSource[RecordBatch, int]):
    """Emits batches as the Kinesis source does: booked first, with a position, and alive until it is told to end."""

    batches: list[RecordBatch]
    books: Books
    over: Callable[[], bool]
    abort_at: int = -1

    def list_parts(self) -> list[str]:
        return ["feed"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_FeedPart":
        return _FeedPart(self, resume_state or 0)


class _FeedPart(StatefulSourcePartition[RecordBatch, int]):
    def __init__(self, feed: Feed, position: int) -> None:
        self._feed = feed
        self._position = position
        self._limit = time.monotonic() + 30

    def next_batch(self) -> list[RecordBatch]:
        feed = self._feed
        if self._position == feed.abort_at:
            raise AbortExecution
        if self._position < len(feed.batches):
            emitted = [feed.batches[self._position]]
            self._position += 1
            book_read(feed.books, emitted)
            return emitted
        if feed.over() or time.monotonic() > self._limit:
            raise StopIteration
        return []

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + timedelta(milliseconds=5)

    def snapshot(self) -> int:
        return self._position


def keep_books(w: Any, *, lost: Callable[[Chunk], bool] = lambda _: False) -> Any:
    """The ends of a world book into new books, as those of `live` do; the archive loses what is `lost`."""
    books = w.books = Books(BY_MINUTE, _LOOK_S)
    w.archive.told = lambda chunks: book_written(books, Account.ARCHIVED, [c for c in chunks if not lost(c)])
    w.dead_letters.told = partial(book_written, books, Account.DEAD)
    w.search.told = partial(book_taken, books)
    return w


def batches(make: Any, minutes: int) -> list[RecordBatch]:
    """A batch a minute of arrival, with a line for every account."""
    batch, line = make
    lines = [line("INFO", "ok"), line("INFO", "ok"), line("ERROR", "disk full"), b"not json"]
    return [batch(0, 1 + 4 * n, *lines, arrival_ts=_NOW + 60 * n) for n in range(minutes)]


def own_alerts(w: Any) -> list[Any]:
    """What was told about CALI itself."""
    return [alert for alert in w.channel.alerts if alert["service"] == "cali"]


def test_a_lost_batch_is_told_once(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """Two of five minutes do not reach the archive: one alert with the identity, the minute, both figures."""
    w = keep_books(world([]), lost=lambda chunk: chunk.first in {"5", "9"})
    w.source = Feed(batches(make, 5), w.books, lambda: not w.books._pages)

    entry_point(w.flow())

    (alert,) = own_alerts(w)
    assert ("critical", 4, _NOW + 60) == (alert["severity"], alert["count"], alert["window_start"])
    assert "(archive): 4 read, but 0 archived, in the minute of arrival 2026-11-18 11:08 UTC." in alert["text"]


def test_a_normal_run_is_silent(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """All minutes are closed as balanced, and nothing is told about CALI."""
    w = keep_books(world([]))
    w.source = Feed(batches(make, 5), w.books, lambda: not w.books._pages)

    entry_point(w.flow())

    assert (set(), []) == (set(w.books._pages), own_alerts(w))
    assert [1] == [len([alert for alert in w.channel.alerts if alert["reason"] == "first"])]


@pytest.mark.parametrize("abort_at", [0, 3, 5])
def test_an_abrupt_stop_is_no_drift(world: Any, make: Any, tmp_path: Path, abort_at: int) -> None:
    """What is read again after a crash balances in the new process, whose books are empty; then a drain ends it."""
    init_db_dir(tmp_path, 1)
    recovery = RecoveryConfig(str(tmp_path))
    w = world([])
    everything = batches(make, 5)
    keep_books(w)
    w.source = Feed(everything, w.books, lambda: True, abort_at)
    run_main(w.flow(), epoch_interval=timedelta(0), recovery_config=recovery)
    keep_books(w)
    w.source = Feed(everything, w.books, lambda: not w.books._pages)

    run_main(w.flow(), epoch_interval=timedelta(0), recovery_config=recovery)

    assert ([], []) == (w.books.close().drifts, own_alerts(w))


def test_a_drain_leaves_balanced_books(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """The source ends at once, before any look: all that it emitted has come out on the other side."""
    w = keep_books(world([]))
    w.finish = False
    w.source = Feed(batches(make, 5), w.books, lambda: True)

    entry_point(w.flow())
    look = w.books.close()

    assert (5, []) == (look.balanced, look.drifts)


def test_alerts_about_cali_feed_nothing_back(world: Any, make: Any) -> None:
    """The card of a drift is history and no record: no document of a record holds it, and no book counts it."""
    w = keep_books(world([]), lost=lambda chunk: chunk.first == "5")
    w.source = Feed(batches(make, 3), w.books, lambda: not w.books._pages)

    run_main(w.flow())
    records = [json.loads(doc.body) for docs in w.search.items for doc in docs]

    assert (1, {"pay"}) == (len(own_alerts(w)), {record["service"] for record in records})
