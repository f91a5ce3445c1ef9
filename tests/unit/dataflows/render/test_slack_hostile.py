"""Hostile logs: untrusted text is shown and does nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from dataflows.domain.alerts import Alert, DigestLine, ExplanationView, Reason
from dataflows.render.blocks import notification
from dataflows.render.clean import clean, clip, escape, one_line, units
from dataflows.render.links import Links
from dataflows.render.slack import card, card_now, reply
from dataflows.render.terminal import terminal

Make = Callable[..., Alert]
Answer = Callable[..., ExplanationView]
LINKS = Links("https://dash.example/{fingerprint}?service={service}&namespace={namespace}")
REASONS = [str(reason) for reason in Reason if not reason.startswith("held")]

HOSTILE = [
    "<!channel> all hands",
    "<!here|here>",
    "<!everyone>",
    "<!subteam^S123>",
    "<@U0123456> see this",
    "<#C012345|general>",
    "<https://evil.example/login|Sign in to Slack>",
    "&lt;!channel&gt;",
    "*bold* _italic_ ~gone~ `code`",
    "```fence``` > quote",
    ":bomb: :rotating_light:",
    "@channel @here",
    "<!date^1^{date}|now>",
    "line one\n> *CALI*: all is well",
    "zero\u200bwidth\u200djoined\u2060word\ufeff",
    "\u202eesrever\u202c and \u2066isolated\u2069",
    "tag\U000e0041\U000e0042smuggled",
    "variation\ufe01\U000e0101bytes",
    "\x1b[2J\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "nul\x00 bell\x07 back\x08\x08\x08",
    "lone \ud800 surrogate",
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307a\u0300lgo",
    "carriage\rreturn",
    "</script><img src=x onerror=alert(1)>",
    '"}]} , {"type":"section"',
    "{count} {names} %s %(x)s $channel",
    "[bold]rich[/bold]",
    "see https://evil.example/login or mailto:a@b.example",
    "@everyone :100::+1: @HERE",
]


def strings(node: object) -> list[str]:
    """Every string that is a value in a payload."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        return [text for value in node.values() for text in strings(value)]
    return [text for value in node for text in strings(value)] if isinstance(node, list) else []


def mrkdwn(node: object) -> list[str]:
    """Every text that Slack would parse."""
    if isinstance(node, dict):
        own = [str(node["text"])] if node.get("type") == "mrkdwn" else []
        return own + [text for value in node.values() for text in mrkdwn(value)]
    return [text for value in node for text in mrkdwn(value)] if isinstance(node, list) else []


def urls(node: object) -> list[str]:
    """Every address that Slack would link."""
    if isinstance(node, dict):
        own = [str(node["url"])] if "url" in node else []
        return own + [url for value in node.values() for url in urls(value)]
    return [url for value in node for url in urls(value)] if isinstance(node, list) else []


def attacked(make_alert: Make, make_answer: Answer, attack: str) -> Alert:
    """An alert that carries the attack in every field a log or a model can reach."""
    claims = [{"text": attack, "doc_id": "own/hikari-pool", "quote": attack}]
    citations = [{"doc_id": "own/hikari-pool", "title": attack, "section": attack, "url": f"x{attack}"}]
    place: dict[str, Any] = {"pods": [attack], "versions": [attack], "nodes": [attack]}
    past = {**make_answer()["similar"][0], "service": attack, "resolution": attack, "fingerprint": attack}
    answer = make_answer(
        causes=claims, actions=claims, citations=citations, summary=attack, model=attack, similar=[past]
    )
    named = dict.fromkeys(("service", "template", "text", "level", "namespace", "started_with", "follows"), attack)
    line = DigestLine(
        id=attack,
        opening=attack,
        fingerprint=attack,
        severity=attack,
        reason=attack,
        service=attack,
        level=attack,
        template=attack,
        count=1,
        total=1,
    )
    return make_alert(**named, place=place, lines=[line], explained=True, explanation=answer)


def messages(alert: Alert, language: str) -> list[dict[str, Any]]:
    """Everything that can be sent of an alert."""
    opening, later = alert.copy(), alert.copy()
    opening["reason"], later["id"] = "first", "later"
    now = card_now(opening, later, language, LINKS)
    return [card(alert, language, links=LINKS), reply(alert, language), now]


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("reason", REASONS)
def test_untrusted_text_never_becomes_markup(make_alert: Make, make_answer: Answer, attack: str, reason: str) -> None:
    """All that Slack parses is the same with and without the attack; the notification text has nothing live."""
    alert = attacked(make_alert, make_answer, attack)
    alert["reason"] = reason
    harmless = make_alert(level="?", reason=reason, explained=True, explanation=make_answer())
    for good, payload in zip(messages(harmless, "en"), messages(alert, "en"), strict=True):
        assert mrkdwn(good["blocks"]) == mrkdwn(payload["blocks"])
        assert not set("<>") & set(str(payload["text"]))
        assert not re.search(r"@(here|channel|everyone)|://|:\w+:", str(payload["text"]), re.IGNORECASE)
        assert not {"user", "channel", "usergroup", "broadcast", "emoji"} & set(strings(payload["blocks"]))
        assert {"https://dash.example"} >= {url[:20] for url in urls(payload["blocks"])}


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("reason", REASONS)
def test_nothing_invisible_is_left(make_alert: Make, make_answer: Answer, attack: str, reason: str) -> None:
    """Every character of a message and of the terminal's text is one that a reader can see, and encodes."""
    alert = attacked(make_alert, make_answer, attack)
    alert["reason"] = reason
    for text in (*strings(messages(alert, "ko")), terminal(alert, "ko", links=LINKS)):
        assert [c for c in text if not c.isprintable() and c not in "\n\u3000"] == []
        assert text.encode("utf-8").decode("utf-8") == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pool: empty", "pool: empty"),
        ("a::b at 12:30:45", "a::b at 12\u223630:45"),
        (":bomb: @here", "\u2236bomb: \uff20here"),
        ("user@hereford.example", "user\uff20hereford.example"),
        ("https://evil.example", "https\u2236//evil.example"),
    ],
)
def test_notification_text_has_nothing_live(text: str, expected: str) -> None:
    """Names that notify, addresses and emoji codes are replaced by characters that look like them; the rest stays."""
    assert expected == notification(text)


def test_braces_in_a_log_are_not_places_in_a_text(make_alert: Make, make_answer: Answer) -> None:
    """A log cannot name a place of our texts and have it filled."""
    attack = "{fingerprint} {0} {texts.__class__}"
    assert attack in terminal(attacked(make_alert, make_answer, attack), "en")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\u202eb\u200bc", "abc"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("한글 ㄱ\u3164ㄴ", "한글 ㄱㄴ"),
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("z" + "\u0300" * 9, "z" + "\u0300" * 3),
        ("\ud83d lone", " lone"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    """Visible text of any language stays as it is; the rest goes."""
    assert expected == clean(text)
    assert clean(expected) == expected


def test_one_line_joins_what_was_broken() -> None:
    """A title cannot be broken into a second, forged line."""
    assert one_line("a\n\n> b\t c ") == "a > b c"


@pytest.mark.parametrize(("text", "limit", "expected"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a🔴🔴", 4, "a🔴…")])
def test_clip_counts_as_slack_may(text: str, limit: int, expected: str) -> None:
    """Characters outside the basic plane count as two, and are never cut in half."""
    assert expected == clip(text, limit)
    assert units(clip(text, limit)) <= limit


def test_escape_is_slacks_three() -> None:
    """Exactly `&`, `<` and `>` are escaped, `&` first."""
    assert escape("<a & 'b' \"c\">") == "&lt;a &amp; 'b' \"c\"&gt;"
