"""Remembers what was explained and finds what is like it. A memory that fails costs an answer nothing but a counter."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import structlog

from rag.backoff import Backoff
from rag.circuit import CircuitOpenError, Guard, unguarded
from rag.config import RagConfig
from rag.incidents import likeness
from rag.incidents.collection import IncidentCollection
from rag.incidents.notebook import SAME_EPISODE_S, Incident, Notebook, NotebookError
from rag.metrics import INCIDENTS, MEMORY_FAILED
from rag.milvus import Connection
from rag.models import Explanation, Query, Similar
from rag.retrieve import Retriever
from rag.store import StoreError

MOST_TEXT = 8_000
"""Characters of a log that are kept."""
_NEAREST = 20
"""Vectors that Milvus returns, for the gate to choose from."""
_PUSHED = 20
"""Rows written to Milvus after one explanation: an explanation waits for them, some 10 ms each with their vectors."""
_FLUSH_EVERY = 100
"""Rows written: Milvus Lite searches what was not flushed 10 to 30 times slower."""
_EXPIRE_EVERY_S = 86_400.0
_RETRY_FIRST_S = 5.0
_RETRY_MOST_S = 300.0
_log = structlog.get_logger(__name__)


class Memory:
    """Incidents of a running pipeline. Thread-safe; constructing it does no I/O; never raises for a dependency.

    The notebook (a file) has everything and is written first. Milvus holds a copy to search: what it lacks is written
    with later explanations, and if it is down only the fault's own past is known.
    """

    def __init__(
        self,
        config: RagConfig,
        path: Path | None,
        *,
        clock: Callable[[], float] = time.time,
        guard: Guard = unguarded,
    ) -> None:
        """`path`: of the notebook; None: kept in memory. `clock`: seconds since the epoch."""
        self._config, self._clock, self._guard = config, clock, guard
        self._notebook = Notebook(path, config.tenant)
        self._backoff = Backoff(_RETRY_FIRST_S, _RETRY_MOST_S, time.monotonic)
        self._lock = threading.Lock()
        self._pushing = threading.Lock()
        self._collection: tuple[str, IncidentCollection] | None = None
        self._expired_at = 0.0
        self._unflushed = 0

    def warm(self, retriever: Retriever) -> None:
        """Open Milvus now, some seconds with a new collection, so that the first explanation need not wait for it."""
        with self._tolerant("read"):
            self._searched(retriever)

    def similar(self, query: Query, retriever: Retriever | None) -> list[Similar]:
        """Return the fault's own past, if it was announced before, then the other incident that is most like it.

        The own past has the score 1, the other its cosine. Without a retriever only the own past is looked for.
        """
        if not query.fingerprint:
            return []
        found: list[Similar] = []
        now = self._clock()
        with self._tolerant("read"):
            own = self._notebook.get(query.fingerprint)
            if own is not None and now - own.last_seen > SAME_EPISODE_S and now <= own.expires_at:
                found.append(_similar(own, 1.0))
            if retriever is not None and self._backoff.allows():
                found += self._other(query, retriever, now)
        INCIDENTS.labels("shown").inc(len(found))
        return found

    def note(self, query: Query, explanation: Explanation, retriever: Retriever | None) -> None:
        """Remember a fault that was just explained. Blocks for a write to disk and one to Milvus."""
        if not query.fingerprint:
            return
        now = self._clock()
        spoken = explanation["source"] != "none"
        seen = Incident(
            fingerprint=query.fingerprint,
            service=query.service,
            text=query.log[:MOST_TEXT],
            first_seen=now,
            last_seen=now,
            severity=explanation.get("severity", "") or query.severity,
            summary=explanation["summary"] if spoken else "",
            cited_doc_id=next((c["doc_id"] for c in explanation["citations"] if spoken), ""),
        )
        with self._tolerant("write"):
            self._notebook.note(seen)
            INCIDENTS.labels("noted").inc()
            if retriever is not None and self._backoff.allows():
                self._push(retriever, now)

    def close(self) -> None:
        """Give connections back. No query may run."""
        self._drop()
        self._notebook.close()

    def _other(self, query: Query, retriever: Retriever, now: float) -> list[Similar]:
        """The most alike of the nearest, in a list; more than one would be wrong too often."""
        mine = likeness.vocabulary(query.log)
        near = self._searched(retriever).nearest(retriever.vector(query), _NEAREST, now)
        self._backoff.succeeded()
        hidden = {query.fingerprint, *self._notebook.dropped()}
        rated = [(i, cosine, likeness.vocabulary(i.text)) for i, cosine in near if i.fingerprint not in hidden]
        good = [(i, cosine, words) for i, cosine, words in rated if likeness.alike(mine, words, cosine)]
        if not good:
            return []
        copy, cosine, _ = max(good, key=lambda item: likeness.overlap(mine, item[2]) + item[1])
        # What people said a moment ago may not have reached Milvus yet.
        return [_similar(self._notebook.get(copy.fingerprint) or copy, cosine)]

    def _push(self, retriever: Retriever, now: float) -> None:
        """Bring Milvus up to date with the notebook. One thread at a time; others leave it to that one."""
        if not self._pushing.acquire(blocking=False):
            return
        try:
            collection = self._searched(retriever)
            if now - self._expired_at > _EXPIRE_EVERY_S:
                INCIDENTS.labels("expired").inc(len(self._notebook.expire(now)))
                collection.expire(now)
                self._expired_at = now
            for incident, changes in self._notebook.pending(_PUSHED):
                collection.upsert(incident, retriever.vector(Query(incident.text, incident.service)))
                self._notebook.saved(incident.fingerprint, changes)
                self._unflushed += 1
            if self._unflushed >= _FLUSH_EVERY:
                collection.flush()
                self._unflushed = 0
            gone = self._notebook.dropped()
            collection.remove(gone)
            self._notebook.undrop(gone)
        finally:
            self._pushing.release()

    def _searched(self, retriever: Retriever) -> IncidentCollection:
        with self._lock:
            if self._collection is not None and self._collection[0] == retriever.model:
                return self._collection[1]
            self._close_collection()
            connection = Connection(self._config, self._guard)
            try:
                opened = IncidentCollection(connection, self._config, model=retriever.model, dim=retriever.dim)
            except BaseException:
                connection.close()
                raise
            if opened.fresh:
                self._notebook.unsave()
            self._collection = (retriever.model, opened)
            return opened

    def _drop(self) -> None:
        with self._lock:
            self._close_collection()

    def _close_collection(self) -> None:
        if self._collection is not None:
            self._collection[1].close()
            self._collection = None

    @contextmanager
    def _tolerant(self, doing: Literal["read", "write"]) -> Iterator[None]:
        """Count and log what goes wrong in a block, and leave Milvus alone for a while if it was Milvus."""
        try:
            yield
        except NotebookError as err:
            self._failed(doing, str(err))
        except (StoreError, CircuitOpenError) as err:
            self._backoff.failed()
            self._drop()
            self._failed(doing, str(err))
        except Exception as err:  # noqa: BLE001 - an alert must go out whatever its memory does
            self._backoff.failed()
            self._failed(doing, type(err).__name__)  # its text may hold the log

    def _failed(self, doing: Literal["read", "write"], detail: str) -> None:
        MEMORY_FAILED.labels(doing).inc()
        _log.warning("rag.memory.failed", doing=doing, detail=detail)


def _similar(incident: Incident, score: float) -> Similar:
    return {
        "fingerprint": incident.fingerprint,
        "service": incident.service,
        "last_seen": incident.last_seen,
        "count": incident.count,
        "resolution": incident.resolution,
        "summary": incident.summary,
        "score": round(score, 4),
    }
