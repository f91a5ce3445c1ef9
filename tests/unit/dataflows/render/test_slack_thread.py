"""With a bot token: replies in a thread, the card as it stands now, and whom to notify."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataflows.demo.card_text import body, headline, title
from dataflows.demo.slack_rules import check
from dataflows.domain.alerts import Alert, ExplanationView, Reason
from dataflows.render.slack import card, card_now, reply
from dataflows.render.terminal import terminal

Make = Callable[..., Alert]
Answer = Callable[..., ExplanationView]
TITLE = "🔴 order-api: HikariPool-<*> - Connection is not available, request timed out after <*>ms."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": "summary", "count": 40, "total": 41}, ["40 more in 5 min, 41 records in all"]),
        ({"reason": "resolved", "count": 0, "total": 41}, ["Resolved: 41 records over 0 s"]),
        ({"reason": "escalated", "count": 40, "total": 41}, [TITLE, "Escalated: 40 records in 5 min"]),
        (
            {"reason": "first", "held": "held_cascade", "follows": "b: x"},
            [TITLE, "New fault", "Seems to follow from b: x"],
        ),
    ],
)
def test_a_reply_is_short(make_alert: Make, changes: dict[str, Any], expected: list[str]) -> None:
    """It says what is new; another fault, or what the whole channel sees, is named. No log, no footer."""
    payload = reply(make_alert(**changes), "en")
    check(payload)
    shown = body(payload)
    assert expected == shown[: len(expected)]
    assert not [line for line in shown if "HikariPool.java" in line or "Fingerprint" in line]


def test_the_card_now_keeps_the_analysis_and_tells_the_state(make_alert: Make, make_answer: Answer) -> None:
    """Header, counts, times and places are the latest alert's; log and analysis the opening's; nobody is called."""
    opening = make_alert(mention="here", explained=True, explanation=make_answer())
    place = {"pods": ["order-api-1", "order-api-2"], "versions": ["1.42.0"], "nodes": []}
    end = make_alert(
        id="later", reason="resolved", total=1305, last_seen=opening["first_seen"] + 7800, place=place, text=""
    )
    payload = card_now(opening, end, "en")
    check(payload)
    shown = body(payload)
    assert TITLE.replace("🔴", "✅") == title(payload)
    assert "Resolved: 1,305 records over 2 h 10 min · New fault" == headline(payload)
    assert "broadcast" not in json.dumps(payload)
    assert "ERROR · first 2025-11-21 22:40:59 UTC · quiet since 2025-11-22 00:50:59 UTC" in shown
    assert "Namespace: shop · Pods: order-api-1, order-api-2 · Versions: 1.42.0" in shown
    assert [line for line in body(card(opening, "en")) if line.startswith(("|", "Probable", "What to do"))] == [
        line for line in shown if line.startswith(("|", "Probable", "What to do"))
    ]


@pytest.mark.parametrize(
    ("changes", "icon", "expected"),
    [
        ({"reason": "summary", "total": 41}, "🔴", "Going on: 41 records over 10 s · New fault"),
        ({"reason": "escalated", "count": 40, "usual": 4.0}, "🔴", "Escalated: 40 records in 5 min, 10x its usual 4"),
        ({"reason": "new_window", "total": 1}, "🔴", "New fault"),
    ],
)
def test_the_card_now_of_a_fault_that_goes_on(
    make_alert: Make, changes: dict[str, Any], icon: str, expected: str
) -> None:
    """The state comes first, and the icon is the severity's until it is over."""
    opening = make_alert()
    payload = card_now(opening, make_alert(id="x", last_seen=opening["first_seen"] + 10, **changes), "en")
    assert [icon, True] == [title(payload)[0], headline(payload).startswith(expected)]


def test_the_card_now_of_the_opening_itself_is_its_card(make_alert: Make) -> None:
    """Before anything came after it there is nothing to update."""
    assert card(make_alert(), "ko") == card_now(make_alert(), make_alert(), "ko")


MENTIONS = [
    ("here", {"type": "broadcast", "range": "here"}),
    ("channel", {"type": "broadcast", "range": "channel"}),
    ("U012AB3CD", {"type": "user", "user_id": "U012AB3CD"}),
    ("W012AB3CD", {"type": "user", "user_id": "W012AB3CD"}),
    ("S012AB3CD", {"type": "usergroup", "usergroup_id": "S012AB3CD"}),
]


@pytest.mark.parametrize(("who", "expected"), MENTIONS)
@pytest.mark.parametrize("reason", ["first", "new_window", "regressed", "escalated"])
def test_the_rules_mention_whom_they_say(make_alert: Make, who: str, expected: dict[str, str], reason: str) -> None:
    """Openings and escalations notify, on the card and in the reply, by an element and never by text."""
    alert = make_alert(reason=reason, mention=who)
    for payload in (card(alert, "en"), reply(alert, "en")):
        check(payload)
        found = [leaf for block in payload["blocks"] if block["type"] == "rich_text" for leaf in _leaves(block)]
        assert [expected] == [leaf for leaf in found if leaf["type"] in {"broadcast", "user", "usergroup"}]


@pytest.mark.parametrize(
    "who", ["", "everyone", "@here", "<!channel>", "u012AB3CD", "U1", "S01 2", "U012AB3CD\n", "here "]
)
def test_what_is_no_mention_is_ignored(make_alert: Make, who: str) -> None:
    """Anything else than the five forms notifies nobody."""
    assert card(make_alert(mention=""), "en") == card(make_alert(mention=who), "en")


@pytest.mark.parametrize("reason", ["summary", "resolved"])
def test_nobody_is_notified_of_what_can_wait(make_alert: Make, reason: str) -> None:
    """A summary and an end mention nobody, whatever the rules say."""
    alert = make_alert(reason=reason, mention="channel")
    for payload in (card(alert, "en"), reply(alert, "en")):
        assert "broadcast" not in json.dumps(payload)


def test_a_digest_mentions_whom_its_news_would(make_alert: Make) -> None:
    """A storm is no reason to stay silent; a digest of summaries has no mention in the first place."""
    assert '"range": "here"' in json.dumps(card(make_alert(reason="digest", mention="here"), "en"))


def _leaves(node: Any) -> list[dict[str, Any]]:
    inner = [leaf for child in node.get("elements", []) for leaf in _leaves(child)]
    return inner if "elements" in node else [node]


@pytest.mark.parametrize("reason", [str(reason) for reason in Reason if not reason.startswith("held")])
def test_a_terminal_says_held_alerts_never(make_alert: Make, reason: str) -> None:
    """A held alert is text for nobody; the same alert, told, is."""
    assert "" == terminal(make_alert(reason=reason, held="held_silenced"), "en")
    assert terminal(make_alert(reason=reason), "en")
