"""What became of a message whose answer was lost: the bot asks the channel."""

import re

import pytest
import requests
from bot_scene import CARD, CHANNEL, NOW, Clock, bot
from structlog.testing import capture_logs

from connectors.slack import HistoryUnavailableError
from connectors.slack.bot import CLOCK_SKEW_S, EVENT_TYPE
from connectors.slack.client import PAGE_MESSAGES
from dataflows.demo.slack_stand_in import SlackStandIn


def test_a_lost_answer_is_found_again(slack: SlackStandIn) -> None:
    """After a restart a new client finds, by name, what the old one posted without hearing of it, replies included."""
    old = bot(slack.api_url)
    card = old.post(CHANNEL, CARD, key="card")
    slack.fail("lost", "lost")
    old.post(CHANNEL, CARD, key="lost card")
    old.post(CHANNEL, CARD, key="lost reply", thread_ts=card.ts)
    found = bot(slack.api_url).sent_since(CHANNEL, NOW)
    assert {m.key: ("C00000001", m.ts) for m in slack.messages} == found
    assert {"card", "lost card", "lost reply"} == set(found)


def test_only_what_is_new_enough_is_found(slack: SlackStandIn, clock: Clock) -> None:
    """What is older than the moment and the clocks' difference is left out, and so are its replies."""
    client = bot(slack.api_url)
    clock.now = NOW - CLOCK_SKEW_S - 1
    old = client.post(CHANNEL, CARD, key="old")
    clock.now = NOW - CLOCK_SKEW_S
    client.post(CHANNEL, CARD, key="edge")
    clock.now = NOW
    client.post(CHANNEL, CARD, key="reply", thread_ts=old.ts)
    assert {"edge"} == set(client.sent_since(CHANNEL, NOW) or {})
    assert {"edge", "reply"} == set(client.sent_since(CHANNEL, NOW, threads=[(old.channel, old.ts)]) or {})
    deleted = (old.channel, "1.000000")
    assert {"edge"} == set(client.sent_since(CHANNEL, NOW, threads=[deleted]) or {})


def test_a_reply_below_a_card_of_another_channel_is_found(slack: SlackStandIn) -> None:
    """Alerts go elsewhere by now, and their cards lie where they went before; of a closed channel nothing is found."""
    client = bot(slack.api_url)
    card = client.post("#before", CARD, key="card")
    client.post(CHANNEL, CARD, key="new")
    reply = client.post("#before", CARD, key="reply", thread_ts=card.ts)
    found = client.sent_since(CHANNEL, NOW, threads=[(card.channel, card.ts), ("C0NOWHERE", card.ts)]) or {}
    assert (reply.channel, reply.ts) == found["reply"]
    assert "new" in found


def test_all_pages_are_read(slack: SlackStandIn) -> None:
    """More messages and replies than fit on a page are all found, each once."""
    client = bot(slack.api_url)
    keys = [f"k{n}" for n in range(PAGE_MESSAGES + 1)]
    cards = [client.post(CHANNEL, CARD, key=key) for key in keys]
    replies = [f"r{n}" for n in range(PAGE_MESSAGES + 1)]
    for key in replies:
        client.post(CHANNEL, CARD, key=key, thread_ts=cards[0].ts)
    assert sorted(keys + replies) == sorted(client.sent_since(CHANNEL, NOW) or {})


def test_anothers_message_is_not_ours(slack: SlackStandIn) -> None:
    """People's messages and messages of other apps, even with our metadata, do not count as sent."""
    client = bot(slack.api_url)
    card = client.post(CHANNEL, CARD, key="ours")
    metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": "theirs"}}
    requests.post(slack.webhook_url, json={"text": "a webhook's"}, timeout=5).raise_for_status()
    slack.workspace.accept(CHANNEL, {"text": "forged", "metadata": metadata}, author="U0MALLORY")
    assert {"ours": (card.channel, card.ts)} == client.sent_since(CHANNEL, NOW)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("auth.test=error:invalid_auth", "invalid_auth"),
        ("users.conversations=500", "not Slack's answer: scripted_fault"),
        ("conversations.history=429:9", "ratelimited"),
        ("conversations.history=reset", "ConnectionError"),
        ("conversations.replies=error:internal_error", "internal_error"),
    ],
)
def test_what_could_not_be_asked_is_not_known(slack: SlackStandIn, fault: str, reason: str) -> None:
    """An outage anywhere is told as one: nobody knows whether nothing was sent, and waiting may help."""
    client = bot(slack.api_url)
    card = client.post(CHANNEL, CARD, key="card")
    client.post(CHANNEL, CARD, key="reply", thread_ts=card.ts)
    slack.fail(fault)
    with pytest.raises(HistoryUnavailableError, match=re.escape(reason)):
        bot(slack.api_url).sent_since(CHANNEL, NOW)


def test_what_may_not_be_asked_is_told_once(slack: SlackStandIn) -> None:
    """Without the scope it is None, which is not "nothing was sent", and one log line with the reason."""
    slack.fail("conversations.history=error:missing_scope")
    with capture_logs() as logs:
        found = bot(slack.api_url).sent_since(CHANNEL, NOW)
    assert (None, ["slack.history_unknown"]) == (found, [line["event"] for line in logs])
    assert "missing_scope" in logs[0]["reason"]


def test_private_channels_need_no_scope_of_their_own(slack: SlackStandIn) -> None:
    """Without groups:read the public channels are still found by name."""
    slack.fail("users.conversations=error:missing_scope")
    assert {} == bot(slack.api_url).sent_since(CHANNEL, NOW)


def test_a_channel_without_the_bot_is_not_known(slack: SlackStandIn) -> None:
    """A name that is none of the bot's channels cannot be asked about."""
    with capture_logs() as logs:
        assert bot(slack.api_url).sent_since("#nowhere", NOW) is None
    assert "the bot is in no channel of that name; invite it" == logs[0]["reason"]
