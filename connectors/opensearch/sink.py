"""Documents in OpenSearch, sent by a thread. What is not acknowledged is in the state: nothing waits for the index."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple, TypedDict

import structlog
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors import metrics
from connectors.errors import TransientError
from connectors.opensearch.client import Doc, Refused, bulk, connect
from connectors.opensearch.config import OpenSearchConfig
from connectors.opensearch.spill import Spill
from connectors.opensearch.templates import install
from connectors.slots import SLOTS, slot_number

log = structlog.get_logger(__name__)

MAX_BACKOFF_S = 30.0
_CLOSING_PAUSE_S = 0.1
_ACTION_BYTES = 120
"""Size of the action line of a bulk item, about."""

OnRefused = Callable[[list[Refused]], None]
"""Where documents go that the index refuses for good; called from the sender's thread, must be durable."""


class SinkState(TypedDict):
    """What one slot remembers: unacknowledged documents, and spool files that hold more of them."""

    docs: list[tuple[str, str, bytes]]
    files: list[str]


class _Entry(NamedTuple):
    """A queued document, and the spool file it was read from, if it was."""

    part: "_SearchPartition"
    doc: Doc
    file: str = ""


class Sender:
    """One thread that sends the documents of all slots in bulk calls, in order of arrival per slot."""

    def __init__(self, config: OpenSearchConfig, name: str, refuse: OnRefused) -> None:
        self._config = config
        self.name = name
        self._refuse = refuse
        self._queue: list[_Entry] = []
        self._bytes = 0
        self._wake = threading.Condition()
        self._closing = False
        self._over = False
        self._parts: list[_SearchPartition] = []
        self._thread: threading.Thread | None = None

    def join(self, part: "_SearchPartition") -> None:
        """Take a partition on; the first starts the thread."""
        with self._wake:
            self._parts.append(part)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"search-{self.name}", daemon=True)
                self._thread.start()

    def put(self, entries: list[_Entry], *, must: bool = False) -> bool:
        """Queue documents; False (and none queued) if memory is full and it is not a must."""
        size = sum(len(entry.doc.body) for entry in entries)
        with self._wake:
            if not must and self._queue and self._bytes + size > self._config.pending_bytes:
                return False
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

    def _take(self) -> list[_Entry]:
        """Wait a linger, or until a bulk call is full, then the oldest documents up to one bulk call."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._bytes >= self._config.bulk_bytes or (self._closing and bool(self._queue)),
                self._config.linger_s,
            )
            size = 0
            for count, entry in enumerate(self._queue):
                size += len(entry.doc.body) + _ACTION_BYTES
                if count and size > self._config.bulk_bytes:
                    return self._queue[:count]
            return self._queue[:]

    def _run(self) -> None:
        client = None
        attempt = 0
        while not self._over:
            batch = self._take()
            try:
                if not batch:
                    self._unspill()
                    continue
                if client is None:
                    client = connect(self._config)
                    install(client, self._config.index_prefix)
                retry = self._send(client, batch)
            except TransientError as err:
                log.warning("search.bulk_failed", sink=self.name, error=str(err), documents=len(batch))
                retry = True
            except Exception:  # a thread that ends would end indexing, and nobody would see it
                log.exception("search.sender_failed", sink=self.name, documents=len(batch), next="tried again")
                retry = True
            if retry:
                metrics.SEARCH_FAULTS.labels(self.name).inc()
                self._pause(SystemRandom().uniform(0.1, min(MAX_BACKOFF_S, 0.5 * 2 ** min(attempt, 10))))
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

    def _send(self, client: Any, batch: list[_Entry]) -> bool:  # noqa: ANN401 - OpenSearch client
        """One call; True if some documents must be tried again. Of one id only the newest version is sent."""
        newest = {(entry.doc.index_name, entry.doc.id): entry.doc for entry in batch}
        result = bulk(client, list(newest.values()))
        if result.refused:
            self._refuse(result.refused)
            metrics.SEARCH_REFUSED.labels(self.name).inc(len(result.refused))
            log.warning(
                "search.refused", sink=self.name, documents=len(result.refused), reason=result.refused[0].reason
            )
        again = {(doc.index_name, doc.id) for doc in result.retry}
        kept = [entry for entry in batch if (entry.doc.index_name, entry.doc.id) in again]
        for entry in batch:
            if (entry.doc.index_name, entry.doc.id) not in again:
                entry.part.settle(entry)
        metrics.SEARCH_INDEXED.labels(self.name).inc(len(result.acknowledged))
        with self._wake:
            self._queue[: len(batch)] = kept
            self._bytes = sum(len(entry.doc.body) for entry in self._queue)
            metrics.SEARCH_WAITING.labels(self.name).set(len(self._queue))
            self._wake.notify_all()
        return bool(again)

    def _unspill(self) -> None:
        """With nothing in memory, read back the oldest spool file of a slot."""
        with self._wake:
            parts = list(self._parts)
        for part in parts:
            if entries := part.unspill():
                self.put(entries, must=True)
                return


class OpenSearchSink(FixedPartitionedSink[list[Doc], SinkState]):
    """Indexes documents by their ids.

    Unit of parallelism: one of 64 fixed slots. Guarantee: at least once, and once in effect, since ids are made of
    data. OpenSearch being down delays nothing else: documents wait in memory (bounded), then in the spool.
    State: the documents not yet acknowledged, and the names of the slot's spool files.
    """

    def __init__(self, name: str, config: OpenSearchConfig, directory: Path, refuse: OnRefused) -> None:
        """`name` labels metrics and the folder below `directory`, which must be on the recovery volume."""
        self._directory = directory / name
        self._sender = Sender(config, name, refuse)

    def list_parts(self) -> list[str]:
        """The fixed slots."""
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        """Slot by its own name."""
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: SinkState | None) -> "_SearchPartition":
        """Resume one slot: what was not acknowledged is sent again."""
        del step_id
        return _SearchPartition(self._directory / for_part, resume_state, self._sender)


class _SearchPartition(StatefulSinkPartition[list[Doc], SinkState]):
    def __init__(self, directory: Path, state: SinkState | None, sender: Sender) -> None:
        known = state or SinkState(docs=[], files=[])
        self._sender = sender
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str], Doc] = {}
        self._spill = Spill(directory, known["files"] if state else None)
        sender.join(self)
        docs = [Doc(*doc) for doc in known["docs"]]
        self._pending.update({(doc.index_name, doc.id): doc for doc in docs})
        sender.put([_Entry(self, doc) for doc in docs], must=True)

    def write_batch(self, values: list[list[Doc]]) -> None:
        docs = [doc for batch in values for doc in batch]
        if not docs:
            return
        with self._lock:
            # Once a slot has spilled, what comes later follows it to the spool: order within a slot is kept.
            if self._spill.empty and self._sender.put([_Entry(self, doc) for doc in docs]):
                self._pending.update({(doc.index_name, doc.id): doc for doc in docs})
                return
            self._spill.write(docs)
        metrics.SEARCH_SPILLED.labels(self._sender.name).inc(len(docs))

    def settle(self, entry: _Entry) -> None:
        """Forget a document that was acknowledged or refused for good."""
        with self._lock:
            key = (entry.doc.index_name, entry.doc.id)
            if entry.file:
                self._spill.settle(entry.file)
            elif self._pending.get(key) is entry.doc:
                del self._pending[key]

    def unspill(self) -> list[_Entry]:
        """The documents of the oldest synced spool file, once."""
        with self._lock:
            name, docs = self._spill.read()
        return [_Entry(self, doc, name) for doc in docs]

    def snapshot(self) -> SinkState:
        with self._lock:
            return SinkState(
                docs=[(doc.index_name, doc.id, doc.body) for doc in self._pending.values()], files=self._spill.seal()
            )

    def close(self) -> None:
        self._sender.drain()
