"""Digests: every alert is named, in one message that Slack takes."""

from collections.abc import Callable

import pytest

from dataflows.demo.card_text import body
from dataflows.demo.slack_rules import check
from dataflows.domain.alerts import Alert, DigestLine
from dataflows.render.blocks import MAX_MESSAGE, size
from dataflows.render.digest import MAX_DIGEST_LINES
from dataflows.render.slack import card, reply
from dataflows.render.terminal import terminal

Make = Callable[..., Alert]
MakeLine = Callable[..., DigestLine]


def digest(make_alert: Make, lines: list[DigestLine]) -> Alert:
    """A digest of these lines, as the page makes one."""
    empty = {"service": "", "template": "", "text": "", "fingerprint": "", "level": "", "severity": "", "types": []}
    return make_alert(id="digest:#alerts:0", reason="digest", lines=lines, **empty)


def test_a_digest_names_each_alert_with_its_count(make_alert: Make, make_line: MakeLine) -> None:
    """Service, template, reason, count and the start of the fingerprint of every alert, in order."""
    lines = [
        make_line(service="a"),
        make_line(service="b", reason="summary", count=1204, total=1305, severity="warning"),
        make_line(service="c", reason="resolved", count=0, total=7),
        make_line(service="d", reason="foreseen", count=2, total=2, template=""),
    ]
    assert [
        "From a, b, c and 1 more",
        "🔴 a: HikariPool-<*> - Connection is not available · new, 1 record · 9f2c4e81",
        "🟡 b: HikariPool-<*> - Connection is not available · going on, 1,204 more, 1,305 in all · 9f2c4e81",
        "✅ c: HikariPool-<*> - Connection is not available · resolved, 7 records · 9f2c4e81",
        "🔴 d: (no message) · foreseen, 2 records · 9f2c4e81",
        "Why now: collected to keep the channel readable · For more on one: cali why, and its fingerprint",
    ] == body(card(digest(make_alert, lines), "en"))


def test_the_notification_of_a_digest_says_how_many_and_whose(make_alert: Make, make_line: MakeLine) -> None:
    """A phone shows the number of alerts and the services."""
    payload = card(digest(make_alert, [make_line(), make_line()]), "en")
    assert "📋 2 alerts in one message · From order-api" == payload["text"]


def test_new_faults_stand_out(make_alert: Make, make_line: MakeLine) -> None:
    """Openings are bold, the rest is not."""
    lines = [make_line(reason=reason) for reason in ("first", "summary", "regressed", "resolved")]
    items = card(digest(make_alert, lines), "en")["blocks"][2]["elements"][0]["elements"]
    assert [True, False, True, False] == ["style" in item["elements"][0] for item in items]


@pytest.mark.parametrize("filler", ['"', "\\", "&", "가", "🔴", "a" * 9 + " "])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_largest_digest_fits_and_hides_nothing(
    make_alert: Make, make_line: MakeLine, filler: str, language: str
) -> None:
    """With as many lines as may be, all far too long, each alert still has its line."""
    huge = filler * 5000
    lines = [
        make_line(service=f"{n}{huge}", template=huge, fingerprint=huge, reason="regressed", count=10**9, total=10**12)
        for n in range(MAX_DIGEST_LINES)
    ]
    payload = card(digest(make_alert, lines), language)
    check(payload)
    assert size(payload["blocks"]) <= MAX_MESSAGE
    assert [f"🔴 {n}{filler[0]}" for n in range(MAX_DIGEST_LINES)] == [
        line[: len(f"🔴 {n}{filler[0]}")] for n, line in enumerate(body(payload)[1:-1])
    ]


def test_ordinary_lines_are_not_cut(make_alert: Make, make_line: MakeLine) -> None:
    """A full digest of templates of 100 characters shows them whole."""
    template = "x" * 100
    lines = [make_line(service=f"service-{n:02}", template=template) for n in range(MAX_DIGEST_LINES)]
    shown = body(card(digest(make_alert, lines), "en"))
    assert MAX_DIGEST_LINES == sum(template in line for line in shown)


def test_more_lines_than_a_message_holds_are_counted(make_alert: Make, make_line: MakeLine) -> None:
    """The page splits before; if it did not, the card says how many it could not show. A terminal shows all."""
    alert = digest(make_alert, [make_line(service=f"s{n}.") for n in range(MAX_DIGEST_LINES + 2)])
    payload = card(alert, "en")
    check(payload)
    assert "… and 2 more alerts in the history" == body(payload)[-2]
    text = terminal(alert, "en")
    assert [True] * (MAX_DIGEST_LINES + 2) == [f"s{n}." in text for n in range(MAX_DIGEST_LINES + 2)]


def test_an_empty_digest_is_a_message_all_the_same(make_alert: Make) -> None:
    """It should not be; it breaks nothing. As a reply it is the same."""
    alert = digest(make_alert, [])
    check(card(alert, "en"))
    assert card(alert, "en") == reply(alert, "en")
