"""Servers on loopback: one that answers as a model and as a server of embeddings, and one that only refuses."""

import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self

STATUSES = (401, 403, 500, 400, 503)
DIMENSIONS = 8


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up, or that does not trust us, is the point."""


class _Served:
    """A server on a thread of its own. Use it in a `with` block."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        outer = self

        class _Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, kind, content = outer.answer(self.path, str(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep the test output clean."""

        for verb in ("GET", "POST", "PUT", "HEAD", "DELETE"):
            setattr(_Handler, f"do_{verb}", _Handler._answer)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._scheme = "http"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self._scheme = "https"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Address, without a trailing slash."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, headers: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and body for one request."""
        raise NotImplementedError


class Echo(_Served):
    """Refuses each request with the next status; the answer repeats the request's line, headers and body."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = count()
        self.asked: set[str] = set()
        """First parts of the paths that were asked for."""

    def answer(self, path: str, headers: str, body: bytes) -> tuple[int, str, bytes]:
        """In turn as plain text and in the shapes of error that the services have."""
        self.asked.add(path.split("/")[1].partition("?")[0])
        turn = next(self._turns)
        said = f"refused: {path}\n{headers}\n{body[:3000].decode('utf-8', 'replace')}"
        shapes: list[tuple[str, bytes]] = [
            ("text/plain", said.encode()),
            ("application/json", json.dumps({"error": said, "ok": False, "status": 401}).encode()),
            ("application/json", json.dumps({"error": {"type": said, "reason": said, "message": said}}).encode()),
            ("text/html", f"<html><body><pre>{said}</pre></body></html>".encode()),
        ]
        kind, content = shapes[turn % len(shapes)]
        return STATUSES[turn % len(STATUSES)], kind, content


class Model(_Served):
    """Answers `/embeddings` with vectors made of the texts, and `/chat/completions` with an empty analysis."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.bodies: list[bytes] = []
        """What it was asked, without headers."""

    @property
    def prompts(self) -> list[bytes]:
        """The questions to the model alone."""
        return [body for body in self.bodies if b'"messages"' in body]

    def answer(self, path: str, headers: str, body: bytes) -> tuple[int, str, bytes]:
        """As OpenAI's API does."""
        del headers
        self.bodies.append(body)
        content: dict[str, Any] = {"data": [{"id": "m"}], "object": "list"}
        if path.endswith("/embeddings"):
            texts = json.loads(body)["input"]
            content["data"] = [{"index": number, "embedding": _vector(text)} for number, text in enumerate(texts)]
        elif path.endswith("/chat/completions"):
            said = json.dumps({"summary": "unclear", "causes": [], "actions": [], "inconclusive": True})
            message = {"role": "assistant", "content": said, "refusal": None}
            choices = [{"index": 0, "finish_reason": "stop", "message": message}]
            content = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
        return 200, "application/json", json.dumps(content).encode()


def _vector(text: str) -> list[float]:
    return [1.0 + byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSIONS]]
