"""The stand-in refuses what Slack refuses, in Slack's words, and says why."""

from typing import Any

import pytest
import requests
from slack_calls import TEXT, actions, button, in_section, mrkdwn, plain, post, rich

from dataflows.demo.slack_rules import Refused, check
from dataflows.demo.slack_stand_in import SlackStandIn

pytestmark = pytest.mark.slow  # a server on loopback


GOOD: list[dict[str, Any]] = [
    {"text": "hello"},
    {"blocks": [{"type": "divider"}] * 50},
    {"blocks": [{"type": "header", "text": plain("x" * 150)}]},
    {"blocks": [{"type": "section", "text": mrkdwn("x" * 3000)}]},
    {"blocks": [{"type": "section", "fields": [mrkdwn("x" * 1000)] * 10}]},
    {"blocks": [{"type": "context", "elements": [plain("x")] * 10}]},
    {"blocks": [in_section(TEXT, {"type": "link", "url": "https://a.example"})]},
    {"blocks": [rich({"type": "rich_text_preformatted", "elements": [TEXT]})]},
    {"blocks": [in_section({"type": "broadcast", "range": "here"}, {"type": "user", "user_id": "U024BE7LH"})]},
    {"blocks": [in_section({"type": "usergroup", "usergroup_id": "S0614TZR7"})]},
    {"blocks": [actions(*[button()] * 24, button(url="https://a.example/" + "x" * 2982))]},
    {"text": "x" * 40_000},
    {"text": "x", "metadata": {"event_type": "cali_alert", "event_payload": {"key": "k"}}},
]


BAD: list[tuple[object, str]] = [
    ([], "invalid_payload"),
    ({"text": 5}, "invalid_payload"),
    ({}, "no_text"),
    ({"text": ""}, "no_text"),
    ({"blocks": []}, "no_text"),
    ({"blocks": {"type": "divider"}}, "invalid_blocks"),
    ({"blocks": ["divider"]}, "invalid_blocks"),
    ({"blocks": [{}]}, "invalid_blocks"),
    ({"blocks": [{"type": "marquee"}]}, "invalid_blocks"),
    ({"blocks": [{"type": "divider", "block_id": "x" * 256}]}, "invalid_blocks"),
    ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
    ({"blocks": [{"type": "header", "text": plain("x" * 151)}]}, "invalid_blocks"),
    ({"blocks": [{"type": "header", "text": plain("🔴" * 76)}]}, "invalid_blocks"),
    ({"blocks": [{"type": "header", "text": plain("")}]}, "invalid_blocks"),
    ({"blocks": [{"type": "header", "text": mrkdwn("x")}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "text": "x"}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "text": mrkdwn("x" * 3001)}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "text": {**mrkdwn("x"), "emoji": True}}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "fields": []}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "fields": [mrkdwn("x")] * 11}]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "fields": [mrkdwn("x" * 2001)]}]}, "invalid_blocks"),
    ({"blocks": [{"type": "context", "elements": []}]}, "invalid_blocks"),
    ({"blocks": [{"type": "context", "elements": [plain("x")] * 11}]}, "invalid_blocks"),
    ({"blocks": [rich()]}, "invalid_blocks"),
    ({"blocks": [rich({"type": "rich_text_poem", "elements": [TEXT]})]}, "invalid_blocks"),
    ({"blocks": [in_section({"type": "text", "text": ""})]}, "invalid_blocks"),
    ({"blocks": [in_section({"type": "link", "url": "javascript:alert(1)"})]}, "invalid_blocks"),
    ({"blocks": [rich({"type": "rich_text_list", "style": "stars", "elements": [TEXT]})]}, "invalid_blocks"),
    ({"blocks": [rich({"type": "rich_text_list", "style": "bullet", "elements": [TEXT]})]}, "invalid_blocks"),
    ({"blocks": [{"type": "section", "text": mrkdwn("x" * 2900)}] * 5}, "msg_blocks_too_long"),
    ({"blocks": [{"type": "context", "elements": [{"type": "image", "alt_text": "x"}]}]}, "invalid_blocks"),
    ({"blocks": [in_section({"type": "user", "user_id": "bob"})]}, "invalid_blocks"),
    ({"blocks": [in_section({"type": "usergroup", "usergroup_id": "U024BE7LH"})]}, "invalid_blocks"),
    ({"blocks": [in_section({"type": "broadcast", "range": "all"})]}, "invalid_blocks"),
    ({"blocks": [in_section({"type": "link", "url": "https://a.example/" + "x" * 2983})]}, "invalid_blocks"),
    ({"blocks": [rich({"type": "rich_text_preformatted", "elements": [{"type": "user"}]})]}, "invalid_blocks"),
    ({"blocks": [actions()]}, "invalid_blocks"),
    ({"blocks": [actions(*[button()] * 26)]}, "invalid_blocks"),
    ({"blocks": [actions({"type": "datepicker"})]}, "invalid_blocks"),
    ({"blocks": [actions(button(text=mrkdwn("x")))]}, "invalid_blocks"),
    ({"blocks": [actions(button(text=plain("x" * 76)))]}, "invalid_blocks"),
    ({"blocks": [actions(button(url="javascript:alert(1)"))]}, "invalid_blocks"),
    ({"blocks": [actions(button(style="loud"))]}, "invalid_blocks"),
    ({"blocks": [actions(button(action_id="x" * 256))]}, "invalid_blocks"),
    ({"text": "x" * 40_001}, "msg_too_long"),
    ({"text": "x", "thread_ts": "1763764859"}, "invalid_thread_ts"),
    ({"text": "x", "thread_ts": 1763764859.0001}, "invalid_thread_ts"),
    ({"text": "x", "metadata": "k"}, "invalid_metadata_format"),
    ({"text": "x", "metadata": {"event_type": "", "event_payload": {}}}, "invalid_metadata_format"),
    ({"text": "x", "metadata": {"event_type": "x", "event_payload": {"a": {}}}}, "invalid_metadata_schema"),
]


@pytest.mark.parametrize("payload", GOOD)
def test_what_slack_takes_is_taken(slack: SlackStandIn, payload: dict[str, Any]) -> None:
    """At each limit exactly, a message is accepted and kept with its time of arrival."""
    assert post(slack, payload) == (200, "ok")
    assert [(1, 1_763_764_859.0, payload)] == [(m.id, m.received_ts, m.payload) for m in slack.messages]


@pytest.mark.parametrize(("payload", "answer"), BAD)
def test_what_slack_refuses_is_refused(slack: SlackStandIn, payload: object, answer: str) -> None:
    """One past each limit, Slack's own word comes back over HTTP, nothing is shown, and the reason can be read."""
    assert (400, answer) == post(slack, payload)
    assert slack.messages == []
    assert [answer] == [rejected.answer for rejected in slack.rejected]
    assert requests.get(f"{slack.url}/rejected.json", timeout=5).json()[0]["why"].startswith(f"{answer}: ")


def test_a_refusal_says_why() -> None:
    """Slack says `invalid_blocks` and no more; the stand-in names the block's fault."""
    with pytest.raises(Refused, match="header: 151 characters, 150 allowed"):
        check({"blocks": [{"type": "header", "text": plain("x" * 151)}]})
