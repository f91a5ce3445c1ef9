"""The thread that sends documents: bulk calls of a bounded size, pauses after failures, spool files read back."""

import threading
import time
from collections.abc import Callable
from random import SystemRandom
from typing import Any, NamedTuple, Protocol

import structlog

from connectors import metrics
from connectors.breaker import OpenCircuitError, breaker
from connectors.errors import ConnectorError, TransientError
from connectors.opensearch.client import BulkResult, Doc, Refused, bulk, connect
from connectors.opensearch.config import OpenSearchConfig
from connectors.opensearch.setup import install

log = structlog.get_logger(__name__)

_FIRST_BACKOFF_S = 0.5
_LEAST_PAUSE_S = 0.05
_PART_BACKOFF_S = 2.0
"""Longest pause after a call of which something was taken: a few documents that are never taken, or an index without
its primary, must not hold up all others. Our choice."""
_CLOSING_PAUSE_S = 0.1
_ACTION_BYTES = 120
"""Size of the action line of a bulk item, about."""

SPOOL_FULL = "spool_full"
"""Reason of documents that the index was never asked to take: it was down for so long that the spool is full."""

OnRefused = Callable[[list[Refused]], None]
"""Where documents go that the index refuses for good or that nothing has room for; from any thread, must be durable."""


class Part(Protocol):
    """What the sender asks of a slot: the sink's partition, which in turn knows its sender."""

    def settle(self, entry: "Entry") -> None:
        """Forget a document that was acknowledged or refused for good."""

    def unspill(self) -> "tuple[list[Entry], bool]":
        """The documents of the oldest synced spool file, once, and whether an earlier process wrote it."""


class Entry(NamedTuple):
    """A queued document, and the spool file it was read from, if it was."""

    part: Part
    doc: Doc
    file: str = ""


class Sender:
    """One thread that sends the documents of all slots in bulk calls, in order of arrival per slot."""

    def __init__(self, config: OpenSearchConfig, name: str, refuse: OnRefused) -> None:
        self._config = config
        self.name = name
        self._refuse = refuse
        self._queue: list[Entry] = []
        self._bytes = 0
        self._wake = threading.Condition()
        self._closing = False
        self._over = False
        self._parts: list[Part] = []
        self._thread: threading.Thread | None = None
        self._client: Any = None
        self._catching_up = False
        self._taken = self._ended = self._spilled = 0
        self._told_full = False
        self._circuit = breaker("opensearch", config.url, rest_s=config.rest_s)
        self._streamed = f"{config.index_prefix}-logs-" if config.layout == "stream" else ""

    @property
    def answers(self) -> bool:
        """False while the index is left alone: documents then go to the spool, not into memory and every snapshot."""
        return self._circuit.state != "open"

    @property
    def room_bytes(self) -> int:
        """How much memory is left for documents; none while the index is left alone."""
        with self._wake:
            return self._config.pending_bytes - self._bytes if self.answers else 0

    def join(self, part: Part) -> None:
        """Take a partition on; the first starts the thread."""
        with self._wake:
            self._parts.append(part)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"search-{self.name}", daemon=True)
                self._thread.start()

    def balance(self) -> tuple[int, int]:
        """Documents taken, and what became of them: equal at any instant, or a document was lost or made up.

        Taken by this process, and inherited: those of a state, and those of an earlier process's spool file once it is
        read. They are acknowledged, refused, replaced by a newer version, in memory, or in spool files of this process.
        """
        with self._wake:
            return self._taken, self._ended + len(self._queue) + self._spilled

    def spilled(self, written: int, *, new: int) -> None:
        """Count documents that went to the spool instead, of which so many were not counted yet."""
        with self._wake:
            self._taken += new
            self._spilled += written

    def given_up(self, docs: list[Doc], *, new: int) -> None:
        """Count and hand over documents for which the spool has no room, of which so many were not counted yet."""
        self._refuse([Refused(doc, SPOOL_FULL) for doc in docs])
        metrics.SEARCH_REFUSED.labels(self.name).inc(len(docs))
        with self._wake:
            self._taken += new
            self._ended += len(docs)
            told, self._told_full = self._told_full, True
        if not told:
            effect = "documents go to the dead letters until the index answers; replay the archive afterwards"
            log.error("search.spool_full", sink=self.name, documents=len(docs), effect=effect)

    def recalled(self, written: int) -> None:
        """Count as never taken what comes back from the spool to be put or spilled again."""
        with self._wake:
            self._taken -= written
            self._spilled -= written

    def put(self, entries: list[Entry], *, new: int = 0, unspilled: int = 0, must: bool = False) -> bool:
        """Queue documents; False (and none queued) if memory is full and it is not a must.

        `new` of them are taken with that, and `unspilled` were counted in the spool.
        """
        size = sum(len(entry.doc.body) for entry in entries)
        with self._wake:
            if not must and self._queue and self._bytes + size > self._config.pending_bytes:
                return False
            self._taken += new
            self._spilled -= unspilled
            self._bytes += size
            self._queue.extend(entries)
            metrics.SEARCH_WAITING.labels(self.name).set(len(self._queue))
            if self._bytes >= self._config.bulk_bytes:
                self._wake.notify_all()
            return True

    def drain(self) -> None:
        """Send at once and wait for the answers within the configured time, all partitions together."""
        with self._wake:
            first, self._closing = not self._closing, True
            self._wake.notify_all()
            if first and not self._wake.wait_for(lambda: not self._queue, self._config.close_timeout_s):
                log.warning("search.left_in_state", sink=self.name, documents=len(self._queue))
                self._over = True

    def _take(self) -> list[Entry]:
        """Wait a linger, or until a bulk call is full, then the oldest documents up to one bulk call."""
        with self._wake:
            self._wake.wait_for(
                lambda: (
                    self._catching_up or self._bytes >= self._config.bulk_bytes or (self._closing and bool(self._queue))
                ),
                self._config.linger_s,
            )
            size = 0
            for count, entry in enumerate(self._queue):
                size += len(entry.doc.body) + _ACTION_BYTES
                if count and size > self._config.bulk_bytes:
                    return self._queue[:count]
            return self._queue[:]

    def _run(self) -> None:
        attempt = 0
        while not self._over:
            batch = self._take()
            most_s = self._config.max_backoff_s
            try:
                if not batch:
                    self._catching_up = self._unspill()
                    continue
                retry = self._send(batch)
                most_s = min(most_s, _PART_BACKOFF_S)
            except OpenCircuitError as err:
                self._pause(err.wait_s)
                continue
            except ConnectorError as err:
                log.warning("search.bulk_failed", sink=self.name, error=str(err), documents=len(batch))
                retry = True
            except Exception:  # a thread that ends would end indexing, and nobody would see it
                log.exception("search.sender_failed", sink=self.name, documents=len(batch), next="tried again")
                retry = True
            if retry:
                metrics.SEARCH_FAULTS.labels(self.name).inc()
                # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
                most_s = min(most_s, _FIRST_BACKOFF_S * 2 ** min(attempt, 10))
                self._pause(max(_LEAST_PAUSE_S, SystemRandom().uniform(0, most_s)))
                attempt += 1
            else:
                attempt = 0

    def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; the short time of a stop is used for more of them."""
        with self._wake:
            if not self._closing:
                self._wake.wait_for(lambda: self._closing, seconds)
                return
        time.sleep(min(seconds, _CLOSING_PAUSE_S))

    def _ask(self, docs: list[Doc]) -> BulkResult:
        """One bulk call, unless the index is left alone. Before the first one the index is made ready."""
        with self._circuit():
            if self._client is None:
                client = connect(self._config)
                install(client, self._config)
                self._client = client
            result = bulk(self._client, docs, self._streamed)
            if len(result.retry) == len(docs):
                msg = f"no document was taken ({result.why or 'no reason given'}): all are to be tried again"
                raise TransientError(msg)
            return result

    def _send(self, batch: list[Entry]) -> bool:
        """One call; True if some documents must be tried again. Of one id only the newest version is sent."""
        newest = {(entry.doc.index_name, entry.doc.id): entry.doc for entry in batch}
        result = self._ask(list(newest.values()))
        if result.refused:
            self._refuse(result.refused)
            metrics.SEARCH_REFUSED.labels(self.name).inc(len(result.refused))
            log.warning(
                "search.refused", sink=self.name, documents=len(result.refused), reason=result.refused[0].reason
            )
        again = {(doc.index_name, doc.id) for doc in result.retry}
        kept: list[Entry] = []
        for entry in batch:
            if again and (entry.doc.index_name, entry.doc.id) in again:
                kept.append(entry)
            else:
                entry.part.settle(entry)
        metrics.SEARCH_INDEXED.labels(self.name).inc(len(result.acknowledged))
        if result.acknowledged:
            self._told_full = False
        replaced = len(batch) - len(kept) - (len(newest) - len(again))
        with self._wake:
            self._ended += len(result.acknowledged) + len(result.refused) + replaced
            self._queue[: len(batch)] = kept
            self._bytes = sum(len(entry.doc.body) for entry in self._queue)
            metrics.SEARCH_WAITING.labels(self.name).set(len(self._queue))
            self._wake.notify_all()
        return bool(again)

    def _unspill(self) -> bool:
        """With nothing in memory, read back spool files, the oldest of each slot, up to a bulk call; True if any."""
        with self._wake:
            parts = list(self._parts)
        size = 0
        for part in parts:
            entries, inherited = part.unspill()
            if entries:
                count = len(entries)
                self.put(entries, new=count if inherited else 0, unspilled=0 if inherited else count, must=True)
                size += sum(len(entry.doc.body) for entry in entries)
            if size >= self._config.bulk_bytes:
                with self._wake:  # those that were not asked are the first to be asked next time
                    self._parts.remove(part)
                    self._parts.append(part)
                break
        return size > 0
