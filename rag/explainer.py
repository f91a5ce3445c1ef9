"""Explains one fault: finds runbooks, lets a model or the runbooks speak, and never raises for a dependency."""

import time
from collections.abc import Callable
from typing import Any

import structlog

from rag import answering, prompt
from rag.backoff import Backoff
from rag.config import OpenAIConfig, RagConfig
from rag.knowledge import Knowledge, KnowledgeUnavailableError
from rag.llm import ModelError, OpenAIModel
from rag.metrics import (
    EXPLANATIONS,
    MODEL_SECONDS,
    RETRIEVAL_SECONDS,
    UNAVAILABLE,
    Fault,
)
from rag.models import Explanation, Found, Missing, Query
from rag.store import StoreError

FOUND = 5
"""Documents looked at."""
_MODEL_RETRY_FIRST_S = 15.0
_MODEL_RETRY_MOST_S = 300.0
_LASTING = frozenset(
    {Fault.TIMEOUT, Fault.UNREACHABLE, Fault.RATE_LIMITED, Fault.REJECTED, Fault.SERVER_ERROR, Fault.BUG}
)
"""Faults that the next question would meet as well: the model is left alone for a while."""
_log = structlog.get_logger(__name__)


class Explainer:
    """Answers queries from a pool of threads. Constructing it does no I/O; the first query loads, or `warm` does.

    A query blocks for some 50 ms without a model, and for at most about two model timeouts with one.
    """

    def __init__(
        self,
        rag: RagConfig,
        openai: OpenAIConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        border: Callable[[Any], Any] | None = None,
    ) -> None:
        self._knowledge = Knowledge(rag, clock)
        self._model = OpenAIModel(openai, border) if openai.enabled else None
        self._model_backoff = Backoff(_MODEL_RETRY_FIRST_S, _MODEL_RETRY_MOST_S, clock)

    def warm(self) -> bool:
        """Load the embedding model and the knowledge base now (seconds); say whether it worked."""
        try:
            self._knowledge.retriever()
        except Exception as err:  # noqa: BLE001 - counted and logged; the first query tries again
            self._note("knowledge_base", err)
            return False
        return True

    def found(self, query: Query, k: int = FOUND) -> Found:
        """Return the `k` best runbooks and how far they can be trusted; raise `KnowledgeUnavailableError`."""
        retriever = self._knowledge.retriever()
        try:
            with RETRIEVAL_SECONDS.time():
                return retriever.find(query, k)
        except StoreError as err:
            self._knowledge.failed(retriever)
            raise KnowledgeUnavailableError(Fault.UNREACHABLE, str(err)) from err

    def explain(self, query: Query) -> Explanation:
        """Return what is known of a fault. Never raises for a dependency: `missing` says what could not be asked."""
        try:
            found = self.found(query)
        except Exception as err:  # noqa: BLE001 - an alert must go out whatever the knowledge base does
            self._note("knowledge_base", err)
            explanation = answering.bare("missing", query, None)
            explanation["missing"] = ["knowledge_base"]
        else:
            explanation = self._from_runbooks(query, found)
        EXPLANATIONS.labels(explanation["verdict"], explanation["source"]).inc()
        return explanation

    def close(self) -> None:
        """Give connections back. No query may run."""
        self._knowledge.close()
        if self._model is not None:
            self._model.close()

    def _from_runbooks(self, query: Query, found: Found) -> Explanation:
        if found.verdict != "match":
            return answering.bare(found.verdict, query, found)
        explanation = answering.quoted(query, found)
        if self._model is None:
            return explanation
        try:
            return self._from_model(self._model, query, found, explanation)
        except Exception as err:  # noqa: BLE001 - an alert must go out whatever the model does
            self._note("model", err)
            explanation["missing"] = ["model"]
            return explanation

    def _from_model(self, model: OpenAIModel, query: Query, found: Found, quoted: Explanation) -> Explanation:
        """Return the model's answer as far as the runbooks support it, else raise `ModelError`."""
        if not self._model_backoff.allows():
            raise ModelError(Fault.BACKING_OFF, "it failed a moment ago")
        documents = [hit.document for hit in found.hits[: answering.READ]]
        try:
            with MODEL_SECONDS.time():
                answer = model.ask(prompt.messages(query, documents)).answer
        except ModelError as err:
            if err.fault in _LASTING:
                self._model_backoff.failed()
            raise
        except BaseException:
            self._model_backoff.failed()
            raise
        self._model_backoff.succeeded()
        if answer.inconclusive:
            bare = answering.bare("related", query, found)
            return {**bare, "source": "model", "model": model.name}
        return answering.checked(answer, model.name, found, documents, quoted)

    def _note(self, what: Missing, err: Exception) -> None:
        fault = err.fault if isinstance(err, KnowledgeUnavailableError | ModelError) else Fault.BUG
        UNAVAILABLE.labels(what, fault.value).inc()
        known = isinstance(err, KnowledgeUnavailableError | ModelError)
        # The text of an unknown error may hold the log; its type does not.
        detail = str(err) if known else type(err).__name__
        if fault is not Fault.BACKING_OFF:
            _log.warning("rag.dependency.unavailable", what=what, fault=fault.value, detail=detail)
