"""The stand-in for Slack as a server and a process: where it listens, how it fails on demand, and how it ends."""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from slack_calls import call, post

from dataflows.demo.slack_stand_in import SlackStandIn

pytestmark = pytest.mark.slow  # a server on loopback

ROOT = Path(__file__).parents[4]


def test_faults_come_in_order_and_once(slack: SlackStandIn) -> None:
    """Each scripted fault meets one post; then Slack is well again."""
    slack.fail("429:7", "500")
    seen = [requests.post(slack.webhook_url, json={"text": "x"}, timeout=5) for _ in range(3)]
    assert [(a.status_code, a.headers.get("Retry-After")) for a in seen] == [(429, "7"), (500, None), (200, None)]
    assert len(slack.messages) == 1


def test_a_fault_can_be_for_one_method(slack: SlackStandIn) -> None:
    """A fault with a method leaves other calls alone, and one without meets only what writes."""
    slack.fail("conversations.history=500", "error:is_archived", "webhook=503")
    history = call(slack, "conversations.history", channel="C00000001")
    identity = call(slack, "auth.test")
    assert (500, True, {"ok": False, "error": "is_archived"}) == (
        history.status_code,
        identity.json()["ok"],
        call(slack, "chat.postMessage", channel="#x", text="x").json(),
    )
    assert [(503, "scripted_fault"), (200, "ok")] == [post(slack, {"text": "x"}) for _ in range(2)]


@pytest.mark.parametrize("fault", ["", "boom", "99", "600", "abc:1", "error:", "chat.update=", "chat.update=boom"])
def test_an_unknown_fault_is_named(slack: SlackStandIn, fault: str) -> None:
    """A misspelt fault fails the test that wrote it, not some later one."""
    with pytest.raises(ValueError, match="unknown fault"):
        slack.fail(fault)


@pytest.mark.parametrize(("fault", "kept"), [("reset", 0), ("lost", 1)])
def test_a_broken_connection_with_and_without_acceptance(slack: SlackStandIn, fault: str, kept: int) -> None:
    """`reset` loses the message, `lost` only the answer."""
    slack.fail(fault)
    with pytest.raises(requests.ConnectionError):
        post(slack, {"text": "x"})
    assert kept == len(slack.messages)


def test_the_webhook_heeds_the_rate_limit() -> None:
    """With the limit on, a second message within a second gets a 429 with the seconds to wait."""
    with SlackStandIn(clock=lambda: 1_763_764_859.0, rate_limit=True) as slack:
        answers = [requests.post(slack.webhook_url, json={"text": "x"}, timeout=5) for _ in range(2)]
    assert [(200, None), (429, "1")] == [(a.status_code, a.headers.get("Retry-After")) for a in answers]


def test_it_listens_on_loopback_only(slack: SlackStandIn) -> None:
    """Nobody else on the network can read the alerts or post to it."""
    assert slack._server.server_address[0] == "127.0.0.1"
    port = slack._server.server_address[1]
    with socket.socket() as other:  # the port is free on another address: nothing listens on all of them
        other.bind(("127.0.0.2", port))


def test_it_runs_as_a_process() -> None:
    """`python -m` prints where it listens, serves the same messages as JSON, and ends quietly on an interrupt."""
    command = [sys.executable, "-m", "dataflows.demo.slack_stand_in", "--port", "0", "--fault", "500"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            answers = [requests.post(where["webhook_url"], json={"text": "x"}, timeout=5).status_code for _ in range(2)]
            kept = requests.get(f"{where['url']}/messages.json", timeout=5).json()
        finally:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert answers == [500, 200]
    assert [(message["id"], message["payload"]) for message in kept] == [(1, {"text": "x"})]
    assert (process.returncode, errors) == (os.EX_OK, "")


def test_a_taken_port_is_an_error_at_once(slack: SlackStandIn) -> None:
    """Two stand-ins never share a port unseen."""
    with pytest.raises(OSError, match="in use"):
        SlackStandIn(int(slack.url.rsplit(":", 1)[1]))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", ["new-fault", "thread", "digest"])
def test_the_stories_of_the_pictures_are_taken(name: str, language: str) -> None:
    """What scripts/card_pictures.py draws is within Slack's limits, and in the docs."""
    script = runpy.run_path(str(ROOT / "scripts/card_pictures.py"))
    story = script["Story"](language)
    with story.slack:
        script["PICTURES"][name](story, language)
    assert [] == story.slack.rejected
    assert (script["TARGET"] / f"{name}-{language}.png").stat().st_size <= script["MAX_BYTES"]
