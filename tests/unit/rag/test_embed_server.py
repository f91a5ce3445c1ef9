"""Embeddings of an OpenAI-compatible server."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import SecretStr

from rag.config import RagConfig
from rag.embed import EmbeddingModelError, Prefixes, open_embedder
from rag.store import StoreError


class Server(BaseHTTPRequestHandler):
    """Gives each text the vector (length, 1), last first, as the protocol allows."""

    asked: ClassVar[list[dict[str, Any]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({**body, "key": self.headers.get("Authorization"), "path": self.path})
        items = [{"index": n, "embedding": [len(text), 1]} for n, text in enumerate(body["input"])]
        answer = json.dumps({"data": items[::-1]}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this machine."""
    monkeypatch.setattr(Server, "status", 200)
    monkeypatch.setattr(Server, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_vectors_come_in_the_order_of_the_texts_and_have_length_one(url: str) -> None:
    """More texts than one request holds all get their own vector; model, key and prefixes are sent."""
    config = RagConfig(
        embedding_url=url,
        embedding_model="Org/Model",
        embedding_api_key=SecretStr("k"),
        embedding_query_prefix="query: ",
        embedding_document_prefix="passage: ",
    )
    embedder = open_embedder(config)
    vectors = embedder.embed(["x" * n for n in range(70)])
    assert (vectors.shape, vectors.dtype) == ((70, 2), np.float32)
    assert np.allclose(vectors[:, 0] / vectors[:, 1], np.arange(70) + len("passage: "), rtol=1e-4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    embedder.embed(["why"], query=True)
    assert Server.asked[-1] == {
        "model": "Org/Model",
        "input": ["query: why"],
        "encoding_format": "float",
        "key": "Bearer k",
        "path": "/v1/embeddings",
    }
    assert embedder.name.startswith("org-model-")
    assert embedder.embed([]).shape == (0, 2)


def test_a_server_that_fails_is_named_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start it is a model that cannot be used, while searching a knowledge base that cannot be asked."""
    secret = "hun" + "ter2"
    embedder = open_embedder(RagConfig(embedding_url=url.replace("//", f"//me:{secret}@"), embedding_model="m"))
    monkeypatch.setattr(Server, "status", 500)
    with pytest.raises(StoreError, match=r"500.*CALI_RAG__EMBEDDING_URL") as caught:
        embedder.embed(["x"], query=True)
    assert secret not in str(caught.value)
    with pytest.raises(EmbeddingModelError, match="CALI_RAG__EMBEDDING_URL"):
        open_embedder(RagConfig(embedding_url=url, embedding_model="m"))


def test_other_prefixes_are_another_model() -> None:
    """Vectors made with other prefixes are never compared; without prefixes a name stays what it was."""
    assert Prefixes().named("m") == "m"
    assert len({Prefixes("a", "b").named("m"), Prefixes("b", "a").named("m"), "m"}) == 3
