"""The stand-in's webhook and Web API: which addresses, bodies and arguments they take."""

import json
from typing import Any

import pytest
import requests
from slack_calls import call, post

from dataflows.demo.slack_stand_in import SlackStandIn

pytestmark = pytest.mark.slow  # a server on loopback


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"payload=%7B"])
def test_a_body_that_is_not_json_is_refused(slack: SlackStandIn, body: bytes) -> None:
    """A cut-off, binary or absurdly deep body gets Slack's answer, and the server goes on."""
    answer = requests.post(slack.webhook_url, data=body, timeout=5)
    assert (answer.status_code, answer.text) == (400, "invalid_payload")
    assert post(slack, {"text": "next"}) == (200, "ok")


def test_the_form_field_of_older_clients_works(slack: SlackStandIn) -> None:
    """Slack takes JSON in a form field `payload`, too."""
    answer = requests.post(slack.webhook_url, data={"payload": '{"text": "a b&c"}'}, timeout=5)
    assert (answer.status_code, [m.payload for m in slack.messages]) == (200, [{"text": "a b&c"}])


@pytest.mark.parametrize("path", ["/", "/api", "/servicesx"])
def test_only_slacks_paths_take_messages(slack: SlackStandIn, path: str) -> None:
    """A wrong address is not silently a working one."""
    answer = requests.post(slack.url + path, json={"text": "x"}, timeout=5)
    assert (answer.status_code, slack.messages) == (404, [])


@pytest.mark.parametrize(
    ("method", "token", "arguments", "word"),
    [
        ("chat.postMessage", "", {"channel": "#x", "text": "x"}, "not_authed"),
        ("chat.postMessage", "xox" + "p-1", {"channel": "#x", "text": "x"}, "invalid_auth"),
        ("chat.delete", "xox" + "b-1", {}, "unknown_method"),
        ("chat.postMessage", "xox" + "b-1", {"text": "x"}, "channel_not_found"),
        ("chat.postMessage", "xox" + "b-1", {"channel": "C99999999", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", "xox" + "b-1", {"channel": "#x"}, "no_text"),
        (
            "chat.postMessage",
            "xox" + "b-1",
            {"channel": "#x", "text": "x", "thread_ts": "1763764859.000001"},
            "thread_not_found",
        ),
        ("chat.update", "xox" + "b-1", {"channel": "#x", "ts": "1.2", "text": "x"}, "channel_not_found"),
        ("chat.update", "xox" + "b-1", {"channel": "C00000001", "ts": "1.2", "text": "x"}, "message_not_found"),
        ("conversations.history", "xox" + "b-1", {"channel": "#x"}, "channel_not_found"),
        ("conversations.replies", "xox" + "b-1", {"channel": "C00000001", "ts": "1.2"}, "thread_not_found"),
    ],
)
def test_the_web_api_refuses_in_slacks_words(
    slack: SlackStandIn, method: str, token: str, arguments: dict[str, Any], word: str
) -> None:
    """What is missing or wrong is told as Slack tells it: status 200 and a word."""
    answer = call(slack, method, token, **arguments)
    assert (200, {"ok": False, "error": word}) == (answer.status_code, {k: answer.json()[k] for k in ("ok", "error")})
    assert slack.messages == []


@pytest.mark.parametrize(
    ("body", "word"), [(b"{", "invalid_json"), (b"[]", "json_not_object"), (b"\xff", "invalid_json")]
)
def test_arguments_that_are_no_object_are_refused(slack: SlackStandIn, body: bytes, word: str) -> None:
    """A broken body of a call gets Slack's answer, and its reason can be read."""
    headers = {"Authorization": "Bearer xox" + "b-1", "Content-Type": "application/json"}
    answer = requests.post(f"{slack.api_url}chat.postMessage", data=body, headers=headers, timeout=5)
    assert (word, [word]) == (answer.json()["error"], [rejected.answer for rejected in slack.rejected])


def test_arguments_may_come_as_a_form(slack: SlackStandIn) -> None:
    """Slack takes form fields, in which blocks and metadata are JSON and the token may stand."""
    metadata = {"event_type": "x", "event_payload": {"key": "k"}}
    form = {"token": "xox" + "b-1", "channel": "cards", "text": "x", "metadata": json.dumps(metadata)}
    answer = requests.post(f"{slack.api_url}chat.postMessage", data=form, timeout=5)
    (kept,) = slack.messages
    assert (True, "#cards", "k", {"text": "x", "metadata": metadata}) == (
        answer.json()["ok"],
        kept.channel,
        kept.key,
        kept.payload,
    )
