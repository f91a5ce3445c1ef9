"""Why an alert is told, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest

from dataflows.domain.alerts import Alert, DigestLine
from dataflows.render.news import news, state
from dataflows.render.phrases import duration, icon, number
from dataflows.render.texts import texts

Make = Callable[..., Alert]
DAY_S = 86_400
TIMES = {"window_start": 1e9, "window_end": 1e9 + 600, "first_seen": 1e9, "last_seen": 1e9 + 7800}

SAID: list[tuple[dict[str, Any], str, str]] = [
    ({"reason": "first"}, "New fault", "새로운 장애"),
    ({"reason": "new_window"}, "Seen again, in a later window", "이후 구간에서 다시 발생"),
    ({"reason": "regressed", "absent_s": 3.0 * DAY_S + 4 * 3600}, "Back after 3 d 4 h", "3일 4시간 만에 다시 발생"),
    ({"reason": "regressed"}, "Back after it was resolved", "해결된 뒤 다시 발생"),
    (
        {"reason": "escalated", "count": 1204, "usual": 100.0},
        "Escalated: 1,204 records in 10 min, 12x its usual 100 per window",
        "급증: 10분 동안 1,204건 발생, 평소 구간당 100건의 12배",
    ),
    (
        {"reason": "escalated", "count": 9, "usual": 2.5},
        "Escalated: 9 records in 10 min, 3.6x its usual 2.5 per window",
        "급증: 10분 동안 9건 발생, 평소 구간당 2.5건의 3.6배",
    ),
    ({"reason": "escalated", "count": 9}, "Escalated: 9 records in 10 min", "급증: 10분 동안 9건 발생"),
    (
        {"reason": "summary", "count": 1204, "total": 1305},
        "1,204 more in 10 min, 1,305 records in all",
        "10분 동안 1,204건 더 발생, 누적 1,305건",
    ),
    ({"reason": "summary", "count": 1}, "1 more in 10 min, 1 record in all", "10분 동안 1건 더 발생, 누적 1건"),
    (
        {"reason": "resolved", "count": 0, "total": 1305},
        "Resolved: 1,305 records over 2 h 10 min",
        "해결됨: 2시간 10분 동안 총 1,305건 발생",
    ),
    ({"reason": "foreseen"}, "", ""),
]


@pytest.mark.parametrize(("changes", "english", "korean"), SAID)
def test_what_happened_is_said_in_both_languages(
    make_alert: Make, changes: dict[str, Any], english: str, korean: str
) -> None:
    """Each reason has one sentence with its numbers; a reason of a later release has none."""
    alert = make_alert(**TIMES, **changes)
    said = [" ".join(news(alert, texts(language))) for language in ("en", "ko")]
    assert [english, korean] == said


@pytest.mark.parametrize("number_", [float("nan"), float("inf"), -1.0])
def test_senseless_numbers_are_not_said(make_alert: Make, number_: float) -> None:
    """A time or a count that cannot be is left out of the sentence."""
    words = texts("en")
    assert ("Back after it was resolved",) == news(make_alert(reason="regressed", absent_s=number_), words)
    assert ("Escalated: 9 records in 5 min",) == news(make_alert(reason="escalated", count=9, usual=number_), words)


def test_a_release_and_a_cause_follow_the_news(make_alert: Make) -> None:
    """The version it started with, and the fault it seems to follow from, are lines of their own; of a summary not."""
    alert = make_alert(started_with="1.42.0", follows="payment: pool\nis empty")
    assert ("New fault", "Started with version 1.42.0", "Seems to follow from payment: pool is empty") == news(
        alert, texts("en")
    )
    summary = make_alert(reason="summary", count=2, total=3, started_with="1.42.0", follows="payment: pool")
    assert ("2 more in 5 min, 3 records in all",) == news(summary, texts("en"))


def test_a_digest_names_its_services(make_alert: Make, make_line: Callable[..., DigestLine]) -> None:
    """Each service once, three by name."""
    lines = [make_line(service=name) for name in ("a", "b", "a", "c", "d", "e")]
    assert ("From a, b, c and 2 more",) == news(make_alert(reason="digest", lines=lines), texts("en"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": "summary", "total": 41}, "Going on: 41 records over 2 h 10 min"),
        ({"reason": "resolved", "total": 41}, "Resolved: 41 records over 2 h 10 min"),
        ({"reason": "escalated", "count": 9, "total": 41}, "Escalated: 9 records in 10 min"),
        ({"reason": "first"}, ""),
    ],
)
def test_the_state_of_an_episode(make_alert: Make, changes: dict[str, Any], expected: str) -> None:
    """It goes on, is over, or is worse than usual; one record is no state."""
    assert expected == state(make_alert(**TIMES, **changes), texts("en"))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *((0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h"), (3600, "1 h"), (7500, "2 h 5 min"), (-5, "0 s")),
        *((DAY_S - 1, "1 d"), (DAY_S, "1 d"), (26 * 3600, "1 d 2 h"), (10 * DAY_S, "10 d"), (float("nan"), "0 s")),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    """A length is told in the two largest units that say something."""
    assert expected == duration(seconds, texts("en"))


@pytest.mark.parametrize(
    ("value", "expected"), [(12.04, "12"), (3.61, "3.6"), (3.0, "3"), (0.25, "0.2"), (1e6, "1,000,000")]
)
def test_numbers(value: float, expected: str) -> None:
    """Ten and more are whole; less has one decimal where it has any."""
    assert expected == number(value)


@pytest.mark.parametrize(
    ("severity", "level", "expected"),
    [
        ("critical", "WARN", "🚨"),
        ("warning", "ERROR", "🟡"),
        ("info", "ERROR", "🔵"),
        ("", "FATAL", "🚨"),
        ("", "x", "⚪"),
    ],
)
def test_the_icon_is_of_the_severity(severity: str, level: str, expected: str) -> None:
    """The rules' severity beats the level of the log; without one the level speaks."""
    assert expected == icon(severity, level)
