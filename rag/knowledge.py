"""The knowledge base of a running pipeline: loaded at the first question, refreshed, and tried again when it failed."""

import threading
import time
from collections.abc import Callable

import structlog

from rag.backoff import Backoff
from rag.circuit import CircuitOpenError, Guard, unguarded
from rag.config import RagConfig
from rag.embed import Embedder, EmbeddingModelError, open_embedder
from rag.metrics import Fault
from rag.milvus import MilvusStore
from rag.retrieve import Retriever
from rag.store import CollectionGoneError, StoreError

_RETRY_FIRST_S = 5.0
_RETRY_MOST_S = 60.0
_log = structlog.get_logger(__name__)


class KnowledgeUnavailableError(Exception):
    """The knowledge base cannot be asked now; the message says why and what to do."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class Knowledge:
    """Hands out a `Retriever`. Thread-safe: the first caller loads (seconds), the others wait for it.

    After a failure it is left alone for 5 s, then for twice as long each time, at most 60 s; it is never given up.
    Loading is dear, so this back-off stands before the circuit of Milvus, which every single call passes.
    """

    def __init__(
        self, config: RagConfig, clock: Callable[[], float] = time.monotonic, guard: Guard = unguarded
    ) -> None:
        """`clock` in seconds, never back; `guard` is entered around each call of Milvus."""
        self._config, self._clock, self._guard = config, clock, guard
        self._lock = threading.Lock()
        self._backoff = Backoff(_RETRY_FIRST_S, _RETRY_MOST_S, clock)
        self._embedder: Embedder | None = None
        self._store: MilvusStore | None = None
        self._retriever: Retriever | None = None
        self._looked = 0.0
        self.version = ""
        """Of the knowledge base that was loaded last, also while it is down; empty if none was."""

    def retriever(self) -> Retriever:
        """Return what searches the store as it is now, or was within `refresh_s`; raise `KnowledgeUnavailableError`."""
        with self._lock:
            current = self._retriever
            if current is not None and self._clock() - self._looked < self._config.refresh_s:
                return current
            if not self._backoff.allows():
                raise KnowledgeUnavailableError(Fault.BACKING_OFF, "the knowledge base failed a moment ago")
            try:
                self._retriever = self._load()
            except CircuitOpenError as err:
                self._drop()
                raise KnowledgeUnavailableError(Fault.BACKING_OFF, str(err)) from err
            except (StoreError, EmbeddingModelError) as err:
                self._drop()
                raise KnowledgeUnavailableError(Fault.UNREACHABLE, str(err)) from err
            except BaseException:
                self._drop()
                raise
            self._backoff.succeeded()
            self._looked = self._clock()
            self.version = self._retriever.version
            return self._retriever

    def instead_of(self, retriever: Retriever) -> Retriever:
        """Return what searches the store once it is opened anew: a reindex takes the collection of an open one away.

        Raises `KnowledgeUnavailableError`.
        """
        with self._lock:
            if self._retriever is retriever:
                self._let_go()
        return self.retriever()

    def failed(self, retriever: Retriever) -> None:
        """Note that `retriever` could not search: the store is opened anew after the back-off."""
        with self._lock:
            if self._retriever is retriever:
                self._drop()

    def close(self) -> None:
        """Close the store; a later question opens it again."""
        with self._lock:
            self._retriever = None
            if self._store is not None:
                self._store.close()
                self._store = None

    def _load(self) -> Retriever:
        try:
            return self._opened()
        except CollectionGoneError:
            self._let_go()
            return self._opened()

    def _opened(self) -> Retriever:
        if self._embedder is None:
            self._embedder = open_embedder(self._config)
        if self._store is None:
            self._store = MilvusStore(
                self._config, model=self._embedder.name, dim=self._embedder.dim, guard=self._guard
            )
        if self._retriever is not None and self._retriever.current:
            return self._retriever
        retriever = Retriever(self._store, self._embedder, self._config)
        _log.info("rag.knowledge_base.loaded", documents=retriever.size, model=self._embedder.name)
        if not retriever.size:
            effect = "each alert says that no runbook was found: bring some in with `cali kb ingest`"
            _log.warning("rag.knowledge_base.empty", uri=self._store.place, effect=effect)
        return retriever

    def _drop(self) -> None:
        self._backoff.failed()
        self._let_go()

    def _let_go(self) -> None:
        self._retriever = None
        store, self._store = self._store, None
        if store is not None:
            store.close()
