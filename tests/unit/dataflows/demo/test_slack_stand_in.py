"""The stand-in for Slack: refuses what Slack refuses, shows what was said, and lets nothing of it act."""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dataflows.demo.slack_mrkdwn import to_html
from dataflows.demo.slack_rules import Refused, check
from dataflows.demo.slack_stand_in import SlackStandIn

pytestmark = pytest.mark.slow  # a server on loopback

ROOT = Path(__file__).parents[4]
TEXT = {"type": "text", "text": "x"}


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    """A stand-in whose clock stands still."""
    with SlackStandIn(channel="#<b>alerts", clock=lambda: 1_763_764_859.0) as stand_in:
        yield stand_in


def post(slack: SlackStandIn, payload: object) -> tuple[int, str]:
    """Status and body of Slack's answer."""
    answer = requests.post(slack.webhook_url, json=payload, timeout=5)
    return answer.status_code, answer.text


def call(slack: SlackStandIn, method: str, token: str = "xox" + "b-1", **arguments: object) -> requests.Response:
    """Slack's answer to a call of the Web API."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(slack.api_url + method, json=arguments, headers=headers, timeout=5)


def plain(text: str) -> dict[str, object]:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, object]:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def rich(*elements: dict[str, object]) -> dict[str, object]:
    """A rich_text block."""
    return {"type": "rich_text", "elements": list(elements)}


def in_section(*leaves: dict[str, object]) -> dict[str, object]:
    """A rich_text block with one section."""
    return rich({"type": "rich_text_section", "elements": list(leaves)})


def actions(*elements: dict[str, object]) -> dict[str, object]:
    """An actions block."""
    return {"type": "actions", "elements": list(elements)}


def button(**fields: object) -> dict[str, object]:
    """A button."""
    return {"type": "button", "text": plain("x"), **fields}


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


def test_it_listens_on_loopback_only(slack: SlackStandIn) -> None:
    """Nobody else on the network can read the alerts or post to it."""
    assert slack._server.server_address[0] == "127.0.0.1"
    port = slack._server.server_address[1]
    with socket.socket() as other:  # the port is free on another address: nothing listens on all of them
        other.bind(("127.0.0.2", port))


def test_the_page_escapes_everything_and_names_the_channel(slack: SlackStandIn) -> None:
    """A script in any kind of text comes out as text, in the page and in the part that is fetched later."""
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    link = {"type": "link", "url": f"https://a.example/{attack}", "text": attack}
    payload = {
        "blocks": [
            {"type": "header", "text": plain(attack)},
            {"type": "section", "text": mrkdwn(f"{attack} `{attack}` ```{attack}``` <{attack}|{attack}> <!{attack}>")},
            {"type": "section", "fields": [plain(attack), mrkdwn(f"*{attack}*")]},
            {"type": "context", "elements": [plain(attack), mrkdwn("<!date^9^{time}|" + attack + ">")]},
            in_section(
                {"type": "text", "text": attack, "style": {"bold": True}}, link, {"type": "emoji", "name": attack}
            ),
            rich({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": attack}]}),
        ]
    }
    assert post(slack, payload) == (200, "ok")
    page = requests.get(f"{slack.url}/", timeout=5)
    part = requests.get(f"{slack.url}/messages.html?after=0", timeout=5)
    assert part.headers["X-Last-Id"] == "1"
    assert part.text in page.text
    assert "<script>" not in page.text  # the page's own script carries a nonce
    assert "<img" not in page.text
    assert "#&lt;b&gt;alerts" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in part.text
    assert "script-src 'nonce-" in page.headers["Content-Security-Policy"]


def test_the_page_loads_nothing_from_elsewhere(slack: SlackStandIn) -> None:
    """The page is whole by itself: no address of another host in it, and a policy that would stop one."""
    page = requests.get(f"{slack.url}/", timeout=5)
    assert "http" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_page_fetches_only_what_is_new(slack: SlackStandIn) -> None:
    """After message 1 the part holds message 2 alone; a senseless number asks for all."""
    for text in ("one", "two"):
        post(slack, {"text": text})
    after_1, after_x = (requests.get(f"{slack.url}/messages.html?after={n}", timeout=5).text for n in ("1", "-x"))
    assert ('id="m1"' in after_1, 'id="m2"' in after_1) == (False, True)
    assert ('id="m1"' in after_x, 'id="m2"' in after_x) == (True, True)


def test_an_updated_message_and_a_reply_are_fetched_for_their_place(slack: SlackStandIn) -> None:
    """After message 1, the part holds the card's new state and the reply with the card it belongs below."""
    card = call(slack, "chat.postMessage", channel="#cards", text="card").json()
    call(slack, "chat.update", channel=card["channel"], ts=card["ts"], text="new state")
    call(slack, "chat.postMessage", channel="#cards", text="reply", thread_ts=card["ts"])
    part = requests.get(f"{slack.url}/messages.html?after=1", timeout=5)
    whole = requests.get(f"{slack.url}/messages.html", timeout=5).text
    assert ("3", 1, 1) == (part.headers["X-Last-Id"], part.text.count("<section"), part.text.count('data-below="m1"'))
    assert 'title="updated 1 time">(edited)</span>' in part.text
    assert ("new state" in part.text, ">card<" in part.text) == (True, False)
    assert whole.index("new state") < whole.index('class="replies"><article id="m2"') < whole.index("reply</div>")


def test_a_broadcast_reply_is_shown_in_its_thread_and_in_the_channel(slack: SlackStandIn) -> None:
    """It is drawn twice, the second time with a note; any other reply once."""
    card = call(slack, "chat.postMessage", channel="#cards", text="card").json()
    for broadcast in (False, True):
        reply = {"channel": "#cards", "text": f"shown {broadcast}", "thread_ts": card["ts"]}
        call(slack, "chat.postMessage", **reply, reply_broadcast=broadcast)
    whole = requests.get(f"{slack.url}/messages.html", timeout=5).text
    assert (1, 2, 1) == (
        whole.count("shown False"),
        whole.count("shown True"),
        whole.count('<div class="note">replied to a thread</div>'),
    )


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


def test_the_webhook_heeds_the_rate_limit() -> None:
    """With the limit on, a second message within a second gets a 429 with the seconds to wait."""
    with SlackStandIn(clock=lambda: 1_763_764_859.0, rate_limit=True) as slack:
        answers = [requests.post(slack.webhook_url, json={"text": "x"}, timeout=5) for _ in range(2)]
    assert [(200, None), (429, "1")] == [(a.status_code, a.headers.get("Retry-After")) for a in answers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*bold* _it_ ~gone~", "<b>bold</b> <i>it</i> <s>gone</s>"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("`a*b*c` and ```x\n*y*```", "<code>a*b*c</code> and <pre>x\n*y*</pre>"),
        ("a &lt;b&gt; &amp;amp; c", "a &lt;b&gt; &amp;amp; c"),
        (
            "<https://a.example/?x=1&amp;y=2|see>",
            '<a href="https://a.example/?x=1&amp;y=2" rel="noreferrer noopener" target="_blank">see</a>',
        ),
        ("<javascript:alert(1)|see>", "see (javascript:alert(1))"),
        ("<!channel> <@U1>", '<span class="mention">@channel</span> <span class="mention">@U1</span>'),
        ("one\ntwo", "one<br>two"),
        ("<!date^86400^on a day|then>", '<time title="then">on a day</time>'),
    ],
)
def test_mrkdwn(text: str, expected: str) -> None:
    """Slack's markup is drawn; a mention that should not be there is seen as one."""
    assert expected == to_html(text)


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
