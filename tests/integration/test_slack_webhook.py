"""The webhook client against the stand-in, over real HTTP."""

import json
import logging
import socket
from collections.abc import Iterator
from threading import Thread

import pytest
from pydantic import SecretStr

from connectors.slack import Outcome, PostResult, SlackConfig, SlackWebhook
from connectors.slack.answer import DEFAULT_RETRY_AFTER_S, MAX_DETAIL_CHARS, MAX_RETRY_AFTER_S
from dataflows.demo.slack_stand_in import SlackStandIn

MESSAGE = {"text": "something broke"}


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    """A Slack of one's own."""
    with SlackStandIn() as stand_in:
        yield stand_in


def webhook(url: str, timeout_s: float = 5.0) -> SlackWebhook:
    """A client for `url`."""
    return SlackWebhook(SlackConfig.model_validate({"webhook_url": url, "timeout_s": timeout_s}))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("200", PostResult(Outcome.ACCEPTED, None, "scripted_fault", 200)),
        ("302", PostResult(Outcome.TRANSIENT, 60.0, "scripted_fault", 302)),
        ("400", PostResult(Outcome.TERMINAL, None, "scripted_fault", 400)),
        ("401", PostResult(Outcome.TRANSIENT, 60.0, "scripted_fault", 401)),
        ("403", PostResult(Outcome.TRANSIENT, 60.0, "scripted_fault", 403)),
        ("407", PostResult(Outcome.TRANSIENT, 60.0, "scripted_fault", 407)),
        ("404", PostResult(Outcome.TRANSIENT, 60.0, "scripted_fault", 404)),
        ("408", PostResult(Outcome.TRANSIENT, None, "scripted_fault", 408)),
        ("410", PostResult(Outcome.TRANSIENT, 60.0, "scripted_fault", 410)),
        ("413", PostResult(Outcome.TERMINAL, None, "scripted_fault", 413)),
        ("429:7", PostResult(Outcome.RATE_LIMITED, 7.0, "rate_limited", 429)),
        ("429:999999999", PostResult(Outcome.RATE_LIMITED, MAX_RETRY_AFTER_S, "rate_limited", 429)),
        ("429:0", PostResult(Outcome.RATE_LIMITED, 0.0, "rate_limited", 429)),
        ("429", PostResult(Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S, "rate_limited", 429)),
        ("429:soon", PostResult(Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S, "rate_limited", 429)),
        ("429:-5", PostResult(Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S, "rate_limited", 429)),
        ("500", PostResult(Outcome.TRANSIENT, None, "scripted_fault", 500)),
        ("503:3", PostResult(Outcome.TRANSIENT, 3.0, "scripted_fault", 503)),
    ],
)
def test_retry_table(slack: SlackStandIn, fault: str, expected: PostResult) -> None:
    """Every answer has one outcome: what is retried, what is not, and how long to wait."""
    slack.fail(fault)
    assert expected == webhook(slack.webhook_url).post(MESSAGE)


def test_an_accepted_message_arrives_whole(slack: SlackStandIn) -> None:
    """What is posted is what Slack gets, Korean included."""
    payload = {"text": "커넥션 풀 고갈 🔴 <ok>"}
    result = webhook(slack.webhook_url).post(payload)
    assert PostResult(Outcome.ACCEPTED, None, "ok", 200) == result
    assert [payload] == [message.payload for message in slack.messages]


def test_each_channel_has_its_webhook(slack: SlackStandIn) -> None:
    """A client made for one of several webhooks posts to that one, without one in the settings."""
    other = SecretStr(f"{slack.webhook_url}/payments")
    for client in (SlackWebhook(SlackConfig(), other), webhook(slack.webhook_url)):
        assert PostResult(Outcome.ACCEPTED, None, "ok", 200) == client.post(MESSAGE)
    assert ["#payments", "#cali-alerts"] == [message.channel for message in slack.messages]


def test_slacks_reason_for_a_refusal_is_kept(slack: SlackStandIn) -> None:
    """A bad card is terminal, with Slack's own word for the dead letter."""
    result = webhook(slack.webhook_url).post({"blocks": [{"type": "marquee"}]})
    assert PostResult(Outcome.TERMINAL, None, "invalid_blocks", 400) == result


@pytest.mark.parametrize(("fault", "kept"), [("reset", 0), ("lost", 1)])
def test_a_lost_answer_is_transient(slack: SlackStandIn, fault: str, kept: int) -> None:
    """A broken connection is worth another attempt, whether or not Slack had taken the message."""
    slack.fail(fault)
    result = webhook(slack.webhook_url).post(MESSAGE)
    assert (result.outcome, result.status) == (Outcome.TRANSIENT, None)
    assert result.detail.startswith("ConnectionError (")
    assert kept == len(slack.messages)


def test_silence_ends_with_the_timeout(slack: SlackStandIn) -> None:
    """A Slack that never answers holds the caller no longer than its timeout."""
    slack.fail("hang")
    result = webhook(slack.webhook_url, timeout_s=0.2).post(MESSAGE)
    assert (result.outcome, result.status) == (Outcome.TRANSIENT, None)
    assert result.detail.startswith("ReadTimeout")


def test_a_refused_connection_is_transient() -> None:
    """Nobody listening is an outage, not a wrong message."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = webhook(f"http://127.0.0.1:{port}/services/x").post(MESSAGE)
    assert PostResult(Outcome.TRANSIENT, None, "ConnectionError (ConnectionRefusedError)", None) == result


def test_an_impossible_host_is_terminal() -> None:
    """An address no name server can ever know is not retried."""
    result = webhook(f"https://{'a' * 64}.example/services/x").post(MESSAGE)
    assert (result.outcome, result.status) == (Outcome.TERMINAL, None)


def test_no_webhook_is_a_setting_to_make() -> None:
    """Without a URL the client says which variable to set."""
    with pytest.raises(ValueError, match="set CALI_SLACK__WEBHOOK_URL"):
        SlackWebhook(SlackConfig())


@pytest.mark.parametrize("fault", ["", "200", "404", "429:1", "500", "reset", "hang"])
def test_the_secret_is_in_no_result_repr_or_log(
    slack: SlackStandIn, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at DEBUG (urllib3 logs request paths there), the webhook's path appears nowhere."""
    secret = "B0SAMPLE0/" + "s" * 4 + "ecret" + "x" * 8
    client = webhook(f"{slack.url}/services/T0SAMPLE0/{secret}", timeout_s=0.2)
    if fault:
        slack.fail(fault)
    with caplog.at_level(logging.DEBUG):
        result = client.post(MESSAGE)
    shown = f"{result!r} {client!r} {caplog.text} {[r.args for r in caplog.records]}"
    assert caplog.records, "urllib3 logs at DEBUG: nothing to prove otherwise"
    for piece in (secret, *secret.split("/"), "T0SAMPLE0"):
        assert piece not in shown


def test_a_page_that_echoes_the_address_is_shortened_and_cleared() -> None:
    """A proxy's error page is cut, and the secret it repeats is taken out."""
    secret = "s" * 4 + "ecret" + "y" * 8
    body = f"<html>\r\n no route to /services/{secret} {'blah ' * 200}".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = webhook(f"http://127.0.0.1:{server.getsockname()[1]}/services/{secret}")
        result = _answer_once(server, client, b"HTTP/1.0 502 Bad Gateway\r\n\r\n" + body)
    assert (result.outcome, result.status) == (Outcome.TRANSIENT, 502)
    assert secret not in result.detail
    assert len(result.detail) == MAX_DETAIL_CHARS


@pytest.mark.parametrize(
    ("word", "outcome"), [("channel_not_found", Outcome.TRANSIENT), ("invalid_blocks", Outcome.TERMINAL)]
)
def test_a_refusal_under_a_200_is_a_refusal(word: str, outcome: Outcome) -> None:
    """A gateway that answers as Slack's Web API does: an alert that nobody has seen is not taken for told."""
    faults = [f"[ERROR] must be less than 3001 characters [json-pointer:/blocks/{n}/text/text]" for n in range(50)]
    for more in ({}, {"errors": faults, "response_metadata": {"messages": faults}}):
        answer = json.dumps({"ok": False, "error": word, **more}).encode()
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = webhook(f"http://127.0.0.1:{server.getsockname()[1]}/services/x")
            result = _answer_once(server, client, b"HTTP/1.0 200 OK\r\n\r\n" + answer)
        assert (outcome, word) == (result.outcome, result.detail.partition(":")[0])


def _answer_once(server: socket.socket, client: SlackWebhook, answer: bytes) -> PostResult:
    """Post while a thread answers the one request with `answer`."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as request:
            head = list(iter(request.readline, b"\r\n"))
            request.read(next(int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length")))
            connection.sendall(answer)  # a close with something unread would reset the connection, answer and all

    thread = Thread(target=serve)
    thread.start()
    try:
        return client.post(MESSAGE)
    finally:
        thread.join()


def test_a_payload_that_is_not_json_is_a_bug(slack: SlackStandIn) -> None:
    """A programming error is not swallowed as an outage."""
    with pytest.raises(TypeError):
        webhook(slack.webhook_url).post({"text": object()})
    assert slack.messages == []
