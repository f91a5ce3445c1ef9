"""Explains one fault: finds runbooks, lets a model or the runbooks speak, and never raises for a dependency.

An answer stands on the highest rung of a ladder that holds: asked before, asked now, quoted from a runbook, links or
nothing. Each rung above it says why it did not.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog

from rag import answering, prompt, verify
from rag.budget import Budget, BudgetError
from rag.cache import Answers, Flights, StateError, StateFile, key_of
from rag.circuit import CircuitOpenError, Guard, unguarded
from rag.config import OpenAIConfig, RagConfig
from rag.incidents import Memory
from rag.knowledge import Knowledge, KnowledgeUnavailableError
from rag.llm import MAX_RETRIES, ModelError, OpenAIModel, Reply
from rag.metrics import CACHE, EXPLANATIONS, MODEL_SECONDS, RETRIEVAL_SECONDS, UNAVAILABLE, Fault
from rag.models import Cost, Explanation, Found, Missing, Query, Rung, RungName, Why
from rag.retrieve import Retriever
from rag.store import CollectionGoneError, StoreError

FOUND = 5
"""Documents looked at."""
_LASTING = frozenset(
    {Fault.TIMEOUT, Fault.UNREACHABLE, Fault.RATE_LIMITED, Fault.REJECTED, Fault.SERVER_ERROR, Fault.BUG}
)
"""Faults that the next question would meet as well: they open the model's circuit. The others are about one answer."""
_OTHER_WORDS = {Fault.UNSUPPORTED: Why.UNVERIFIED, Fault.BACKING_OFF: Why.BREAKER_OPEN}
_log = structlog.get_logger(__name__)


class Explainer:
    """Answers queries from a pool of threads. Constructing it does no I/O; the first query loads, or `warm` does.

    A query blocks for some 50 ms without a model, and for at most about two model timeouts with one.
    """

    def __init__(  # noqa: PLR0913 - what is outside of rag is handed in
        self,
        rag: RagConfig,
        openai: OpenAIConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        border: Callable[[Any], Any] | None = None,
        state: Path | None = None,
        memory: Memory | None = None,
        store_guard: Guard = unguarded,
        model_guard: Guard = unguarded,
    ) -> None:
        """What is handed in.

        `state`: the file of answers and spending, which processes may share; None: both are forgotten at the end.
        `memory`: of past incidents, closed with the explainer; None: no incident is remembered or shown.
        """
        self._knowledge = Knowledge(rag, clock, store_guard)
        self._memory = memory
        self._model = OpenAIModel(openai, border) if openai.enabled else None
        self._model_guard = model_guard
        self._most_output, self._allow_hosts = openai.max_output_tokens, openai.allow_hosts
        self._state = StateFile(state)
        self._budget = Budget(openai, self._state.begin, wall_clock)
        self._answers = Answers(self._state, openai.cache_s, wall_clock) if openai.cache_s else None
        self._flights = Flights()

    def warm(self) -> bool:
        """Load the embedding model and the knowledge base now (seconds); say whether it worked."""
        retriever = self._retriever()
        if retriever is not None and self._memory is not None:
            self._memory.warm(retriever)
        return retriever is not None

    def found(self, query: Query, k: int = FOUND) -> Found:
        """Return the `k` best runbooks and how far they can be trusted; raise `KnowledgeUnavailableError`."""
        return self._search(self._knowledge.retriever(), query, k)

    def explain(self, query: Query) -> Explanation:
        """Return what is known of a fault. Never raises for a dependency: `missing` says what could not be asked.

        Of an answer of the model that is asked for by several threads at once, one asks and the others wait for it.
        """
        retriever = self._retriever()
        if key := self._key(query, retriever):
            # Of one fingerprint, but of one text too: what is found, and what of an answer holds, depends on it.
            flight = key_of(key, query.service, query.severity, query.log)
            explanation, is_shared = self._flights.fly(flight, partial(self._recalled, key, query, retriever))
            if is_shared:
                CACHE.labels("shared").inc()
                if explanation["source"] == "model":
                    explanation = self._again(explanation)
                explanation = {**explanation, "cost": self._budget.cost(0, 0)}  # one of them paid
        else:
            explanation = self._fresh(query, retriever)
        EXPLANATIONS.labels(explanation["verdict"], explanation["source"]).inc()
        explanation = cast("Explanation", {**explanation})  # others may hold the same one
        if self._memory is not None:
            explanation["similar"] = self._memory.similar(query, retriever)
            self._memory.note(query, explanation, retriever)
        return explanation

    def close(self) -> None:
        """Give connections back. No query may run."""
        self._knowledge.close()
        self._state.close()
        if self._memory is not None:
            self._memory.close()
        if self._model is not None:
            self._model.close()

    def _retriever(self) -> Retriever | None:
        try:
            return self._knowledge.retriever()
        except Exception as err:  # noqa: BLE001 - counted and logged; the next query tries again
            self._note("knowledge_base", err)
            return None

    def _search(self, retriever: Retriever, query: Query, k: int) -> Found:
        try:
            with RETRIEVAL_SECONDS.time():
                try:
                    return retriever.find(query, k)
                except CollectionGoneError:
                    retriever = self._knowledge.instead_of(retriever)
                    return retriever.find(query, k)
        except (StoreError, CircuitOpenError) as err:
            self._knowledge.failed(retriever)
            raise KnowledgeUnavailableError(Fault.UNREACHABLE, str(err)) from err

    def _key(self, query: Query, retriever: Retriever | None) -> str:
        """Return what the model's answer depends on; empty if it cannot be kept (a query without a fingerprint).

        The version is that of `retriever`: another thread may have loaded a newer one since.
        """
        version = self._knowledge.version if retriever is None else retriever.version
        if self._answers is None or self._model is None or not query.fingerprint or not version:
            return ""
        return key_of(query.fingerprint, version, prompt.PROMPT_VERSION, self._model.name, query.language)

    def _recalled(self, key: str, query: Query, retriever: Retriever | None) -> Explanation:
        """Return what was answered before, else answer now and keep it if the model did."""
        answers = cast("Answers", self._answers)
        try:
            known = answers.get(key)
        except StateError as err:
            self._forgetful(err)
        else:
            held = known and self._held(known, query, retriever)
            CACHE.labels("hit" if held else "miss").inc()
            if held:
                return self._again(held)
        explanation = self._fresh(query, retriever, ("cached", Why.NOT_ASKED_BEFORE))
        if explanation["source"] == "model":
            try:
                answers.put(key, explanation)
            except StateError as err:
                self._forgetful(err)
        return explanation

    def _forgetful(self, err: StateError) -> None:
        CACHE.labels("error").inc()
        _log.warning("rag.answers.unavailable", detail=str(err))

    def _held(self, known: Explanation, query: Query, retriever: Retriever | None) -> Explanation | None:
        """Return what of an answer that was kept holds for this log; while the knowledge base is down, all of it."""
        try:
            if retriever is not None:
                return answering.again(known, self._search(retriever, query, FOUND), query, self._allow_hosts)
        except KnowledgeUnavailableError as err:
            self._note("knowledge_base", err)
        except Exception as err:  # noqa: BLE001 - one that was kept in another shape must not cost the alert its answer
            self._note("model", err)
            return None
        return {**known, "severity": verify.severity_within(query.severity, known.get("severity", ""))}

    def _again(self, known: Explanation) -> Explanation:
        told: Explanation = {**known, "cached": True, "ladder": _ladder(("cached", Why.USED))}
        told["cost"] = self._budget.cost(0, 0)
        return told

    def _fresh(self, query: Query, retriever: Retriever | None, *above: tuple[RungName, Why]) -> Explanation:
        if retriever is None:
            return self._without_knowledge(query, above)
        try:
            found = self._search(retriever, query, FOUND)
        except Exception as err:  # noqa: BLE001 - an alert must go out whatever the knowledge base does
            self._note("knowledge_base", err)
            return self._without_knowledge(query, above)
        if found.verdict == "match":
            return self._from_runbooks(query, found, above)
        unasked = Why.NO_RUNBOOK if self._model else Why.NOT_CONFIGURED
        plain = answering.bare(found.verdict, query, found)
        return self._told(plain, *above, ("model", unasked), ("extractive", Why.NO_RUNBOOK), ("plain", Why.USED))

    def _without_knowledge(self, query: Query, above: tuple[tuple[RungName, Why], ...]) -> Explanation:
        down = Why.KNOWLEDGE_BASE_DOWN
        plain = answering.bare("missing", query, None)
        plain["missing"] = ["knowledge_base"]
        return self._told(plain, *above, ("model", down), ("extractive", down), ("plain", Why.USED))

    def _from_runbooks(self, query: Query, found: Found, above: tuple[tuple[RungName, Why], ...]) -> Explanation:
        quoted = answering.quoted(query, found)
        if self._model is None:
            return self._told(quoted, *above, ("model", Why.NOT_CONFIGURED), ("extractive", Why.USED))
        cost = self._budget.cost(0, 0)
        try:
            documents = [hit.document for hit in found.hits[: answering.READ]]
            reply, cost = self._ask(self._model, prompt.messages(query, documents))
            if not reply.answer.inconclusive:
                answer = answering.checked(
                    reply.answer, self._model.name, found, documents, quoted, query=query, allow_hosts=self._allow_hosts
                )
                return self._told(answer, *above, ("model", Why.USED), cost=cost)
        except Exception as err:  # noqa: BLE001 - an alert must go out whatever the model does
            quoted["missing"] = ["model"]
            return self._told(quoted, *above, ("model", self._note("model", err)), ("extractive", Why.USED), cost=cost)
        plain = answering.bare("related", query, found)
        plain["source"], plain["model"] = "model", self._model.name
        unfit = Why.INCONCLUSIVE
        return self._told(plain, *above, ("model", unfit), ("extractive", unfit), ("plain", Why.USED), cost=cost)

    def _ask(self, model: OpenAIModel, messages: list[Any]) -> tuple[Reply, Cost]:
        """Ask within the budget and behind the circuit; return what it cost besides."""
        taken = self._budget.take(model.tokens_at_most(messages), self._most_output, 1 + MAX_RETRIES)
        billable, told = 0, None
        failure: ModelError | None = None
        try:
            with self._model_guard():
                billable = 1 + MAX_RETRIES
                try:
                    with MODEL_SECONDS.time():
                        reply = model.ask(messages)
                except ModelError as err:
                    billable = model.billable
                    if err.fault in _LASTING:
                        raise
                    failure = err
            if failure is not None:
                raise failure
            billable = model.billable
            cost = self._budget.cost(reply.prompt_tokens, reply.completion_tokens)
            told = cost if reply.prompt_tokens + reply.completion_tokens else None
        finally:
            try:
                self._budget.settle(taken, billable, told)
            except StateError as err:  # it stays at its worst case
                self._note("model", err)
        return reply, cost

    def _told(self, explanation: Explanation, *tried: tuple[RungName, Why], cost: Cost | None = None) -> Explanation:
        explanation["cached"] = False
        explanation["ladder"] = _ladder(*tried)
        explanation["cost"] = cost or self._budget.cost(0, 0)
        return explanation

    def _note(self, what: Missing, err: Exception) -> Why:
        """Count and log what could not be asked, and return the word for it."""
        fault, why = _fault_of(err)
        UNAVAILABLE.labels(what, fault.value).inc()
        # The text of an unknown error may hold the log; its type does not.
        detail = type(err).__name__ if fault is Fault.BUG else str(err)
        if fault is not Fault.BACKING_OFF:
            _log.warning("rag.dependency.unavailable", what=what, fault=fault.value, detail=detail)
        return why


def _fault_of(err: Exception) -> tuple[Fault, Why]:
    if isinstance(err, BudgetError):
        return Fault.BUDGET, err.cap
    if isinstance(err, StateError):
        return Fault.STATE, Why.BUDGET_UNKNOWN
    if isinstance(err, CircuitOpenError):
        return Fault.BACKING_OFF, Why.BREAKER_OPEN
    if isinstance(err, KnowledgeUnavailableError):
        return err.fault, Why.KNOWLEDGE_BASE_DOWN
    if isinstance(err, ModelError):
        return err.fault, _OTHER_WORDS.get(err.fault) or Why(err.fault.value)
    return Fault.BUG, Why.BUG


def _ladder(*tried: tuple[RungName, Why]) -> list[Rung]:
    return [{"rung": rung, "reason": why.value} for rung, why in tried]
