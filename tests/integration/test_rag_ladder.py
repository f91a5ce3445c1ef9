"""The ladder of answers over real HTTP: what was asked before, the budget, the circuit, and the card that says why."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.breaker import FAILURES, Breaker
from dataflows.domain.alerts import Alert, ExplanationView
from dataflows.endpoints import guarded
from dataflows.render.terminal import terminal
from rag.circuit import Guard, unguarded
from rag.config import OpenAIConfig, RagConfig
from rag.embed import SentenceTransformerEmbedder
from rag.explainer import Explainer
from rag.ingest import ingest
from rag.knowledge import Knowledge
from rag.milvus import MilvusStore
from rag.models import Document, Explanation, Query
from rag.store import Row, content_hash

pytestmark = pytest.mark.slow

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
DOC = "en/redis-refused"
QUOTE = "Correct host and port in the service's settings and roll out again if only one service is affected."
CAUSE = "The Redis process is down or restarting"
QUERY = Query(
    "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
    "cart",
    fingerprint="f" * 16,
)
USAGE = {"prompt_tokens": 1_500, "completion_tokens": 100, "total_tokens": 1_600}
ROOM = 1_000_000
"""Tokens: more than any question of these tests takes."""


class Model:
    """Serves chat completions on a free loopback port: `status`, with `usage`, once `gate` is open."""

    def __init__(self) -> None:
        self.status = 200
        self.usage: dict[str, int] | None = USAGE
        self.inconclusive = False
        self.claim = "Correct the address in the settings."
        self.cause = ""
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                outer.gate.wait(10)
                body = outer.answer()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the test output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self) -> bytes:
        """An honest completion, or what a server says that fails."""
        if self.status != 200:
            return b'{"error": {"message": "no"}}'
        claim = {"text": self.claim, "doc_id": DOC, "quote": QUOTE, "risk": "reversible"}
        content = {
            "summary": "Redis may be down.",
            "severity": "error",
            "causes": [{"text": self.cause, "doc_id": DOC, "quote": CAUSE}] if self.cause else [],
            "actions": [claim],
            "inconclusive": self.inconclusive,
        }
        message = {"role": "assistant", "content": json.dumps(content), "refusal": None}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"usage": self.usage} if self.usage else {}
        whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **usage}
        return json.dumps(whole).encode()

    def close(self) -> None:
        """Stop serving."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> RagConfig:
    """A knowledge base of the shipped runbooks."""
    config = RagConfig(milvus_uri=str(tmp_path_factory.mktemp("kb") / "m.db"))
    embedder = SentenceTransformerEmbedder()
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        ingest([RUNBOOKS], store, embedder)
    return config


@pytest.fixture
def model() -> Iterator[Model]:
    """A scripted model."""
    made = Model()
    yield made
    made.close()


@pytest.fixture(scope="module")
def loaded(knowledge: RagConfig) -> Knowledge:
    """The knowledge base as an explainer holds it."""
    return Knowledge(knowledge)


@pytest.fixture
def explaining(knowledge: RagConfig, loaded: Knowledge, model: Model) -> Iterator[Callable[..., Explainer]]:
    """Makes explainers that ask the scripted model; one at a time, since Milvus Lite allows one.

    They share the embedding model, which takes long to load; the store is opened anew each time.
    """
    made: list[Explainer] = []

    def make(guard: Guard = unguarded, state: Path | None = None, clock: Any = None, **openai: Any) -> Explainer:
        for one in made:
            one.close()
        given = {"api_key": SecretStr("k" * 8), "base_url": model.url, "max_tokens_per_hour": 0, **openai}
        made.append(Explainer(knowledge, OpenAIConfig(**given), state=state, model_guard=guard))
        made[-1]._knowledge = Knowledge(knowledge, clock) if clock else loaded
        return made[-1]

    yield make
    made[-1].close()


def tried(explanation: Explanation) -> list[str]:
    """The ladder as words."""
    return [f"{rung['rung']}:{rung['reason']}" for rung in explanation["ladder"]]


def card(explanation: Explanation) -> str:
    """What a person reads, on one line."""
    alert: dict[str, Any] = dict.fromkeys(
        ("template", "text", "namespace", "team", "started_with", "follows", "channel", "mention", "held", "parent"), ""
    )
    alert |= dict.fromkeys(("count", "total", "told", "fp_version", "absent_s", "usual"), 1)
    alert |= dict.fromkeys(("first_seen", "last_seen", "window_start", "window_end", "arrival_ts"), 1.7e9)
    alert |= {"reason": "first", "level": "ERROR", "severity": "error", "service": "cart", "fingerprint": "f" * 16}
    alert |= {"place": {"pods": [], "versions": [], "nodes": []}, "lines": [], "types": [], "explained": True}
    view: ExplanationView = dict(explanation)  # type: ignore[assignment] # the same shape
    whole = Alert(**{**alert, "explanation": view})  # type: ignore[typeddict-item] # as above
    return " ".join(terminal(whole, "en").split())


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


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_tokens_per_hour": 5_000}, "the model's hourly budget of tokens is used up"),
        ({"max_tokens_per_day": 5_000}, "the model's daily budget of tokens is used up"),
        ({"max_usd_per_hour": 0.001}, "the model's hourly budget is used up"),
        ({"max_usd_per_day": 0.001}, "the model's daily budget is used up"),
    ],
)
def test_what_would_pass_a_limit_is_not_asked(
    explaining: Callable[..., Explainer], model: Model, limit: dict[str, Any], said: str
) -> None:
    """The runbook is quoted instead, the card says which limit, and the server saw nothing."""
    prices = {"usd_per_million_input_tokens": 1.0, "usd_per_million_output_tokens": 10.0}
    got = explaining(**prices, **limit).explain(QUERY)
    assert (0, "extractive") == (model.asked, got["source"])
    assert f"Quoted from a runbook: {said}" in card(got)


def test_only_what_the_server_counted_stays_spent(
    explaining: Callable[..., Explainer], model: Model, tmp_path: Path
) -> None:
    """With usage told, many questions fit where the worst case of two would not; a restart does not forget them."""
    state = tmp_path / "e.sqlite3"
    worst = explaining()._model.tokens_at_most([])  # type: ignore[union-attr] # there is a model
    assert worst < 10_000
    explainer = explaining(state=state, max_tokens_per_hour=80_000, cache_s=0)
    assert {"model"} == {explainer.explain(QUERY)["source"] for _ in range(8)}
    model.usage = None
    again = explaining(state=state, max_tokens_per_hour=80_000, cache_s=0)
    sources = [again.explain(QUERY)["source"] for _ in range(20)]
    assert ["model", "extractive"] == [sources[0], sources[-1]]


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


def test_refused_questions_and_lost_connections_cost_nothing(explaining: Callable[..., Explainer]) -> None:
    """A server that nobody reaches has charged for nothing: the whole worst case is given back."""
    explainer = explaining(base_url="http://127.0.0.1:1/v1", max_tokens_per_hour=ROOM)
    assert "Quoted from a runbook: the model cannot be reached" in card(explainer.explain(QUERY))
    with explainer._state.begin() as db:
        assert [(0,)] == db.execute("SELECT tokens FROM spent").fetchall()


def test_a_damaged_file_costs_the_model_not_the_answer(
    explaining: Callable[..., Explainer], model: Model, tmp_path: Path
) -> None:
    """With limits set nothing is spent that cannot be counted; the card says why, and the runbook is quoted."""
    state = tmp_path / "e.sqlite3"
    state.write_bytes(b"no database " * 100)
    got = explaining(state=state, max_tokens_per_hour=ROOM).explain(QUERY)
    assert (0, "extractive") == (model.asked, got["source"])
    assert "what the model has cost so far cannot be read" in card(got)


def test_without_a_model_the_card_says_so(explaining: Callable[..., Explainer]) -> None:
    """No key and no server: quotations, and no question."""
    got = explaining(api_key=None, base_url=None).explain(QUERY)
    assert ["model:not_configured", "extractive:used"] == tried(got)
    assert "Quoted from a runbook: no language model is set up" in card(got)
    assert [] == got["missing"]


def test_what_was_answered_is_given_while_the_knowledge_base_is_down(
    explaining: Callable[..., Explainer], model: Model
) -> None:
    """A fault that was asked about keeps its answer; another one is told what is missing."""
    now = [0.0]
    explainer = explaining(clock=lambda: now[0])
    explainer.explain(QUERY)
    now[0] = 1e6
    store = explainer._knowledge._store
    assert store is not None
    store._client = None
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
