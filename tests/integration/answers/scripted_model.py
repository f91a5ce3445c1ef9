"""A language model over real HTTP that answers as a test says, and what is asked of it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dataflows.domain.alerts import Alert, ExplanationView
from dataflows.render.terminal import terminal
from rag.models import Explanation, Query

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
