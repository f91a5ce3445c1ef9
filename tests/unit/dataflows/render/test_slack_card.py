"""Cards: what they say, in both languages, within Slack's limits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.demo.slack_rules import check
from dataflows.domain.alerts import Alert, ExplanationView, Reason
from dataflows.render.slack import MAX_HEADER, MAX_MESSAGE, card
from dataflows.render.terminal import terminal
from dataflows.render.texts import CATALOGUES, texts

Make = Callable[..., Alert]
Answer = Callable[..., ExplanationView]


def shown(payload: dict[str, Any]) -> str:
    """Every text of the blocks, one a line, in order."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("text"), str):
                found.append(node["text"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(payload["blocks"])
    return "\n".join(found)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_golden_card(make_alert: Make, make_answer: Answer, language: str) -> None:
    """The whole payload of an explained alert is as in the golden file of its language."""
    alert = make_alert(count=3, last_seen=1_763_764_861.5, explained=True, explanation=make_answer(missing=["model"]))
    golden = Path(__file__).with_name(f"test_slack_card.{language}.json")
    expected = json.loads(golden.read_text("utf-8"))
    assert expected == card(alert, language)


def test_a_first_alert_says_where_and_when_before_any_analysis(make_alert: Make) -> None:
    """Unexplained, the card still has service, template, count, pod, version, time and log, and says what it lacks."""
    text = shown(card(make_alert(), "en"))
    assert text.splitlines() == [
        "🔴 order-api: HikariPool-<*> - Connection is not available, request timed out after <*>ms.",
        "*ERROR*",
        "seen once",
        "last <!date^1763764859^{date_short_pretty} {time_secs}|2025-11-21 22:40:59 UTC>",
        "Pods: order-api-6d9f7c5b8-x2x9p",
        "Versions: 1.42.0",
        "Log (redacted)",
        "HikariPool-1 - Connection is not available, request timed out after 30000ms.",
        "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available",
        "    at com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)",
        "    at com.acme.order.OrderRepository.findByUser(OrderRepository.java:58)",
        "Fingerprint 9f2c4e81b07d35aa (v1)",
        "Why now: first seen",
        "Sent before the analysis was ready",
    ]


@pytest.mark.parametrize(("language", "headline"), [("en", "+1,204 more in 5 min"), ("ko", "5분 동안 1,204건 더 발생")])
def test_a_summary_counts_what_came_after_the_first(make_alert: Make, language: str, headline: str) -> None:
    """1,205 records in a window are the one announced and 1,204 more; log and analysis are not repeated."""
    payload = card(make_alert(reason="summary", count=1205), language)
    assert shown(payload).splitlines()[1] == headline
    assert headline in str(payload["text"])
    assert "HikariPool.java" not in shown(payload)
    assert headline in terminal(make_alert(reason="summary", count=1205), language)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h"), (3600, "1 h"), (7500, "2 h 5 min"), (-5, "0 s")],
)
def test_durations(make_alert: Make, seconds: float, expected: str) -> None:
    """A window's length is told in the largest units that fit."""
    alert = make_alert(reason="summary", count=2, window_end=make_alert()["window_start"] + seconds)
    assert f"+1 more in {expected}" in shown(card(alert, "en")).splitlines()


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, "A runbook matches (93 % sure)", "No runbook"),
        ({"confidence": 1.0}, "A runbook matches (99 % sure)", "100 %"),
        ({"confidence": float("nan")}, "A runbook matches (0 % sure)", "nan"),
        ({"verdict": "related"}, "No runbook matches for sure; these are related", "Probable causes"),
        ({"verdict": "related", "citations": []}, "No runbook found", "related"),
        ({"verdict": "none"}, "No runbook found", "Probable causes"),
        (
            {"verdict": "none", "missing": ["knowledge_base"]},
            "The knowledge base could not be asked",
            "No runbook found",
        ),
    ],
)
def test_the_verdict_decides_what_is_claimed(
    make_alert: Make, make_answer: Answer, changes: dict[str, Any], said: str, unsaid: str
) -> None:
    """Causes and actions stand on a card only under a sure match; an unasked knowledge base has not "found nothing"."""
    alert = make_alert(explained=True, explanation=make_answer(**changes))
    for text in (shown(card(alert, "en")), terminal(alert, "en")):
        assert said in text
        assert unsaid not in text
        assert "Sent before the analysis" not in text


def test_claims_carry_the_number_of_their_runbook(make_alert: Make, make_answer: Answer) -> None:
    """A cause cites the runbook it stands in by the number in the list; a link only where there is an address."""
    text = shown(card(make_alert(explained=True, explanation=make_answer()), "en"))
    assert "A long transaction holds connections. [2]" in text
    assert "Set leakDetectionThreshold=20000. [1]" in text
    assert "[1] \nConnection pool exhausted: Find the leak" in text


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "https://a|b", "https://a b", "https://a>"]
)
def test_only_plain_web_addresses_are_linked(make_alert: Make, make_answer: Answer, url: str) -> None:
    """A knowledge base cannot plant a link of another scheme, or one that breaks out of its element."""
    citation = {"doc_id": "x", "title": "Title", "section": "", "url": url}
    payload = card(make_alert(explained=True, explanation=make_answer(citations=[citation])), "en")
    assert '"link"' not in json.dumps(payload)


def test_places_are_cut_to_what_a_reader_scans(make_alert: Make) -> None:
    """Of ten pods three are named and seven counted; an empty list is not mentioned."""
    place = {"pods": [f"pod-{n}" for n in range(10)], "versions": [], "nodes": [""]}
    text = shown(card(make_alert(place=place), "en"))
    assert "Pods: pod-0, pod-1, pod-2 and 7 more" in text
    assert "Versions" not in text
    assert "Nodes" not in text


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1.0, 1e18])
def test_a_senseless_time_is_called_unknown(make_alert: Make, moment: float) -> None:
    """Event times come from the logs: an impossible one costs the time, not the alert."""
    alert = make_alert(first_seen=moment, last_seen=moment)
    assert "at an unknown time" in shown(card(alert, "en"))
    assert "at an unknown time" in terminal(alert, "en")


def test_a_long_trace_keeps_head_causes_and_end(make_alert: Make) -> None:
    """Of a long trace the head and each `Caused by:` remain, and every gap is counted."""
    lines = ["boom", *[f"\tat a.B.c{n}(B.java:{n})" for n in range(40)], "Caused by: why", "\tat x.Y.z(Y.java:1)"]
    lines += [f"\tat d.E.f{n}(E.java:{n})" for n in range(10)]
    log = [line[4:] for line in terminal(make_alert(text="\n".join(lines)), "en").splitlines() if line[:4] == "  | "]
    assert log == [
        "boom",
        *[f"    at a.B.c{n}(B.java:{n})" for n in range(7)],
        "… 33 lines left out …",
        "Caused by: why",
        "    at x.Y.z(Y.java:1)",
        "… 10 lines left out …",
    ]


def test_the_exception_at_the_end_of_a_python_traceback_is_kept(make_alert: Make) -> None:
    """Python names the exception last: it is never the part that is cut."""
    lines = ["Traceback (most recent call last):", *[f'  File "a.py", line {n}' for n in range(60)], "KeyError: 'sku'"]
    assert "KeyError: 'sku'" in shown(card(make_alert(text="\n".join(lines)), "en"))


def test_every_reason_and_gap_has_words_in_every_language() -> None:
    """No catalogue leaves a reason or a missing part without a text."""
    for words in CATALOGUES.values():
        assert {str(reason) for reason in Reason if not reason.startswith("held")} == set(words.reasons)
        assert {"knowledge_base", "model"} == set(words.missing_parts)


def test_a_reason_of_a_later_release_is_shown_as_it_is(make_alert: Make) -> None:
    """An unknown reason makes a card all the same."""
    assert "Why now: escalated" in shown(card(make_alert(reason="escalated"), "en"))


def test_a_language_without_texts_is_named() -> None:
    """The error says which languages there are."""
    with pytest.raises(ValueError, match="no texts for language 'de': use one of en, ko"):
        texts("de")


WORST = ['"', "\\", "&", "<", "가", "🔴", "\n", " ", "a" * 9 + " "]


@pytest.mark.parametrize("filler", WORST)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_largest_card_of_any_text_fits(make_alert: Make, make_answer: Answer, filler: str, language: str) -> None:
    """With every field far too long, of characters that grow most when encoded, no limit is reached."""
    huge = filler * 5000
    claims = [{"text": huge, "doc_id": "x", "quote": huge}] * 40
    citations = [{"doc_id": "x", "title": huge, "section": huge + "s", "url": "https://a/" + "b" * 390}] * 40
    answer = make_answer(
        causes=claims, actions=claims, citations=citations, summary=huge, model=huge, missing=[huge] * 9
    )
    place = {"pods": [huge] * 10, "versions": [huge] * 10, "nodes": [huge] * 10}
    wide = {"template": huge, "text": huge, "service": huge, "level": "E" * 5000, "fingerprint": huge, "place": place}
    payload = card(make_alert(explained=True, explanation=answer, **wide), language)
    check(payload)
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) <= MAX_MESSAGE
    assert len(json.dumps(payload["text"])) < 3000


@pytest.mark.parametrize("length", [MAX_HEADER - 1, MAX_HEADER, MAX_HEADER + 1])
def test_the_header_is_cut_exactly_at_its_limit(make_alert: Make, length: int) -> None:
    """At the limit nothing is cut; one character more is cut with an ellipsis."""
    head = "⚪ s: "
    payload = card(make_alert(level="NOTICE", service="s", template="x" * (length - len(head))), "en")
    check(payload)
    title = shown(payload).splitlines()[0]
    assert (min(length, MAX_HEADER), length > MAX_HEADER) == (len(title), title.endswith("…"))


TEXT = st.text(max_size=400)
DOC_ID = st.sampled_from(["a", "b", ""])
CLAIM = st.fixed_dictionaries({"text": TEXT, "doc_id": DOC_ID, "quote": TEXT})
CITATION = st.fixed_dictionaries({"doc_id": DOC_ID, "title": TEXT, "section": TEXT, "url": TEXT})
CLAIMS, CITATIONS = st.lists(CLAIM, max_size=8), st.lists(CITATION, max_size=8)


@given(
    alert=st.fixed_dictionaries(
        {
            "reason": st.sampled_from([*map(str, Reason), "resolved"]),
            "service": TEXT,
            "level": st.one_of(st.sampled_from(["WARN", "ERROR", "FATAL"]), TEXT),
            "template": TEXT,
            "text": st.text(max_size=4000),
            "fingerprint": TEXT,
            "count": st.integers(0, 10**9),
            "first_seen": st.floats(),
            "last_seen": st.floats(),
            "window_end": st.floats(),
            "place": st.fixed_dictionaries({k: st.lists(TEXT, max_size=10) for k in ("pods", "versions", "nodes")}),
            "explained": st.booleans(),
        }
    ),
    answer=st.fixed_dictionaries(
        {
            "verdict": st.sampled_from(["match", "related", "none"]),
            "confidence": st.floats(),
            "summary": TEXT,
            "causes": CLAIMS,
            "actions": CLAIMS,
            "citations": CITATIONS,
            "missing": st.lists(st.one_of(st.sampled_from(["model", "knowledge_base"]), TEXT), max_size=3),
        }
    ),
    language=st.sampled_from(["en", "ko"]),
)
@settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_no_alert_breaks_a_limit(
    make_alert: Make, make_answer: Answer, alert: dict[str, Any], answer: dict[str, Any], language: str
) -> None:
    """Whatever an alert holds, the stand-in's own limits accept its card, and the terminal text encodes."""
    whole = make_alert(**alert, explanation=make_answer(**answer))
    check(card(whole, language))
    assert terminal(whole, language).encode("utf-8")
