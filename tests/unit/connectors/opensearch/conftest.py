"""An index on loopback: real HTTP, documents in a dict, answers that a test may script."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors.opensearch import OpenSearchConfig

LIMIT_S = 20.0
Answer = tuple[int, Any]
"""HTTP status and JSON body."""


class Index:
    """What the server holds, and how it answers."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.calls: list[list[str]] = []
        """Ids of each bulk call, in order, answered whichever way."""
        self.templates: list[str] = []
        self.script: list[Callable[[list[str]], Answer | None]] = []
        """Answers to the next calls; a None is an answer as ever."""
        self.refuse: dict[str, int] = {}
        """Status of the item with this id, for ever."""
        self.down = False
        self.changed = threading.Condition()
        self.url = ""

    def bulk(self, lines: list[bytes]) -> Answer:
        """Index the items of one call."""
        with self.changed:
            items = [
                (json.loads(action)["index"]["_id"], body) for action, body in zip(lines[::2], lines[1::2], strict=True)
            ]
            ids = [doc_id for doc_id, _ in items]
            self.calls.append(ids)
            self.changed.notify_all()
            if self.down:
                return 503, {"error": "down"}
            scripted = self.script.pop(0)(ids) if self.script else None
            if scripted is not None:
                return scripted
            answers = []
            for doc_id, body in items:
                status = self.refuse.get(doc_id, 201)
                if status == 201:
                    self.documents[doc_id] = body.decode()
                answers.append({"index": item_of(doc_id, status)})
            return 200, {"errors": False, "items": answers}

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, within a limit."""
        with self.changed:
            while not condition():
                assert self.changed.wait(LIMIT_S), "nothing changed for too long"


def item_of(doc_id: str, status: int) -> dict[str, Any]:
    """The answer to one item."""
    kind = {400: "mapper_parsing_exception", 403: "cluster_block_exception"}.get(status, "rejected_exception")
    return {"_id": doc_id, "status": status} | ({} if status < 300 else {"error": {"type": kind}})


@pytest.fixture
def index() -> Iterator[Index]:
    """A running index."""
    found = Index()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, status: int, body: Any) -> None:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(body, bytes) else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def _body(self) -> bytes:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

        def do_PUT(self) -> None:
            self._body()
            found.templates.append(self.path)
            self._answer(200, {"acknowledged": True})

        def do_POST(self) -> None:
            status, body = found.bulk(self._body().splitlines())
            self._answer(status, body)
            with found.changed:
                found.changed.notify_all()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def config(index: Index) -> OpenSearchConfig:
    """Settings for that index, with a short linger."""
    return OpenSearchConfig(url=index.url, linger_s=0.02, timeout_s=5.0, close_timeout_s=10.0)
