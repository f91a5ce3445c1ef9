"""The bot token over real HTTP: what is sent, in which place, and how each answer is taken."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from bot_scene import CARD, CHANNEL, TOKEN, Clock, bot
from slack_sdk import WebClient

from connectors.slack import Outcome, PostResult, SlackBot, SlackConfig
from connectors.slack.answer import DEFAULT_RETRY_AFTER_S, MAX_DETAIL_CHARS
from connectors.slack.bot import EVENT_TYPE
from connectors.slack.refusals import OPERATOR_PAUSE_S
from dataflows.demo.slack_stand_in import SlackStandIn


def test_an_accepted_message_comes_with_its_place(slack: SlackStandIn) -> None:
    """The answer names channel id and ts, the message arrives whole, and its key stands in the metadata."""
    client = bot(slack.api_url)
    result = client.post(CHANNEL, {**CARD, "text": "커넥션 풀 고갈 🔴"}, key="f:1:first")
    (kept,) = slack.messages
    assert PostResult(Outcome.ACCEPTED, None, "ok", 200, "C00000001", kept.ts) == result
    assert (CHANNEL, "f:1:first", "") == (kept.channel, kept.key, kept.thread_ts)
    metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": "f:1:first"}}
    assert {**CARD, "text": "커넥션 풀 고갈 🔴", "metadata": metadata} == kept.payload


def test_a_name_is_resolved_by_the_first_answer(slack: SlackStandIn) -> None:
    """Before a post nothing is known of a name; after it its id is, and an id is one at once."""
    client = bot(slack.api_url)
    before = client.channel_id("#payments")
    posted = client.post("#payments", CARD, key="k")
    assert ("", posted.channel) == (before, client.channel_id("#payments"))
    assert client.channel_id("C0123456789") == "C0123456789"


def test_an_update_changes_the_message_in_place_and_keeps_its_key(slack: SlackStandIn) -> None:
    """One message remains, with the new content, the old key and the old ts; a name posted to before will do."""
    client = bot(slack.api_url)
    posted = client.post(CHANNEL, CARD, key="k")
    updated = client.update(CHANNEL, posted.ts, {**CARD, "text": "analysed"}, key="k")
    (kept,) = slack.messages
    assert posted == updated
    assert ("analysed", "k", posted.ts, 1) == (kept.payload["text"], kept.key, kept.ts, kept.edited)
    assert slack.rejected == []


@pytest.mark.parametrize("broadcast", [False, True])
def test_a_reply_stands_in_its_thread(slack: SlackStandIn, *, broadcast: bool) -> None:
    """A reply carries its card's ts; only a broadcast is shown in the channel as well."""
    client = bot(slack.api_url)
    card = client.post(CHANNEL, CARD, key="card")
    client.post(card.channel, CARD, key="reply", thread_ts=card.ts, broadcast=broadcast)
    assert [("", False), (card.ts, broadcast)] == [(m.thread_ts, m.broadcast) for m in slack.messages]


@pytest.mark.parametrize(
    ("fault", "outcome", "wait_s", "detail", "status"),
    [
        ("429:7", Outcome.RATE_LIMITED, 7.0, "ratelimited", 429),
        ("429", Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S, "ratelimited", 429),
        ("error:ratelimited", Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S, "ratelimited", 200),
        ("500", Outcome.TRANSIENT, None, "not Slack's answer: scripted_fault", 500),
        ("503:3", Outcome.TRANSIENT, 3.0, "not Slack's answer: scripted_fault", 503),
        ("408", Outcome.TRANSIENT, None, "not Slack's answer: scripted_fault", 408),
        ("200", Outcome.TRANSIENT, None, "not Slack's answer: scripted_fault", 200),
        ("302", Outcome.TRANSIENT, OPERATOR_PAUSE_S, "not Slack's answer: scripted_fault", 302),
        ("403", Outcome.TRANSIENT, OPERATOR_PAUSE_S, "not Slack's answer: scripted_fault", 403),
        ("413", Outcome.TERMINAL, None, "not Slack's answer: scripted_fault", 413),
        ("error:internal_error", Outcome.TRANSIENT, None, "internal_error", 200),
        ("error:fatal_error", Outcome.TRANSIENT, None, "fatal_error", 200),
        ("error:service_unavailable", Outcome.TRANSIENT, None, "service_unavailable", 200),
        ("error:request_timeout", Outcome.TRANSIENT, None, "request_timeout", 200),
        ("error:accesslimited", Outcome.TRANSIENT, None, "accesslimited", 200),
        ("error:a_word_of_next_year", Outcome.TRANSIENT, None, "a_word_of_next_year", 200),
        ("error:invalid_blocks", Outcome.TERMINAL, None, "invalid_blocks", 200),
        ("error:msg_too_long", Outcome.TERMINAL, None, "msg_too_long", 200),
        ("error:msg_blocks_too_long", Outcome.TERMINAL, None, "msg_blocks_too_long", 200),
        ("error:no_text", Outcome.TERMINAL, None, "no_text", 200),
        ("error:invalid_metadata_schema", Outcome.TERMINAL, None, "invalid_metadata_schema", 200),
        ("error:metadata_too_large", Outcome.TERMINAL, None, "metadata_too_large", 200),
        ("error:thread_not_found", Outcome.TERMINAL, None, "thread_not_found", 200),
        ("error:message_not_found", Outcome.TERMINAL, None, "message_not_found", 200),
        ("error:cant_update_message", Outcome.TERMINAL, None, "cant_update_message", 200),
        ("error:edit_window_closed", Outcome.TERMINAL, None, "edit_window_closed", 200),
    ],
)
def test_retry_table(
    slack: SlackStandIn, fault: str, outcome: Outcome, wait_s: float | None, detail: str, status: int
) -> None:
    """Every answer has one outcome, the same for a post and an update: what is retried, and how long to wait."""
    client = bot(slack.api_url)
    slack.fail(fault, fault)
    expected = PostResult(outcome, wait_s, detail, status)
    assert [expected] * 2 == [client.post(CHANNEL, CARD, key="k"), client.update(CHANNEL, "1.2", CARD, key="k")]


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("invalid_auth", "CALI_SLACK__BOT_TOKEN"),
        ("not_authed", "CALI_SLACK__BOT_TOKEN"),
        ("account_inactive", "CALI_SLACK__BOT_TOKEN"),
        ("token_expired", "CALI_SLACK__BOT_TOKEN"),
        ("token_revoked", "CALI_SLACK__BOT_TOKEN"),
        ("missing_scope", "chat:write"),
        ("channel_not_found", "CALI_SLACK__CHANNEL"),
        ("not_in_channel", "invite the bot"),
        ("is_archived", "unarchive"),
        ("restricted_action", "administrators"),
    ],
)
def test_what_an_operator_mends_waits_for_him(slack: SlackStandIn, word: str, advice: str) -> None:
    """A wrong token or a missing invitation loses no alert: it is tried once a minute and says what to do."""
    slack.fail(f"error:{word}")
    result = bot(slack.api_url).post(CHANNEL, CARD, key="k")
    assert (Outcome.TRANSIENT, OPERATOR_PAUSE_S) == (result.outcome, result.retry_after_s)
    assert result.detail.startswith(f"{word}: ")
    assert advice in result.detail
    assert len(result.detail) <= MAX_DETAIL_CHARS


def test_slacks_reason_for_a_refusal_is_kept(slack: SlackStandIn) -> None:
    """A bad card is terminal, with Slack's own word for the dead letter."""
    result = bot(slack.api_url).post(CHANNEL, {"text": "x", "blocks": [{"type": "marquee"}]}, key="k")
    assert PostResult(Outcome.TERMINAL, None, "invalid_blocks", 200) == result


def test_a_wrong_token_is_told(slack: SlackStandIn) -> None:
    """The token goes along as a bearer token, and no ~/.netrc stands in for it: the stand-in takes bot tokens only."""
    answer = requests.post(f"{slack.api_url}auth.test", timeout=5)
    assert {"ok": False, "error": "not_authed"} == answer.json()


@pytest.mark.parametrize(("fault", "kept"), [("reset", 0), ("lost", 1)])
def test_a_lost_answer_is_transient(slack: SlackStandIn, fault: str, kept: int) -> None:
    """A broken connection is worth another attempt, whether or not Slack had taken the message."""
    slack.fail(fault)
    result = bot(slack.api_url).post(CHANNEL, CARD, key="k")
    assert (result.outcome, result.status, result.ts) == (Outcome.TRANSIENT, None, "")
    assert result.detail.startswith("ConnectionError (")
    assert kept == len(slack.messages)


def test_silence_ends_with_the_timeout(slack: SlackStandIn) -> None:
    """A Slack that never answers holds the caller no longer than its timeout."""
    slack.fail("hang")
    result = bot(slack.api_url, timeout_s=0.2).post(CHANNEL, CARD, key="k")
    assert (result.outcome, result.status) == (Outcome.TRANSIENT, None)


def test_no_token_is_a_setting_to_make() -> None:
    """Without a token the client says which variable to set."""
    with pytest.raises(ValueError, match="set CALI_SLACK__BOT_TOKEN"):
        SlackBot(SlackConfig())


def test_threads_may_share_a_bot(slack: SlackStandIn) -> None:
    """Eight threads on one bot post each message once."""
    client = bot(slack.api_url)
    keys = [f"k{n}" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda key: client.post(CHANNEL, CARD, key=key), keys))
    assert {Outcome.ACCEPTED} == {result.outcome for result in results}
    assert sorted(keys) == sorted(m.key for m in slack.messages)


def test_the_rate_limit_is_told(clock: Clock) -> None:
    """A second message within a second is refused with the seconds to wait; another channel's is not."""
    with SlackStandIn(clock=clock, rate_limit=True) as slack:
        client = bot(slack.api_url)
        first, again, other = (client.post(name, CARD, key="k") for name in (CHANNEL, CHANNEL, "#other"))
        clock.now += 1
        later = client.post(CHANNEL, CARD, key="k")
    outcomes = [result.outcome for result in (first, again, other, later)]
    assert [Outcome.ACCEPTED, Outcome.RATE_LIMITED, Outcome.ACCEPTED, Outcome.ACCEPTED] == outcomes
    assert (1.0, "ratelimited", 429) == (again.retry_after_s, again.detail, again.status)


def test_slack_sdk_itself_can_talk_to_the_stand_in(slack: SlackStandIn) -> None:
    """The stand-in takes what an untouched slack_sdk client sends: the bot is not tested against a mirror of itself."""
    client = WebClient(TOKEN, base_url=slack.api_url, retry_handlers=[])
    metadata = {"event_type": "x", "event_payload": {"key": "k"}}
    posted = client.chat_postMessage(channel=CHANNEL, text="one", metadata=metadata)
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
    client.chat_postMessage(channel=CHANNEL, text="three", thread_ts=posted["ts"], reply_broadcast=True)
    history = client.conversations_history(channel=posted["channel"], include_all_metadata=True, limit=1)
    texts = [message["text"] for page in history for message in page["messages"]]
    assert ["three", "two"] == texts
    replies = client.conversations_replies(channel=posted["channel"], ts=posted["ts"])
    assert ["two", "three"] == [message["text"] for message in replies["messages"]]
    assert ["cali-alerts"] == [channel["name"] for channel in client.conversations_list()["channels"]]
    assert "k" == slack.messages[0].key
