"""A stand-in for Slack on this machine: takes an incoming webhook's messages, refuses what Slack refuses, shows them.

`python -m dataflows.demo.slack_stand_in --port N` serves the page at `/`; tests use `with SlackStandIn()`.
It listens on 127.0.0.1 only, keeps messages in memory, and checks no credentials: never expose it.
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
from urllib.parse import parse_qs, urlsplit

from dataflows.demo import slack_page
from dataflows.demo.slack_rules import Refused, check

MAX_KEPT: Final = 10_000
"""Messages kept; older ones are forgotten. More than anyone reads in a demo."""

_MAX_BODY_BYTES: Final = 1_000_000
_SILENT_CLIENT_S: Final = 30.0
_FAULTS: Final = "STATUS, STATUS:RETRY_AFTER_S, hang, reset or lost"


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was accepted. `id` counts from 1."""

    id: int
    received_ts: float
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that was refused: what Slack would answer, and the reason that Slack would keep to itself."""

    received_ts: float
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class _Fault:
    kind: str
    status: int = 0
    retry_after_s: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        if text in {"hang", "reset", "lost"}:
            return cls(text)
        status, _, retry_after_s = text.partition(":")
        if not status.isdecimal() or not 200 <= int(status) <= 599:
            msg = f"unknown fault {text!r}: use {_FAULTS}"
            raise ValueError(msg)
        return cls("status", int(status), retry_after_s)


class SlackStandIn:
    """The server, on its own threads. Use it in a `with` block; thread-safe."""

    def __init__(self, port: int = 0, channel: str = "#cali-alerts", *, clock: Callable[[], float] = time.time) -> None:
        """Listen at once on `port` of 127.0.0.1 (0: a free one). Raises OSError if it is taken."""
        self.channel = channel
        self.closing = threading.Event()
        self._clock = clock
        self._lock = threading.Lock()
        self._faults: deque[_Fault] = deque()
        self._kept: deque[Received] = deque(maxlen=MAX_KEPT)
        self._rejected: deque[Rejected] = deque(maxlen=MAX_KEPT)
        self._count = 0
        self._server = _Server(("127.0.0.1", port), _Handler)
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
        """Address to post to."""
        return f"{self.url}/services/T00000000/B00000000/stand-in"

    @property
    def messages(self) -> list[Received]:
        """What was accepted, oldest first."""
        with self._lock:
            return list(self._kept)

    @property
    def rejected(self) -> list[Rejected]:
        """What was refused for its content, oldest first. Scripted faults are not in it."""
        with self._lock:
            return list(self._rejected)

    def fail(self, *faults: str) -> None:
        """Let the next posts fail, one fault each, in order.

        `"429:2"` and `"500"` answer so; `"hang"` never answers; `"reset"` breaks the connection; `"lost"` takes the
        message and then breaks the connection, which is how a message comes to be sent twice.
        """
        with self._lock:
            self._faults.extend(map(_Fault.parse, faults))

    def next_fault(self) -> _Fault | None:
        """The fault for the post that has just arrived, if any; it is used up."""
        with self._lock:
            return self._faults.popleft() if self._faults else None

    def accept(self, body: bytes) -> str:
        """Keep a posted body and answer `ok`, or raise `Refused` and keep the reason."""
        now = self._clock()
        try:
            payload = _payload(body)
            check(payload)
        except Refused as err:
            with self._lock:
                self._rejected.append(Rejected(now, err.answer, str(err)))
            raise
        with self._lock:
            self._count += 1
            self._kept.append(Received(self._count, now, payload))
        return "ok"


def _payload(body: bytes) -> dict[str, object]:
    """JSON as the body, or as Slack's older form field `payload`."""
    try:
        text = body.decode("utf-8")
        if text.startswith("payload="):
            text = parse_qs(text, strict_parsing=True)["payload"][0]
        value = json.loads(text)
    except (ValueError, KeyError, RecursionError) as err:
        raise Refused(why="the body is not JSON", answer="invalid_payload") from err
    if not isinstance(value, dict):
        raise Refused(why="the payload is not a JSON object", answer="invalid_payload")
    return value


def _after(query: str) -> int:
    """The id in `?after=ID`: only newer messages are wanted. 0 without one."""
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
            text, last_id = self._html(_after(parts.query))
            self._answer(200, text, "text/html", {"X-Last-Id": str(last_id)})
        elif parts.path == "/messages.json":
            after = _after(parts.query)
            newer = [asdict(kept) for kept in stand_in.messages if kept.id > after]
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
        if not self.path.startswith("/services/"):
            self._answer(404, "no_service")
            return
        fault = self.server.stand_in.next_fault()
        if fault is not None and fault.kind != "lost":
            self._misbehave(fault)
            return
        try:
            answer = self.server.stand_in.accept(body)
        except Refused as err:
            self._answer(400, err.answer)
            return
        if fault is not None:
            self._reset()
        else:
            self._answer(200, answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing: the path of a webhook is a secret."""

    def _html(self, after: int) -> tuple[str, int]:
        kept = self.server.stand_in.messages
        shown = (slack_page.message(m.id, m.received_ts, m.payload) for m in kept if m.id > after)
        return "".join(shown), kept[-1].id if kept else 0

    def _misbehave(self, fault: _Fault) -> None:
        if fault.kind == "hang":
            self.server.stand_in.closing.wait()
        elif fault.kind == "reset":
            self._reset()
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
    """Serve until interrupted; the first line printed is JSON with `url` and `webhook_url`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell gives background jobs an ignored SIGINT
    parser = argparse.ArgumentParser(prog="slack-stand-in", description="A stand-in for Slack on this machine.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--channel", default="#cali-alerts", help="title of the page")
    parser.add_argument("--fault", action="append", default=[], help=f"{_FAULTS}; one post each, in order")
    options = parser.parse_args(argv)
    with SlackStandIn(options.port, options.channel) as stand_in:
        stand_in.fail(*options.fault)
        print(json.dumps({"url": stand_in.url, "webhook_url": stand_in.webhook_url}), flush=True)
        try:
            stand_in.closing.wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
