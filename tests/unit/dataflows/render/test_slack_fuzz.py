"""No alert breaks a limit of Slack: seeded random alerts of every reason through the stand-in's own rules."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from dataflows.demo.slack_rules import check
from dataflows.domain.alerts import MAX_PLACES, Alert, DigestLine, ExplanationView, Reason
from dataflows.render.blocks import MAX_MESSAGE, size
from dataflows.render.digest import MAX_DIGEST_LINES
from dataflows.render.links import Links
from dataflows.render.slack import card, card_now, reply
from dataflows.render.terminal import terminal

LADDERS = [
    [{"rung": "cached", "reason": "used"}],
    [{"rung": "model", "reason": "timeout"}, {"rung": "extractive", "reason": "used"}],
    [{"rung": "foreseen", "reason": "foreseen"}, {"rung": "plain", "reason": "used"}],
]
REASONS = [*(str(reason) for reason in Reason), "foreseen", ""]
PIECES = [
    *(
        "",
        " ",
        "\n",
        "\t",
        "\x00",
        "\x1b[31m",
        "\u200b",
        "\u202e",
        "\ud800",
        "\ufeff",
        "\u3164",
        "z\u0300\u0301\u0302\u0303",
    ),
    *(
        '"',
        "\\",
        "&",
        "<",
        ">",
        "|",
        "*",
        "_",
        "`",
        "```",
        "{",
        "}",
        "{0}",
        "%s",
        "<!channel>",
        "<@U1>",
        ":bomb:",
        "@here",
    ),
    *(
        "https://evil.example",
        "order-api",
        "HikariPool-<*> is empty",
        "가나다",
        "🔴",
        "👩‍👩‍👧",
        "\tat a.B.c(B.java:1)\n",
    ),
    *("Caused by: x.Y: z\n", '  File "/a/b.py", line 1, in c\n', "Traceback (most recent call last):\n"),
]
NUMBERS = [0.0, -1.0, 1.0, 2.5, 1e9, 1.7e9, 1e18, 1e300, float("nan"), float("inf"), -float("inf")]
MENTIONS = ["", "here", "channel", "U012AB3CD", "S012AB3CD", "everyone", "<!here>"]
LINKS = [Links(), Links("https://dash.example/?q={fingerprint}&s={service}&n={namespace}&from={from}&to={to}")]


class Chance:
    """Random parts of an alert, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a seeded fuzz, no secret
        self.pick = self.random.choice

    def text(self) -> str:
        """Mostly short; sometimes far longer than anything allows."""
        times = self.pick([1, 1, 2, 3, 10, 60, 400])
        if self.random.random() < 0.2:
            return self.pick(PIECES) * times * 20
        one = chr(self.random.randrange(0x3000)) if self.random.random() < 0.3 else ""
        return "".join(self.pick(PIECES) for _ in range(times)) + one

    def count(self) -> int:
        return self.pick([0, 1, 2, 41, 1204, 10**9, 10**15])

    def texts(self, most: int) -> list[str]:
        return [self.text() for _ in range(self.random.randrange(most + 1))]

    def changes(self, make_line: Callable[..., DigestLine], answer: ExplanationView) -> dict[str, Any]:
        """An alert in every field."""
        names = ("service", "namespace", "team", "template", "text", "fingerprint", "started_with", "follows")
        numbers = ("first_seen", "last_seen", "window_start", "window_end", "absent_s", "usual", "arrival_ts")
        reason = self.pick(REASONS)
        lines = self.pick([0, 1, 5, MAX_DIGEST_LINES, 45]) if reason == Reason.DIGEST else 0
        return {
            **{name: self.text() for name in names},
            **{name: self.pick(NUMBERS) for name in numbers},
            "reason": reason,
            "held": self.pick(["", "", "", "held_cascade"]),
            "level": self.pick(["WARN", "ERROR", "FATAL", self.text()]),
            "severity": self.pick(["critical", "error", "warning", "info", "", self.text()]),
            "count": self.count(),
            "total": self.count(),
            "mention": self.pick(MENTIONS),
            "place": {kind: self.texts(MAX_PLACES) for kind in ("pods", "versions", "nodes")},
            "lines": [self.line(make_line) for _ in range(lines)],
            "explained": self.pick([True, False]),
            "explanation": answer,
        }

    def line(self, make_line: Callable[..., DigestLine]) -> DigestLine:
        """A line of a digest."""
        return make_line(
            service=self.text(),
            template=self.text(),
            reason=self.pick(REASONS),
            severity=self.pick(["critical", "error", ""]),
            count=self.count(),
            total=self.count(),
        )

    def answer(self, make_answer: Callable[..., ExplanationView]) -> ExplanationView:
        """An analysis."""
        ids = ["a", "b", ""]

        def claims() -> list[dict[str, str]]:
            return [{"text": text, "doc_id": self.pick(ids), "quote": ""} for text in self.texts(8)]

        return make_answer(
            verdict=self.pick(["match", "match", "related", "none", "foreseen"]),
            source=self.pick(["model", "extractive", "none"]),
            confidence=self.pick(NUMBERS),
            summary=self.text(),
            model=self.text(),
            causes=claims(),
            actions=claims(),
            citations=[
                {"doc_id": self.pick(ids), "title": title, "section": self.text(), "url": f"https://a/{self.text()}"}
                for title in self.texts(8)
            ],
            missing=self.pick([[], ["model"], ["knowledge_base", "model"], ["foreseen"]]),
            ladder=self.pick([[], *LADDERS]),
            cached=self.pick([True, False]),
            cost=self.pick([{}, {"usd": self.pick(NUMBERS), "prompt_tokens": self.count(), "completion_tokens": 1}]),
            severity=self.pick(["", "critical", self.text()]),
            similar=[
                {
                    **{name: self.text() for name in ("fingerprint", "service", "resolution", "summary")},
                    "last_seen": self.pick(NUMBERS),
                    "count": self.count(),
                    "score": self.pick(NUMBERS),
                }
                for _ in range(self.pick([0, 1, 7]))
            ],
        )


@pytest.mark.parametrize(
    ("first_seed", "messages"),
    [
        pytest.param(0, 2_000, id="2,000"),
        pytest.param(10**6, 100_000, id="100,000", marks=[pytest.mark.evals, pytest.mark.timeout(3_600)]),
    ],
)
def test_no_alert_breaks_a_limit(
    make_alert: Callable[..., Alert],
    make_line: Callable[..., DigestLine],
    make_answer: Callable[..., ExplanationView],
    first_seed: int,
    messages: int,
) -> None:
    """Whatever an alert holds, Slack's limits accept its card, its reply and its card as it is now.

    Nothing raises, every message keeps within our own bound, and the terminal's text encodes.
    """
    for seed in range(first_seed, first_seed + messages):
        chance = Chance(seed)
        alert = make_alert(**chance.changes(make_line, chance.answer(make_answer)))
        language, links = chance.pick(["en", "ko"]), chance.pick(LINKS)
        match seed % 4:
            case 0 | 1:
                payload = card(alert, language, links=links)
            case 2:
                payload = reply(alert, language)
            case _:
                later = {**alert, **make_alert(id="later", reason=chance.pick(REASONS), total=chance.count())}
                payload = card_now(alert, Alert(**later), language, links)  # type: ignore[typeddict-item]
        check(payload)
        assert size(payload["blocks"]) <= MAX_MESSAGE, seed
        if seed % 16 == 0:
            assert terminal({**alert, "held": ""}, language, links=links).encode("utf-8")
