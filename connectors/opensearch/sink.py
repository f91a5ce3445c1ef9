"""Documents in OpenSearch, sent by a thread. What is not acknowledged is in the state: nothing waits for the index."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors import metrics
from connectors.opensearch.client import Doc
from connectors.opensearch.config import OpenSearchConfig
from connectors.opensearch.sender import Entry, OnRefused, Sender
from connectors.opensearch.spill import Spill
from connectors.slots import SLOTS, slot_number
from connectors.spool import Pressure, Share


class SinkState(TypedDict):
    """What one slot remembers: unacknowledged documents, and spool files that hold more of them."""

    docs: list[tuple[str, str, bytes]]
    files: list[str]


Taken = Callable[[list[list[Doc]]], None]
"""Told of documents that a slot took over, by its worker: from here on `OpenSearchSink.balance` answers for them."""


def unheard(docs: list[list[Doc]]) -> None:
    """Nobody keeps books."""
    del docs


class OpenSearchSink(FixedPartitionedSink[list[Doc], SinkState]):
    """Indexes documents by their ids.

    Unit of parallelism: one of 64 fixed slots. Guarantee: at least once, and once in effect, since ids are made of
    data. OpenSearch being down delays nothing else: documents wait in memory (bounded), then in the spool,
    and in the spool alone once the circuit is open; when their share of it is full, they are refused (`SPOOL_FULL`).
    State: the documents not yet acknowledged, and the names of the slot's spool files.
    """

    def __init__(  # noqa: PLR0913 - what is outside of the sink is handed in
        self,
        name: str,
        config: OpenSearchConfig,
        directory: Path,
        refuse: OnRefused,
        *,
        taken: Taken = unheard,
        share: Share | None = None,
    ) -> None:
        """`name` labels metrics and the folder below `directory`, which must be on the recovery volume.

        `share`: how much of the spool its files may take; sinks may have one together.
        """
        self._share = share or Pressure(directory).share(1.0)
        self._directory = directory / name
        self._taken = taken
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
        return _SearchPartition(self._directory / for_part, resume_state, self._sender, self._taken, self._share)

    def balance(self) -> tuple[int, int]:
        """Documents taken by this process, and what became of them: equal at any instant. See `Sender.balance`."""
        return self._sender.balance()


class _SearchPartition(StatefulSinkPartition[list[Doc], SinkState]):
    def __init__(self, directory: Path, state: SinkState | None, sender: Sender, taken: Taken, share: Share) -> None:
        known = state or SinkState(docs=[], files=[])
        self._sender = sender
        self._taken = taken
        self._inherited = frozenset(known["files"])
        self._recallable = 0
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str], Doc] = {}
        self._spill = Spill(directory, known["files"] if state else None, share)
        sender.join(self)
        docs = [Doc(*doc) for doc in known["docs"]]
        self._pending.update({(doc.index_name, doc.id): doc for doc in docs})
        sender.put([Entry(self, doc) for doc in docs], new=len(docs), must=True)

    def write_batch(self, values: list[list[Doc]]) -> None:
        docs = [doc for batch in values for doc in batch]
        if not docs:
            return
        self._write(docs)
        self._taken(values)

    def _write(self, docs: list[Doc]) -> None:
        with self._lock:
            new = len(docs)
            # Once a slot has spilled, what comes later follows it to the spool: order within a slot is kept. When the
            # files of earlier epochs are sent, what this epoch spilled comes back, or the slot would never leave it.
            recallable = self._spill.recallable_bytes
            if recallable is not None and recallable < self._sender.room_bytes:
                docs = self._spill.recall() + docs
                self._sender.recalled(self._recallable)
                new += self._recallable
                self._recallable = 0
            entries = [Entry(self, doc) for doc in docs]
            if self._spill.empty and self._sender.answers and self._sender.put(entries, new=new):
                self._pending.update({(doc.index_name, doc.id): doc for doc in docs})
                return
            if not self._spill.has_room(docs):
                self._sender.given_up(docs, new=new)
                return
            self._spill.write(docs)
            self._recallable += len(docs)
            self._sender.spilled(len(docs), new=new)
        metrics.SEARCH_SPILLED.labels(self._sender.name).inc(len(docs))

    def settle(self, entry: Entry) -> None:
        """Forget a document that was acknowledged or refused for good."""
        with self._lock:
            key = (entry.doc.index_name, entry.doc.id)
            if entry.file:
                self._spill.settle(entry.file)
            elif self._pending.get(key) is entry.doc:
                del self._pending[key]

    def unspill(self) -> tuple[list[Entry], bool]:
        """The documents of the oldest synced spool file, once, and whether an earlier process wrote it."""
        with self._lock:
            name, docs = self._spill.read()
        return [Entry(self, doc, name) for doc in docs], name in self._inherited

    def snapshot(self) -> SinkState:
        with self._lock:
            self._recallable = 0
            return SinkState(
                docs=[(doc.index_name, doc.id, doc.body) for doc in self._pending.values()], files=self._spill.seal()
            )

    def close(self) -> None:
        self._sender.drain()
