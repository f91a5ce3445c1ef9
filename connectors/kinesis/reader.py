"""Reads one shard ahead of the dataflow: at most one page in flight or ready, fetched by a thread of a shared pool."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
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
from connectors.kinesis.topology import Topology

log = structlog.get_logger(__name__)

MAX_BACKOFF_S = 10.0
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
    pool: ThreadPoolExecutor
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
        self._shared = shared
        self._iterator: str | None = None
        self._future: Future[Page] | None = None
        self._due = time.monotonic()
        self._failures = 0
        self._stuck = 0
        self._stuck_told = False
        self._missed_at: int | None = None
        self._losses: list[Loss] = []

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
            if self._shared.budget.room():
                self._future = self._shared.pool.submit(self._fetch)
            else:
                self._due = time.monotonic() + _POLL_S
        return page

    def close(self) -> None:
        """Give back what is held. The reader is not used again."""
        if self._future is not None:
            self._future.add_done_callback(self._drop)
            self._future = None

    def _drop(self, future: "Future[Page]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._shared.budget.release(_size(future.result()))

    def _fetch(self) -> Page:
        shared = self._shared
        if self._iterator is None:
            self._iterator = shared.client.iterator(self.shard_id, self._start, self._emitted)
        page = shared.client.get(self._iterator)
        shared.budget.hold(_size(page))
        return page

    def _settle(self, future: "Future[Page]") -> Page | None:
        try:
            page = future.result()
        except ConnectorError as err:
            self._failed(err)
            return None
        config = self._shared.config
        self._shared.budget.release(_size(page))
        metrics.KINESIS_READS.inc()
        metrics.KINESIS_BEHIND.labels(self.shard_id).set(page.behind_ms)
        self._failures = 0
        self._missed_at = None
        self._iterator = page.next_iterator
        self.ended = page.next_iterator is None
        self._look_if_stuck(page)
        if page.sequences:
            self._emitted, self._arrival = page.sequences[-1], page.arrivals[-1]
        gap = config.behind_gap_s if page.behind_ms or page.sequences else config.idle_gap_s
        self._due = time.monotonic() + gap * _random.uniform(1.0, 1.2)
        return page if page.sequences else None

    def _failed(self, err: ConnectorError) -> None:
        """Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), from 0.2 s to 10 s."""
        reason = _REASONS.get(type(err), "transient")
        metrics.KINESIS_FAULTS.labels(reason).inc()
        if reason != "iterator_expired":
            log.warning("kinesis.read_failed", shard=self.shard_id, reason=reason, error=str(err))
        asked_by_sequence = self._iterator is None and self._emitted not in {None, HORIZON}
        if reason != "throttled":
            self._iterator = None
        self._failures += 1
        ceiling = min(MAX_BACKOFF_S, 0.4 * 2 ** min(self._failures, 8))
        self._due = time.monotonic() + (0.2 if reason == "iterator_expired" else 0.2 + _random.uniform(0, ceiling))
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
        if page.sequences or retention is None or page.behind_ms < retention - _STUCK_MARGIN_MS:
            self._stuck = 0
            self._stuck_told = self._stuck_told and not page.sequences
            return
        self._stuck += 1
        if self._stuck >= STUCK_READS and not self._stuck_told:
            self._stuck_told = True
            self._lose("stuck_at_retention", "its position has expired and answers stay empty")

    def _lose(self, reason: str, why: str) -> None:
        """Tell the gap, and go on from the oldest record there is."""
        after = self._emitted if self._emitted not in {None, HORIZON} else ""
        metrics.KINESIS_LOSSES.labels(reason).inc()
        log.error("kinesis.records_lost", shard=self.shard_id, reason=reason, after=after, arrival_ts=self._arrival)
        self._losses.append(
            Loss(
                after or "",
                self._arrival,
                f"records after {after or 'the start'} of {self.shard_id} may be lost: {why}; reading goes on from the "
                "oldest record there is",
            )
        )
        self._emitted = HORIZON
        self._iterator = None


def _size(page: Page) -> int:
    return sum(map(len, page.data))
