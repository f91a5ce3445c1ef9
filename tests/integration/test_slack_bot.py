"""The bot against the stand-in's Web API, over real HTTP."""

import logging
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread

import pytest
import requests
from slack_sdk import WebClient
from structlog.testing import capture_logs

from connectors.slack import HistoryUnavailableError, Outcome, PostResult, SlackBot, SlackConfig
from connectors.slack.answer import DEFAULT_RETRY_AFTER_S, MAX_DETAIL_CHARS
from connectors.slack.bot import CLOCK_SKEW_S, EVENT_TYPE
from connectors.slack.client import PAGE_MESSAGES
from connectors.slack.refusals import OPERATOR_PAUSE_S
from dataflows.demo.slack_stand_in import SlackStandIn

NOW = 1_763_764_859.0
TOKEN = "xox" + "b-" + "1" * 12 + "-sample"
CARD = {"text": "broken", "blocks": [{"type": "divider"}], "unfurl_links": False, "unfurl_media": False}
CHANNEL = "#cali-alerts"


class Clock:
    """Time as a test sets it."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The stand-in's clock."""
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[SlackStandIn]:
    """A Slack of one's own."""
    with SlackStandIn(clock=clock) as stand_in:
        yield stand_in


def bot(api_url: str, timeout_s: float = 5.0) -> SlackBot:
    """A client for `api_url`."""
    return SlackBot(SlackConfig.model_validate({"bot_token": TOKEN, "api_url": api_url, "timeout_s": timeout_s}))


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


def test_no_token_is_a_setting_to_make() -> None:
    """Without a token the client says which variable to set."""
    with pytest.raises(ValueError, match="set CALI_SLACK__BOT_TOKEN"):
        SlackBot(SlackConfig())


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
    assert {"edge", "reply"} == set(client.sent_since(CHANNEL, NOW, threads=[old.ts]) or {})
    assert {"edge"} == set(client.sent_since(CHANNEL, NOW, threads=["1.000000"]) or {}), "a card that was deleted"


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
