"""Every message of an episode, as a person reads it, in both languages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dataflows.demo.card_text import body, title
from dataflows.domain.alerts import Alert, DigestLine, ExplanationView, Reason
from dataflows.render.slack import card, card_now, reply
from dataflows.render.terminal import terminal

Make = Callable[..., Alert]


def episode(make_alert: Make, make_line: Callable[..., DigestLine], answer: ExplanationView) -> list[Alert]:
    """A fault that begins, goes on, gets worse, ends and comes back, and a digest."""
    start = make_alert()["first_seen"]
    place = {"pods": [f"order-api-{n}" for n in range(5)], "versions": ["1.42.0"], "nodes": ["node-7"]}
    first = make_alert(team="payments", started_with="1.42.0", explained=True, explanation=answer)

    def later(
        reason: Reason, after_s: float, count: int, total: int, usual: float = 0.0, absent_s: float = 0.0
    ) -> Alert:
        return make_alert(
            id=f"{reason}:{after_s}",
            opening=first["id"],
            reason=str(reason),
            team="payments",
            window_end=start + after_s,
            last_seen=start + after_s,
            place=place,
            told=1,
            count=count,
            total=total,
            usual=usual,
            absent_s=absent_s,
        )

    return [
        first,
        later(Reason.SUMMARY, 600, 1204, 1205),
        {**later(Reason.ESCALATED, 900, 14_500, 15_705, usual=1204.0), "severity": "critical"},
        {**later(Reason.RESOLVED, 7800, 0, 15_705), "text": ""},
        later(Reason.REGRESSED, 0, 1, 1, absent_s=273_600.0),
        make_alert(reason="new_window", follows="payment: Connection to <*> refused"),
        make_alert(
            reason="digest",
            lines=[
                make_line(service="payment", severity="critical"),
                make_line(service="cart", severity="warning", reason="summary", count=40, total=41),
                make_line(service="cart", reason="resolved", count=0, total=7),
            ],
        ),
    ]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_message_reads_as_in_the_golden_file(
    make_alert: Make, make_line: Callable[..., DigestLine], make_answer: Callable[..., ExplanationView], language: str
) -> None:
    """The terminal's text, the reply in the thread, and the card as it is now, of a whole episode."""
    alerts = episode(make_alert, make_line, make_answer())
    parts = []
    for alert in alerts:
        payload = card(alert, language)
        parts += [f"=== {alert['reason']}: {payload['text']}", terminal(alert, language)]
        if alert["opening"] == alerts[0]["id"] and alert["id"] != alert["opening"] and alert["reason"] != "regressed":
            parts += ["--- reply", *body(reply(alert, language))]
            now = card_now(alerts[0], alert, language)
            parts += [f"--- the card now: {title(now)}", *body(now)[:4]]
    golden = Path(__file__).with_name(f"test_every_message.{language}.txt")
    assert golden.read_text("utf-8") == "\n".join(parts) + "\n"
