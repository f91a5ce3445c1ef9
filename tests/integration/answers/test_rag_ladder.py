"""The ladder of answers over real HTTP: the circuit, what fails, and the card that says why."""

from collections.abc import Callable
from functools import partial

import pytest
from scripted_model import QUERY, ROOM, Model, card, tried

from connectors.breaker import FAILURES, Breaker
from dataflows.endpoints import guarded
from rag.config import OpenAIConfig
from rag.explainer import Explainer
from rag.models import Query
from rag.store import StoreError

pytestmark = pytest.mark.slow


def test_the_circuit_opens_and_one_call_tries_again(explaining: Callable[..., Explainer], model: Model) -> None:
    """After five failures the model is left alone, the card says so, and after the rest one call brings it back."""
    now = [0.0]
    circuit = Breaker("openai", rest_s=60, clock=lambda: now[0])
    explainer = explaining(partial(guarded, circuit), cache_s=0)
    model.status = 401
    answers = [explainer.explain(QUERY) for _ in range(FAILURES + 1)]
    assert (FAILURES, "open") == (model.asked, circuit.state)
    assert ["model:breaker_open", "extractive:used"] == tried(answers[-1])
    assert "the model failed several times and is left alone for a while" in card(answers[-1])
    now[0] = 60.0
    model.status = 200
    assert ["model:used"] == tried(explainer.explain(QUERY))
    assert (FAILURES + 1, "closed") == (model.asked, circuit.state)


def test_an_answer_that_cannot_be_verified_does_not_open_the_circuit(
    explaining: Callable[..., Explainer], model: Model
) -> None:
    """A server that answers nonsense is up: it is asked again, and what that cost is on the card."""
    circuit = Breaker("openai")
    explainer = explaining(partial(guarded, circuit), cache_s=0)
    model.claim = "See https://evil.example/x"
    answers = [explainer.explain(QUERY) for _ in range(FAILURES + 1)]
    assert (FAILURES + 1, "closed") == (model.asked, circuit.state)
    said = "Quoted from a runbook: nothing that the model said stands in a runbook · 1,600 tokens"
    assert said in card(answers[-1])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "the model's server refused the question; check its key, address and name"),
        (500, "the model's server failed"),
        (429, "the model's server says it is asked too often"),
    ],
)
def test_a_failing_server_is_named_on_the_card(
    explaining: Callable[..., Explainer], model: Model, status: int, said: str
) -> None:
    """What failed stands behind the quotation."""
    model.status = status
    assert f"Quoted from a runbook: {said}" in card(explaining().explain(QUERY))


def test_a_silent_server_is_named_on_the_card(explaining: Callable[..., Explainer], model: Model) -> None:
    """No answer in time: the runbook is quoted, and both attempts stay in the budget at their worst case."""
    explainer = explaining(timeout_s=0.3, max_tokens_per_hour=ROOM)
    model.gate.clear()
    got = explainer.explain(QUERY)
    assert "Quoted from a runbook: the model did not answer in time" in card(got)
    with explainer._state.begin() as db:
        ((kept,),) = db.execute("SELECT tokens FROM spent").fetchall()
    assert kept > 2 * OpenAIConfig().max_output_tokens


def test_without_a_model_the_card_says_so(explaining: Callable[..., Explainer]) -> None:
    """No key and no server: quotations, and no question."""
    got = explaining(api_key=None, base_url=None).explain(QUERY)
    assert ["model:not_configured", "extractive:used"] == tried(got)
    assert "Quoted from a runbook: no language model is set up" in card(got)
    assert [] == got["missing"]


def test_what_was_answered_is_given_while_the_knowledge_base_is_down(
    explaining: Callable[..., Explainer], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that was asked about keeps its answer; another one is told what is missing."""
    now = [0.0]
    explainer = explaining(clock=lambda: now[0])
    explainer.explain(QUERY)
    now[0] = 1e6
    store = explainer._knowledge._store
    assert store is not None
    store._client = None

    def is_down(*_: object, **__: object) -> None:
        raise StoreError

    monkeypatch.setattr("rag.knowledge.MilvusStore", is_down)
    known, new = explainer.explain(QUERY), explainer.explain(Query("boom", "cart", "e" * 16))
    assert ["cached:used"] == tried(known)
    assert ["model:knowledge_base_down", "extractive:knowledge_base_down", "plain:used"] == tried(new)[-3:]
    assert "The knowledge base could not be asked" in card(new)
    assert 1 == model.asked


def test_a_fault_without_a_runbook_is_not_put_to_the_model(explaining: Callable[..., Explainer], model: Model) -> None:
    """The model is asked only about runbooks that match."""
    got = explaining().explain(Query("zzyzx quux frobnicated the wibble", "cart", "d" * 16))
    assert ["model:no_runbook", "extractive:no_runbook", "plain:used"] == tried(got)[-3:]
    assert (0, True) == (model.asked, "No runbook" in card(got))
