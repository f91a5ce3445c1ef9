"""Reads one shard ahead of the dataflow: at most one page in flight or ready, fetched by a thread of a shared pool."""

import time
from concurrent.futures import Future  # noqa: TC003 - read at run time by nobody, but clearer here
from random import SystemRandom
from typing import NamedTuple

import structlog

from connectors import metrics
from connectors.errors import ConnectorError
from connectors.kinesis.budget import Budget
from connectors.kinesis.client import (
    BadPositionError,
    GoneError,
    IteratorExpiredError,
    KinesisClient,
    Page,
    ThrottledError,
)
from connectors.kinesis.config import KinesisConfig
from connectors.kinesis.records import Loss
from connectors.kinesis.shards import HORIZON, ShardState
from connectors.kinesis.threads import Threads
from connectors.kinesis.topology import Topology

log = structlog.get_logger(__name__)

MAX_BACKOFF_S = 10.0
MAX_PAGE_BYTES = 10_000_000
"""The most that one GetRecords answer holds (AWS API reference: 10 MB)."""
_LEAST_GAP_S = 0.2
"""Five reads a second and shard (https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html)."""
STUCK_READS = 10
"""Empty reads at the edge of retention after which the position is taken for lost (kinesis consumers have waited there
for ever: harlow/kinesis-consumer issues 98 and 125)."""
_STUCK_MARGIN_MS = 60_000
_POLL_S = 0.02
"""How often a page in flight is looked for."""
_REASONS: dict[type[ConnectorError], str] = {
    IteratorExpiredError: "iterator_expired",
    ThrottledError: "throttled",
    GoneError: "gone",
    BadPositionError: "bad_position",
}
_random = SystemRandom()


class Shared(NamedTuple):
    """What the readers of a process share."""

    client: KinesisClient
    config: KinesisConfig
    topology: Topology
    pool: Threads
    budget: Budget


class ShardReader:
    """The read position of one shard. Used by one worker; only `_fetch` runs elsewhere."""

    def __init__(self, shard_id: str, start: tuple[str, float], state: ShardState, shared: Shared) -> None:
        """`state` is that of the slot: read for the position, never written."""
        self.shard_id = shard_id
        self.ended = False
        self._start = start
        self._emitted = state["seq"]
        self._arrival = state["arrival"]
        self.seen = state["seen"]
        """Time up to which the shard was read, seconds since the epoch."""
        self._gap_checked = False
        self._behind_ms = 0
        self._shared = shared
        self._iterator: str | None = None
        self._future: Future[Page] | None = None
        self._due = time.monotonic()
        self._failures = 0
        self._endless = 0
        """Answers without an iterator in a row."""
        self._stuck = 0
        self._stuck_told = False
        self._missed_at: int | None = None
        self._losses: list[Loss] = []
        self._expected = MAX_PAGE_BYTES
        self._reserved = 0

    @property
    def due(self) -> float:
        """When to look at this reader again, in `time.monotonic` seconds."""
        return time.monotonic() + _POLL_S if self._future is not None else self._due

    @property
    def position(self) -> str | None:
        """What a new reader would be given to go on: see `ShardState`."""
        return self._emitted

    def losses(self) -> tuple[Loss, ...]:
        """Gaps found since the last call."""
        found, self._losses = tuple(self._losses), []
        return found

    def poll(self) -> Page | None:
        """Take the page that is ready, if one is, and see to the next. Never blocks, never raises for Kinesis."""
        page: Page | None = None
        if self._future is not None:
            if not self._future.done():
                return None
            future, self._future = self._future, None
            page = self._settle(future)
        if not self.ended and time.monotonic() >= self._due:
            if self._shared.budget.take(self._expected):
                self._reserved = self._expected
                self._future = self._shared.pool.submit(self._fetch)
            else:
                self._due = time.monotonic() + _POLL_S
        return page

    def close(self) -> None:
        """Give back what is held. The reader is not used again."""
        if self._future is not None:
            self._future.cancel()
            self._future.add_done_callback(self._drop)
            self._future = None

    def _drop(self, _future: "Future[Page]") -> None:
        self._shared.budget.release(self._reserved)
        self._reserved = 0

    def _fetch(self) -> Page:
        shared = self._shared
        if self._iterator is None:
            self._iterator = shared.client.iterator(self.shard_id, self._start, self._emitted)
        page = shared.client.get(self._iterator)
        size = _size(page)
        shared.budget.release(self._reserved - size)  # what it is, in place of what was expected
        self._reserved = size
        return page

    def _settle(self, future: "Future[Page]") -> Page | None:
        try:
            page = future.result()
        except ConnectorError as err:
            self._failed(err)
            return None
        finally:
            self._shared.budget.release(self._reserved)
            self._reserved = 0
        self._expected = max(_size(page) * 2, 64 * 1024) if not page.behind_ms else MAX_PAGE_BYTES
        metrics.KINESIS_READS.inc()
        metrics.KINESIS_BEHIND.labels(self.shard_id).set(page.behind_ms)
        self._failures = 0
        self._missed_at = None
        self._iterator = page.next_iterator
        self._look_for_gap()
        self._look_if_stuck(page)
        self.seen = time.time() - page.behind_ms / 1000
        if page.sequences:
            self._emitted, self._arrival = page.sequences[-1], page.arrivals[-1]
        self._due = time.monotonic() + self._gap_s(page)
        if page.next_iterator is None:
            self._end(page)
        else:
            self._endless = 0
        return page if page.sequences else None

    def _end(self, page: Page) -> None:
        """Without an iterator the shard has ended, if its children are named.

        Some emulators never name them: then a list must say so too, and a second answer, asked for after the last
        record, must be empty as well. An open shard that is taken for finished would be read by nobody, and of a closed
        one the rest would be lost. The Kinesis Client Library takes an answer without either for a fault as well.
        """
        before, self._endless = self._endless, self._endless + 1
        listed = page.children or self._shared.topology.ends(self.shard_id)
        self.ended = page.children or (listed and before > 0 and not page.sequences)
        if not listed:
            metrics.KINESIS_FAULTS.labels("no_iterator").inc()
            log.warning("kinesis.read_failed", shard=self.shard_id, reason="no_iterator", error="the shard is open")
            self._shared.topology.force()
            self._due = time.monotonic() + _pause_s(self._endless)

    def _gap_s(self, page: Page) -> float:
        """How long the shard is left alone after a page. With jitter: shards that began together drift apart."""
        config = self._shared.config
        if page.behind_ms:
            return config.behind_gap_s * _random.uniform(1.0, 1.2)
        if page.sequences:
            return config.tip_gap_s * _random.uniform(1.0, 1.2)
        return max(_LEAST_GAP_S, config.idle_gap_s * _random.uniform(0.8, 1.0))

    def _failed(self, err: ConnectorError) -> None:
        """Try again after a pause; the iterator is kept only if it was not looked at."""
        reason = _REASONS.get(type(err), "transient")
        metrics.KINESIS_FAULTS.labels(reason).inc()
        if reason != "iterator_expired":
            log.warning("kinesis.read_failed", shard=self.shard_id, reason=reason, error=str(err))
        asked_by_sequence = self._iterator is None and self._emitted not in {None, HORIZON}
        if reason != "throttled":
            self._iterator = None
        self._failures += 1
        self._due = time.monotonic() + (_LEAST_GAP_S if reason == "iterator_expired" else _pause_s(self._failures))
        if reason == "bad_position" and asked_by_sequence:
            self._lose("trimmed", "its last position is no longer in the stream")
        elif reason == "gone":
            self._look_if_gone()

    def _look_if_gone(self) -> None:
        """A shard is gone only if a list that is newer than the refusal does not name it."""
        version, listed = self._shared.topology.listed()
        if self._missed_at is None:
            self._missed_at = version
            self._shared.topology.force()
        elif version > self._missed_at:
            if self.shard_id in listed:
                self._missed_at = None
            else:
                self._lose("vanished", "the shard is no longer in the stream")
                self.ended = True

    def _look_if_stuck(self, page: Page) -> None:
        """A position that expired while it was read gives empty answers at the edge of retention, for ever."""
        retention = self._shared.topology.retention_ms
        before, self._behind_ms = self._behind_ms, page.behind_ms
        moves = page.behind_ms < before  # Kinesis walks over empty time in empty answers that come nearer to the tip
        if page.sequences or moves or retention is None or page.behind_ms < retention - _STUCK_MARGIN_MS:
            self._stuck = 0
            self._stuck_told = self._stuck_told and not page.sequences
            return
        self._stuck += 1
        if self._stuck >= STUCK_READS and not self._stuck_told:
            self._stuck_told = True
            self._lose("stuck_at_retention", "its position has expired and answers stay empty")

    def _look_for_gap(self) -> None:
        """Kinesis may take an expired position without a word and begin at its oldest record: the clock tells."""
        retention = self._shared.topology.retention_ms
        if self._gap_checked or retention is None:
            return
        self._gap_checked = True
        if self.seen and time.time() - self.seen > retention / 1000:
            why = "it was last read longer ago than the stream keeps records"
            self._losses.append(lost(self.shard_id, self._emitted, self._arrival, "expired", why))

    def _lose(self, reason: str, why: str) -> None:
        """Tell the gap, and go on from the oldest record there is."""
        self._losses.append(lost(self.shard_id, self._emitted, self._arrival, reason, why))
        self._emitted = HORIZON
        self._iterator = None
        self._gap_checked = True


def lost(shard_id: str, position: str | None, arrival_ts: float, reason: str, why: str) -> Loss:
    """Count and log a gap, and say it in a sentence; the end of the gap is the next record that is read."""
    after = position if position not in {None, HORIZON} else ""
    metrics.KINESIS_LOSSES.labels(reason).inc()
    log.error("kinesis.records_lost", shard=shard_id, reason=reason, after=after, arrival_ts=arrival_ts)
    told = f"records between {after or 'the start'} of {shard_id} and the next one read from it may be lost: {why}"
    return Loss(after or "", arrival_ts, told)


def _pause_s(failures: int) -> float:
    """Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), from 0.2 s to 10 s."""
    return _LEAST_GAP_S + _random.uniform(0, min(MAX_BACKOFF_S, 0.4 * 2 ** min(failures, 8)))


def _size(page: Page) -> int:
    return sum(map(len, page.data))
