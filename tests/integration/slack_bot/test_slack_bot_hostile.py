"""Servers that lie, drip, redirect or repeat a secret."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

import pytest
from bot_scene import CARD, CHANNEL, TOKEN, bot

from connectors.slack import Outcome, PostResult
from dataflows.demo.slack_stand_in import SlackStandIn

LIES = [
    (b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>", "not Slack's answer: <html>"),
    (b"HTTP/1.0 200 OK\r\n\r\n[1, 2]", "not Slack's answer: [1, 2]"),
    (b"HTTP/1.0 200 OK\r\n\r\n" + b"[" * 100_000, "not Slack's answer: [["),
    (b"HTTP/1.0 200 OK\r\n\r\n\xff\xfe", "not Slack's answer:"),
    (b"HTTP/1.0 200 OK\r\n\r\n", "not Slack's answer:"),
    (b'HTTP/1.0 200 OK\r\n\r\n{"ok": true}', "ok without channel and ts"),
    (b'HTTP/1.0 200 OK\r\n\r\n{"ok": true, "channel": 5, "ts": ["1"]}', "ok without channel and ts"),
    (b'HTTP/1.0 200 OK\r\n\r\n{"ok": "yes", "channel": "C1", "ts": "1.2"}', "not Slack's answer:"),
    (b'HTTP/1.0 200 OK\r\n\r\n{"ok": false, "error": {"a": 1}}', "not Slack's answer:"),
    (b'HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n{"ok": tr', "ProtocolError (IncompleteRead)"),
    (b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\nplain", "DecodeError ("),
    (b"not HTTP at all\r\n\r\n", "ConnectionError ("),
]


@pytest.mark.parametrize(("answer", "detail"), LIES)
def test_a_lying_server_is_transient(answer: bytes, detail: str) -> None:
    """A login page, no JSON, half an answer, or an acceptance that does not say of what: try again, never raise."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = bot(f"http://127.0.0.1:{server.getsockname()[1]}/api/")
        result = _answer_once(server, lambda: client.post(CHANNEL, CARD, key="k"), answer)
    assert result.outcome is Outcome.TRANSIENT
    assert detail in result.detail
    assert result.ts == ""


def test_the_status_of_half_an_error_is_heeded() -> None:
    """A 429 whose body breaks off still says how long to wait."""
    answer = b"HTTP/1.0 429 Too Many Requests\r\nretry-after: 9\r\nContent-Length: 99\r\n\r\n{"
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = bot(f"http://127.0.0.1:{server.getsockname()[1]}/api/")
        result = _answer_once(server, lambda: client.post(CHANNEL, CARD, key="k"), answer)
    assert PostResult(Outcome.RATE_LIMITED, 9.0, "ratelimited", 429) == result


def test_a_server_that_drips_bytes_holds_nobody() -> None:
    """One byte at a time, each within the timeout, ends after the timeout of the whole answer."""
    done = Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            _read_request(connection)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n{")
            while not done.wait(0.02):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=drip, args=(server,))
        thread.start()
        client = bot(f"http://127.0.0.1:{server.getsockname()[1]}/api/", timeout_s=0.3)
        result = client.post(CHANNEL, CARD, key="k")
        done.set()
        thread.join()
    assert (Outcome.TRANSIENT, 200) == (result.outcome, result.status)


def test_a_redirect_does_not_take_the_token_elsewhere(slack: SlackStandIn) -> None:
    """A redirect to another host is not followed: that host would get the token."""
    answer = f"HTTP/1.0 302 Found\r\nLocation: {slack.api_url}chat.postMessage\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = bot(f"http://127.0.0.1:{server.getsockname()[1]}/api/")
        result = _answer_once(server, lambda: client.post(CHANNEL, CARD, key="k"), answer)
    assert (Outcome.TRANSIENT, 302, []) == (result.outcome, result.status, slack.messages)


def _read_request(connection: socket.socket) -> None:
    """All of it: what is left unread makes close() reset the connection."""
    with connection.makefile("rb") as lines:
        headers = dict(line.lower().split(b": ", 1) for line in iter(lines.readline, b"\r\n") if b": " in line)
        lines.read(int(headers[b"content-length"]))


def _answer_once(server: socket.socket, call: Callable[[], PostResult], answer: bytes) -> PostResult:
    """Call while a thread answers the one request with `answer`."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            _read_request(connection)
            connection.sendall(answer)

    thread = Thread(target=serve)
    thread.start()
    try:
        return call()
    finally:
        thread.join()


@pytest.mark.parametrize("fault", ["", "error:invalid_auth", "404", "429:1", "500", "reset", "lost", "hang"])
def test_the_token_is_in_no_result_repr_or_log(
    slack: SlackStandIn, fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every logger at DEBUG, neither the token nor the message nor a proxy's password appears anywhere."""
    password = "pass" + "word-of-the-proxy"
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{password}@127.0.0.1:9")
    with caplog.at_level(logging.DEBUG):
        client = bot(slack.api_url, timeout_s=0.2)
        if fault:
            slack.fail(fault)
        result = client.post(CHANNEL, {**CARD, "text": "what a log said"}, key="k")
    shown = f"{result!r} {client!r} {caplog.text} {[r.args for r in caplog.records]}"
    assert caplog.records, "urllib3 logs at DEBUG: nothing to prove otherwise"
    assert [False] * 3 == [secret in shown for secret in (TOKEN, password, "what a log said")]


def test_an_echoed_token_is_cleared() -> None:
    """A proxy's page that repeats the request's headers does not bring the token into the history of alerts."""
    answer = f"HTTP/1.0 502 Bad Gateway\r\n\r\nno route with Authorization: Bearer {TOKEN}".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = bot(f"http://127.0.0.1:{server.getsockname()[1]}/api/")
        result = _answer_once(server, lambda: client.post(CHANNEL, CARD, key="k"), answer)
    assert "not Slack's answer: no route with Authorization: Bearer ***" == result.detail
