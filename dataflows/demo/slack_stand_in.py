"""A stand-in for Slack on this machine: takes messages, refuses what Slack refuses, shows them.

It is an incoming webhook (`/services/...`) and as much of the Web API (`/api/...`) as CALI calls.
`python -m dataflows.demo.slack_stand_in --port N` serves the page at `/`; tests use `with SlackStandIn()`.
It keeps messages in memory and takes any bot token: never expose it. It listens on 127.0.0.1, or, inside a container,
where `--host` says.
"""

import argparse
import json
import secrets
import signal
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from dataflows.demo import slack_page
from dataflows.demo.slack_api import MAX_KEPT, Answer, Received, SlackError, Workspace
from dataflows.demo.slack_bodies import arguments_of, payload_of
from dataflows.demo.slack_faults import FORMS, WEBHOOK, Fault, Faults
from dataflows.demo.slack_rules import Refused

_MAX_BODY_BYTES: Final = 1_000_000
_SILENT_CLIENT_S: Final = 30.0
_WEBHOOK_PARTS: Final = 4  # /services/T.../B.../secret, and here perhaps the channel's name after it


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that was refused: what Slack would answer, and the reason that Slack would keep to itself."""

    received_ts: float
    answer: str
    why: str


class SlackStandIn:
    """The server, on its own threads. Use it in a `with` block; thread-safe."""

    def __init__(
        self,
        port: int = 0,
        channel: str = "#cali-alerts",
        *,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
        rate_limit: bool = False,
    ) -> None:
        """Listen at once on `port` of `host` (0: a free one). Raises OSError if it is taken.

        `channel` is where the webhook posts; with `rate_limit` a second message within a second gets a 429.
        """
        self.channel = channel
        self.closing = threading.Event()
        self.workspace = Workspace(channel, clock, rate_limit=rate_limit)
        self.faults = Faults()
        self._clock = clock
        self._lock = threading.Lock()
        self._rejected: deque[Rejected] = deque(maxlen=MAX_KEPT)
        self._server = _Server((host, port), _Handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Address of the page, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def webhook_url(self) -> str:
        """Address to post to. With `/NAME` after it, the webhook of another channel."""
        return f"{self.url}/services/T00000000/B00000000/stand-in"

    @property
    def api_url(self) -> str:
        """Base URL of the Web API; any token that begins with `xoxb-` is taken."""
        return f"{self.url}/api/"

    @property
    def messages(self) -> list[Received]:
        """What was accepted, oldest first, each as it is now."""
        return self.workspace.messages

    @property
    def rejected(self) -> list[Rejected]:
        """What was refused for its content, oldest first. Scripted faults are not in it."""
        with self._lock:
            return list(self._rejected)

    def fail(self, *faults: str) -> None:
        """Let the next calls fail, one fault each, in order.

        `"429:2"` and `"500"` answer so; `"error:WORD"` is Slack's refusal; `"hang"` never answers; `"reset"` breaks
        the connection; `"lost"` takes the message and then breaks the connection, which is how a message comes to be
        sent twice. A fault meets the next post or update; with `METHOD=` before it, such as
        `"conversations.history=error:missing_scope"`, the next call of that method (`webhook`: of a webhook).
        """
        self.faults.add(*faults)

    def accept(self, path: str, body: bytes) -> str:
        """Keep what was posted to a webhook and answer `ok`. Raises `SlackError`, or `Refused` and keeps the reason."""
        parts = path.strip("/").split("/")
        channel = f"#{unquote(parts[_WEBHOOK_PARTS])}" if len(parts) > _WEBHOOK_PARTS else self.channel
        try:
            self.workspace.channel_id(channel)
            self.workspace.accept(channel, payload_of(body))
        except Refused as err:
            self._reject(err)
            raise
        return "ok"

    def call(self, method: str, kind: str, body: bytes, token: str) -> Answer:
        """Answer a call of the Web API. Raises as `accept`."""
        try:
            arguments = arguments_of(kind, body)
            return self.workspace.call(method, arguments, token or str(arguments.get("token", "")))
        except Refused as err:
            self._reject(err)
            raise

    def _reject(self, refused: Refused) -> None:
        with self._lock:
            self._rejected.append(Rejected(self._clock(), refused.answer, str(refused)))


def _after(query: str) -> int:
    """The number in `?after=N`: only what is newer is wanted. 0 without one."""
    text = parse_qs(query).get("after", ["0"])[0]
    return int(text) if text.isdecimal() else 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: SlackStandIn

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):  # clients may go when they like
            super().handle_error(request, client_address)  # type: ignore[arg-type] # typeshed names a socket type


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SILENT_CLIENT_S

    def do_GET(self) -> None:
        stand_in, parts = self.server.stand_in, urlsplit(self.path)
        if parts.path == "/":
            nonce = secrets.token_urlsafe(16)
            text = slack_page.page(stand_in.channel, *self._html(0), nonce)
            policy = slack_page.CONTENT_SECURITY_POLICY.format(nonce=nonce)
            self._answer(200, text, "text/html", {"Content-Security-Policy": policy})
        elif parts.path == "/messages.html":
            text, revision = self._html(_after(parts.query))
            self._answer(200, text, "text/html", {"X-Last-Id": str(revision)})
        elif parts.path == "/messages.json":
            after = _after(parts.query)
            newer = [asdict(kept) for kept in stand_in.messages if kept.revision > after]
            self._answer(200, json.dumps(newer), "application/json")
        elif parts.path == "/rejected.json":
            self._answer(200, json.dumps([asdict(kept) for kept in stand_in.rejected]), "application/json")
        else:
            self._answer(404, "not_found")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
            self._answer(400, "invalid_payload")
            return
        body = self.rfile.read(int(length))
        path = urlsplit(self.path).path
        if path.startswith("/services/"):
            self._answer_unless_scripted(WEBHOOK, lambda: self._webhook(path, body))
        elif path.startswith("/api/"):
            method = path.removeprefix("/api/")
            self._answer_unless_scripted(method, lambda: self._api(method, body))
        else:
            self._answer(404, "no_service")

    def _answer_unless_scripted(self, method: str, answer: "Callable[[], tuple[int, str, int]]") -> None:
        api = method != WEBHOOK
        fault = self.server.stand_in.faults.take(method)
        if fault is not None and fault.kind != "lost":
            self._misbehave(fault, api=api)
            return
        status, text, retry_after_s = answer()
        if fault is not None:
            self._reset()
            return
        wait = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
        self._answer(status, text, "application/json" if api else "text/plain", wait)

    def _webhook(self, path: str, body: bytes) -> tuple[int, str, int]:
        """Status, body and Retry-After."""
        try:
            return 200, self.server.stand_in.accept(path, body), 0
        except Refused as err:
            return 400, err.answer, 0
        except SlackError as err:
            return (429, "rate_limited", err.retry_after_s) if err.retry_after_s else (400, err.word, 0)

    def _api(self, method: str, body: bytes) -> tuple[int, str, int]:
        kind, token = self.headers.get("Content-Type", ""), self.headers.get("Authorization", "")
        try:
            answer = self.server.stand_in.call(method, kind, body, token.removeprefix("Bearer "))
        except Refused as err:
            answer = {"ok": False, "error": err.answer, "response_metadata": {"messages": [str(err)]}}
        except SlackError as err:
            return 429 if err.retry_after_s else 200, json.dumps({"ok": False, "error": err.word}), err.retry_after_s
        return 200, json.dumps(answer), 0

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing: the path of a webhook is a secret."""

    def _html(self, after: int) -> tuple[str, int]:
        kept = self.server.stand_in.messages
        return slack_page.changed(kept, after), max((message.revision for message in kept), default=0)

    def _misbehave(self, fault: Fault, *, api: bool) -> None:
        if fault.kind == "hang":
            self.server.stand_in.closing.wait()
        elif fault.kind == "reset":
            self._reset()
        elif fault.kind == "error":
            refusal = json.dumps({"ok": False, "error": fault.word})
            self._answer(200, refusal, "application/json") if api else self._answer(400, fault.word)
        else:
            wait = {"Retry-After": fault.retry_after_s} if fault.retry_after_s else {}
            self._answer(fault.status, "rate_limited" if fault.status == 429 else "scripted_fault", headers=wait)

    def _reset(self) -> None:
        # Lingering for zero seconds makes close() send a reset instead of an orderly end: socket(7).
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _answer(self, status: int, text: str, kind: str = "text/plain", headers: dict[str, str] | None = None) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main(argv: list[str] | None = None) -> None:
    """Serve until interrupted; the first line printed is JSON with `url`, `webhook_url` and `api_url`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell gives background jobs an ignored SIGINT
    parser = argparse.ArgumentParser(prog="slack-stand-in", description="A stand-in for Slack on this machine.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 only inside a container")
    parser.add_argument("--channel", default="#cali-alerts", help="title of the page")
    parser.add_argument("--fault", action="append", default=[], help=f"{FORMS}; one call each, in order")
    parser.add_argument("--rate-limit", action="store_true", help="take one message a second and channel")
    options = parser.parse_args(argv)
    with SlackStandIn(options.port, options.channel, host=options.host, rate_limit=options.rate_limit) as stand_in:
        stand_in.fail(*options.fault)
        where = {"url": stand_in.url, "webhook_url": stand_in.webhook_url, "api_url": stand_in.api_url}
        print(json.dumps(where), flush=True)
        try:
            stand_in.closing.wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
