"""An obedient model over real HTTP, a knowledge base with hostile runbooks, and the whole way to the card."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from dataflows.domain.alerts import Alert, ExplanationView
from dataflows.messengers import Border
from dataflows.render.slack import card
from dataflows.render.terminal import terminal
from dataflows.settings import RedactionConfig
from rag.config import OpenAIConfig, RagConfig
from rag.embed import SentenceTransformerEmbedder
from rag.explainer import Explainer
from rag.ingest import ingest
from rag.milvus import MilvusStore
from rag.models import Document, Explanation, Query

HERE = Path(__file__).parent
RUNBOOKS = HERE.parents[3] / "runbooks"


@pytest.fixture(scope="session")
def shipped() -> dict[str, Document]:
    """The runbooks of the repository, by id."""
    found = {}
    for path in sorted(RUNBOOKS.glob("*/*.md")):
        text = path.read_text(encoding="utf-8")
        doc_id = f"{path.parent.name}/{path.stem}"
        found[doc_id] = Document(doc_id, text.splitlines()[0].lstrip("# "), text)
    return found


@dataclass
class Obedient:
    """Answers `/chat/completions` with whatever an attack wants said."""

    says: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""


@pytest.fixture(scope="session")
def obedient() -> Iterator[Obedient]:
    """The model that an attacker wishes for, on a free loopback port."""
    model = Obedient()

    class _Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            model.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            message = {"role": "assistant", "content": json.dumps(model.says), "refusal": None}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            sent = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield model
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> RagConfig:
    """A knowledge base of the shipped and the hostile runbooks, whose first hit always counts as a match."""
    folder = tmp_path_factory.mktemp("redteam")
    hostile = json.loads((HERE / "runbooks.json").read_text(encoding="utf-8"))
    (folder / "hostile.json").write_text(
        json.dumps([{name: book[name] for name in ("id", "title", "text", "url")} for book in hostile])
    )
    config = RagConfig(milvus_uri=str(folder / "m.db"), match_at=0.0, related_at=0.0)
    embedder = SentenceTransformerEmbedder()
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        ingest([RUNBOOKS, folder / "hostile.json"], store, embedder)
    return config


@dataclass(frozen=True)
class Shown:
    """What became of one answer: the explanation, the card as Slack gets it, and the terminal's text."""

    explanation: Explanation
    blocks: list[dict[str, Any]]
    terminal: str


Ask = Callable[..., Shown]


@pytest.fixture(scope="session")
def explainer(knowledge: RagConfig, obedient: Obedient) -> Iterator[Explainer]:
    """One explainer without a budget; queries without a fingerprint are never answered from its cache."""
    made = Explainer(
        knowledge, OpenAIConfig(base_url=obedient.url, max_tokens_per_hour=0, max_tokens_per_day=0), clock=lambda: 0.0
    )
    yield made
    made.close()


@pytest.fixture
def ask(explainer: Explainer, obedient: Obedient) -> Ask:
    """Explain a log with a model that says this, and show the answer as the pipeline does."""
    border = Border("slack", RedactionConfig())

    def run(log: str, says: dict[str, Any], language: Any = "en", severity: str = "error") -> Shown:
        obedient.says = {"summary": "", "severity": "error", "causes": [], "actions": [], "inconclusive": False, **says}
        explanation = explainer.explain(Query(log, "cart", "", language, severity))
        view = cast("ExplanationView", dict(explanation))
        alert = _alert(severity, view)
        blocks = card(alert, language)["blocks"]
        return Shown(explanation, border(blocks), terminal(alert, language))

    return run


def _alert(severity: str, view: ExplanationView) -> Alert:
    """Build an alert whose own texts are harmless: what a card shows of a log is tested with the cards."""
    alert: dict[str, Any] = {
        **dict.fromkeys(("held", "team", "trace_id", "request_id", "channel", "mention", "parent", "follows"), ""),
        **dict.fromkeys(("first_seen", "last_seen", "window_start", "arrival_ts"), 1_763_764_859.0),
        **dict.fromkeys(("count", "total", "fp_version"), 1),
        "id": "f:cart:1+300:first",
        "opening": "f:cart:1+300:first",
        "reason": "first",
        "fingerprint": "9f2c4e81",
        "coarse": "0b1d",
        "service": "cart",
        "namespace": "shop",
        "level": "ERROR",
        "severity": severity,
        "kind": "message",
        "types": [],
        "template": "connection refused",
        "text": "connection refused",
        "record_id": "s-1-0",
        "told": 0,
        "window_end": 1_763_765_159.0,
        "absent_s": 0.0,
        "usual": 0.0,
        "place": {"pods": [], "versions": [], "nodes": []},
        "started_with": "",
        "lines": [],
        "explained": True,
        "explanation": view,
    }
    return cast("Alert", alert)
