"""Card, client, stand-in and ledger together: what the delivery step relies on."""

from pathlib import Path

import pytest
import requests

from connectors.slack import Ledger, Outcome, SlackConfig, SlackWebhook
from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.domain.alerts import Alert
from dataflows.render.slack import card

HOSTILE = "<!channel> <https://evil.example|login> <script>alert(1)</script> \x1b[31m\u202e\u200b & *b*"


def alert(text: str) -> Alert:
    """An alert that carries `text` wherever a log can."""
    return Alert(
        id="f:api:0:first",
        opening="f:api:0:first",
        reason="first",
        held="",
        fingerprint="f",
        coarse="c",
        fp_version=1,
        service=text,
        namespace=text,
        team="",
        level="ERROR",
        severity="error",
        kind="message",
        types=[],
        template=text,
        text=f"{text}\n" * 50,
        record_id="r",
        trace_id="",
        request_id="",
        count=1,
        total=1,
        told=0,
        window_start=0.0,
        window_end=300.0,
        first_seen=1_763_764_859.0,
        last_seen=1_763_764_859.0,
        arrival_ts=1_763_764_859.0,
        absent_s=0.0,
        usual=0.0,
        started_with="",
        channel="",
        mention="",
        parent="",
        follows="",
        lines=[],
        place={"pods": [text], "versions": [], "nodes": []},
        explained=False,
    )


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_hostile_log_is_delivered_and_drawn_as_text(language: str) -> None:
    """From card over HTTP to the page, a hostile log stays letters."""
    with SlackStandIn() as slack:
        client = SlackWebhook(SlackConfig.model_validate({"webhook_url": slack.webhook_url}))
        result = client.post(card(alert(HOSTILE), language))
        page = requests.get(slack.url, timeout=5).text
    assert (result.outcome, slack.rejected) == (Outcome.ACCEPTED, [])
    assert "&lt;!channel&gt;" in page
    assert 'class="mention"' not in page
    assert "evil.example" in page
    assert 'href="https://evil' not in page
    assert "<script>" not in page


def test_the_ledger_closes_all_but_the_lost_answer(tmp_path: Path) -> None:
    """Sent, recorded and asked before a repeat, a message is shown once; only a lost answer can show it twice."""
    payload = card(alert("x"), "en")
    with SlackStandIn() as slack, Ledger(tmp_path / "ledger.db") as ledger:
        client = SlackWebhook(SlackConfig.model_validate({"webhook_url": slack.webhook_url}))
        for key, faults in (("plain", ()), ("lost", ("lost",))):
            slack.fail(*faults)
            for _ in range(3):  # a replay delivers again
                if not ledger.seen(key) and client.post(payload).outcome is Outcome.ACCEPTED:
                    ledger.record(key, 0.0, slack.channel)
        assert (ledger.seen("plain"), ledger.seen("lost"), len(slack.messages)) == (True, True, 1 + 2)
