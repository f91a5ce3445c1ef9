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
        self.actions: list[dict[str, dict[str, str]]] = []
        """Action lines, in order."""
        self.headers: list[dict[str, str]] = []
        """Of every call, in order."""
        self.raw: list[bytes] = []
        """Bodies of the bulk calls as they came, compressed."""
        self.templates: list[str] = []
        self.policies: dict[str, dict[str, Any]] = {}
        """As they were put, with what ISM adds."""
        self.setup_status = 200
        """Answer to whoever puts a template or asks for a policy."""
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
                (next(iter(json.loads(action).values()))["_id"], body)
                for action, body in zip(lines[::2], lines[1::2], strict=True)
            ]
            self.actions += [json.loads(action) for action in lines[::2]]
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
            found.raw.append(body)
            return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

        def do_GET(self) -> None:
            found.headers.append(dict(self.headers))
            known = found.policies.get(self.path.rpartition("/")[2])
            status = 404 if found.setup_status == 200 and known is None else found.setup_status
            self._answer(status, known or {"error": {"type": "status_exception"}, "status": status})

        def do_PUT(self) -> None:
            found.headers.append(dict(self.headers))
            body = json.loads(self._body())
            path, _, query = self.path.partition("?")
            kind, name = path.split("/")[-2:]
            if kind == "_index_template" and found.setup_status == 200:
                found.templates.append(name)
            elif kind == "policies" and found.setup_status == 200:
                known = found.policies.get(name)
                number = known["_seq_no"] if known else 0
                assert query == (f"if_seq_no={number}&if_primary_term=1" if known else ""), "ISM changes nothing else"
                found.policies[name] = body | {"_seq_no": number + 1, "_primary_term": 1}
            status = found.setup_status
            self._answer(status, {"acknowledged": True} if status == 200 else {"error": {"type": "status_exception"}})
            with found.changed:
                found.changed.notify_all()

        def do_POST(self) -> None:
            found.headers.append(dict(self.headers))
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
    """Settings for that index, with a short linger and short pauses."""
    return OpenSearchConfig(
        url=index.url, linger_s=0.02, timeout_s=5.0, close_timeout_s=10.0, max_backoff_s=0.1, rest_s=0.3
    )
