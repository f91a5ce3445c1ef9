"""Cards: what they say, in both languages, within Slack's limits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataflows.demo.slack_rules import check
from dataflows.domain.alerts import MAX_PLACES, Alert, ExplanationView, Reason
from dataflows.render.blocks import MAX_HEADER, MAX_MESSAGE
from dataflows.render.links import Links
from dataflows.render.slack import card, card_now, reply
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
    alert = make_alert(
        started_with="1.42.0",
        team="payments",
        mention="S0PAYMENTS",
        explained=True,
        explanation=make_answer(missing=["model"]),
    )
    links = Links("https://dash.example/app/discover#/?_q=(query:'fingerprint:{fingerprint}')&from={from}&to={to}")
    golden = Path(__file__).with_name(f"test_slack_card.{language}.json")
    expected = json.loads(golden.read_text("utf-8"))
    assert expected == card(alert, language, links=links)


def test_a_first_alert_says_where_and_when_before_any_analysis(make_alert: Make) -> None:
    """Unexplained, the card still has service, template, count, pod, version, time and log, and says what it lacks."""
    text = shown(card(make_alert(), "en"))
    assert text.splitlines() == [
        "🔴 order-api: HikariPool-<*> - Connection is not available, request timed out after <*>ms.",
        "New fault",
        "*ERROR*",
        "seen once",
        "last <!date^1763764859^{date_short_pretty} {time_secs}|2025-11-21 22:40:59 UTC>",
        "Namespace: shop",
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
    """Three names are shown and the others counted; a full list may stand for more; an empty one is not mentioned."""
    pods = [f"pod-{n}" for n in range(MAX_PLACES)]
    text = shown(card(make_alert(place={"pods": pods[:-1], "versions": [], "nodes": [""]}), "en"))
    assert f"Pods: pod-0, pod-1, pod-2 and {MAX_PLACES - 4} more" in text
    assert "Versions" not in text
    assert "Nodes" not in text
    full = shown(card(make_alert(place={"pods": pods, "versions": [], "nodes": []}), "en"))
    assert f"Pods: pod-0, pod-1, pod-2 and at least {MAX_PLACES - 3} more" in full


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
        told = {str(reason) for reason in Reason if not reason.startswith("held")}
        assert [told, told] == [set(words.reasons), set(words.line_reasons)]
        assert {"knowledge_base", "model"} == set(words.missing_parts)


def test_a_reason_of_a_later_release_is_shown_as_it_is(make_alert: Make) -> None:
    """An unknown reason makes a card all the same."""
    assert "Why now: foreseen" in shown(card(make_alert(reason="foreseen"), "en"))


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
        causes=claims,
        actions=[{**claim, "risk": "dangerous"} for claim in claims],
        citations=citations,
        summary=huge,
        model=huge,
        missing=[huge] * 9,
        similar=[{**make_answer()["similar"][0], "service": huge, "resolution": huge}] * 9,
        cost={"usd": 1e12, "prompt_tokens": 10**15, "completion_tokens": 10**15},
        severity="critical",
    )
    place = {"pods": [huge] * 10, "versions": [huge] * 10, "nodes": [huge] * 10}
    wide = {"template": huge, "text": huge, "service": huge, "level": "E" * 5000, "fingerprint": huge, "place": place}
    wide |= {"namespace": huge, "team": huge, "started_with": huge, "follows": huge, "absent_s": 1e300}
    links = Links("https://dash.example/" + "a" * 500 + "?{fingerprint}{service}{namespace}{from}{to}")
    alert = make_alert(explained=True, explanation=answer, reason="regressed", mention="here", **wide)
    later = make_alert(id="x", reason="escalated", usual=1e-300, count=10**300, **wide)
    for payload in (
        card(alert, language, links=links),
        card_now(alert, later, language, links),
        reply(later, language),
    ):
        check(payload)
        assert len(json.dumps(payload["blocks"], ensure_ascii=False)) <= MAX_MESSAGE
        assert len(json.dumps(payload["text"])) < 3000 * 2


@pytest.mark.parametrize("length", [MAX_HEADER - 1, MAX_HEADER, MAX_HEADER + 1])
def test_the_header_is_cut_exactly_at_its_limit(make_alert: Make, length: int) -> None:
    """At the limit nothing is cut; one character more is cut with an ellipsis."""
    head = "⚪ s: "
    payload = card(make_alert(level="NOTICE", severity="", service="s", template="x" * (length - len(head))), "en")
    check(payload)
    title = shown(payload).splitlines()[0]
    assert (min(length, MAX_HEADER), length > MAX_HEADER) == (len(title), title.endswith("…"))
