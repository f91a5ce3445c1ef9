"""What was asked before is not asked again, unless it is another question."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from scripted_model import DOC, QUERY, Model, card, tried

from rag.config import RagConfig
from rag.embed import SentenceTransformerEmbedder
from rag.explainer import Explainer
from rag.models import Document, Query
from rag.store import Row, content_hash

pytestmark = pytest.mark.slow


def test_an_answer_is_paid_for_once_also_over_a_restart(
    explaining: Callable[..., Explainer], model: Model, tmp_path: Path
) -> None:
    """The second question of the same fault, and that of the next process, get the first one's answer at no cost."""
    prices = {"usd_per_million_input_tokens": 1.0, "usd_per_million_output_tokens": 10.0}
    state = tmp_path / "state" / "e.sqlite3"
    first = explaining(state=state, **prices)
    answers = [first.explain(QUERY), first.explain(QUERY), explaining(state=state, **prices).explain(QUERY)]
    assert 1 == model.asked
    assert [["cached:not_asked_before", "model:used"], ["cached:used"], ["cached:used"]] == [*map(tried, answers)]
    assert [False, True, True] == [answer["cached"] for answer in answers]
    assert {"usd": 0.0025, "prompt_tokens": 1_500, "completion_tokens": 100} == answers[0]["cost"]
    assert 1 == len({json.dumps(answer["actions"]) for answer in answers})
    assert "Written by gpt-5-mini from the runbooks cited · 0.2 ct · 1,600 tokens" in card(answers[0])
    assert "Written by gpt-5-mini from the runbooks cited · asked before, no cost" in card(answers[2])
    assert 0o600 == state.stat().st_mode & 0o777
    assert QUERY.log.encode() not in state.read_bytes()


@pytest.mark.parametrize("change", ["fingerprint", "language", "model", "runbooks"])
def test_another_question_is_asked_anew(
    explaining: Callable[..., Explainer], model: Model, knowledge: RagConfig, tmp_path: Path, change: str
) -> None:
    """Another fault, language or model, or a changed knowledge base: the answer kept is not given."""
    state, query, openai = tmp_path / "e.sqlite3", QUERY, {}
    explaining(state=state).explain(QUERY)
    if change == "fingerprint":
        query = Query(QUERY.log, QUERY.service, "e" * 16)
    elif change == "language":
        query = Query(QUERY.log, QUERY.service, QUERY.fingerprint, "ko")
    elif change == "model":
        openai = {"model": "other"}
    asked = explaining(state=state, **openai)
    if change == "runbooks":
        asked.warm()
        store = asked._knowledge._store
        assert store is not None
        document = Document("own/new", "Something else", "Text.")
        vectors = SentenceTransformerEmbedder().embed(["Something else"])
        store.upsert([Row(document, content_hash(document), "")], vectors)
        asked = explaining(state=state)
    asked.explain(query)
    if change == "runbooks":
        store = asked._knowledge._store
        assert store is not None
        store.remove(["own/new"])
    assert 2 == model.asked


HEAP = "java.lang.OutOfMemoryError: Java heap space\n\tat com.example.Export.run(Export.java:7)"


def test_another_log_of_the_same_fingerprint_does_not_get_its_answer(
    explaining: Callable[..., Explainer], model: Model
) -> None:
    """A service over its cap of new faults has one fingerprint for all of them: what does not fit is asked anew."""
    explainer = explaining()
    explainer.explain(QUERY)
    other = explainer.explain(Query(HEAP, QUERY.service, QUERY.fingerprint))
    assert 2 == model.asked
    assert DOC not in [citation["doc_id"] for citation in other["citations"]]
    unfit = explainer.explain(Query("the turnip is purple", QUERY.service, QUERY.fingerprint))
    assert (2, []) == (model.asked, unfit["actions"])


def test_what_was_measured_in_one_log_is_not_told_of_another(
    explaining: Callable[..., Explainer], model: Model
) -> None:
    """A statement kept with a value of its log is not shown for a log that has another one."""
    model.cause = "The Redis process may be down or restarting for 31000 ms."
    explainer = explaining()
    asked = [Query(f"{QUERY.log} waited {ms} ms", "cart", QUERY.fingerprint) for ms in (31_000, 31_000, 47_000)]
    answers = [explainer.explain(query) for query in asked]
    assert [1, 1, 0] == [len(answer["causes"]) for answer in answers]
    assert [1, 1, 1] == [len(answer["actions"]) for answer in answers]
    assert 1 == model.asked


@pytest.mark.parametrize("body", ["{", "{}", '{"verdict": "match", "causes": [1]}'])
def test_an_answer_kept_in_another_shape_is_asked_anew(
    explaining: Callable[..., Explainer], model: Model, body: str
) -> None:
    """A damaged row, or one of an older release, costs a question and never the alert's answer."""
    explainer = explaining()
    explainer.explain(QUERY)
    with explainer._state.begin() as db:
        db.execute("UPDATE answers SET body = ?", (body,)).close()
    assert ["cached:not_asked_before", "model:used"] == tried(explainer.explain(QUERY))
    assert ["cached:used"] == tried(explainer.explain(QUERY))
    assert 2 == model.asked


def test_an_answer_is_kept_under_the_runbooks_it_was_made_of(explaining: Callable[..., Explainer]) -> None:
    """Not under those of a newer knowledge base that another thread has loaded meanwhile."""
    explainer = explaining(clock=lambda: 0.0)
    retriever = explainer._knowledge.retriever()
    before = explainer._key(QUERY, retriever)
    explainer._knowledge.version = "newer"
    assert before == explainer._key(QUERY, retriever)
    assert before != explainer._key(QUERY, None)


def test_an_inconclusive_answer_is_kept_a_failure_is_not(explaining: Callable[..., Explainer], model: Model) -> None:
    """That no runbook fits is an answer; a server that failed is asked again."""
    explainer = explaining()
    model.status = 401
    failed = explainer.explain(QUERY)
    model.status, model.inconclusive = 200, True
    answers = [failed, explainer.explain(QUERY), explainer.explain(QUERY)]
    assert 2 == model.asked
    assert [
        ["cached:not_asked_before", "model:rejected", "extractive:used"],
        ["cached:not_asked_before", "model:inconclusive", "extractive:inconclusive", "plain:used"],
        ["cached:used"],
    ] == [*map(tried, answers)]
    said = "No analysis: the model was asked and finds that no runbook fits · "
    assert [f"{said}1,600 tokens" in card(answers[1]), f"{said}asked before, no cost" in card(answers[2])] == [True] * 2


def test_who_asks_the_same_at_once_waits_for_one_call(explaining: Callable[..., Explainer], model: Model) -> None:
    """Eight threads, one request, one answer for all, paid for once."""
    explainer = explaining()
    explainer.warm()
    model.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(explainer.explain, QUERY) for _ in range(8)]
        model.gate.set()
        answers = [future.result(30) for future in futures]
    assert 1 == model.asked
    assert [1_600] == [tokens for answer in answers if (tokens := sum(answer["cost"].values()))]
    assert {"Redis may be down."} == {answer["summary"] for answer in answers}
