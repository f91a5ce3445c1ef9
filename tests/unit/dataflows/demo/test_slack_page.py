"""The stand-in's page: shows what was said, fetches only what is new, and lets nothing of it act."""

import pytest
import requests
from slack_calls import call, in_section, mrkdwn, plain, post, rich

from dataflows.demo.slack_mrkdwn import to_html
from dataflows.demo.slack_stand_in import SlackStandIn

pytestmark = pytest.mark.slow  # a server on loopback


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
