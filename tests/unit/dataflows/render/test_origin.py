"""Where an answer comes from, why from nowhere better, what it cost, and what it reminds of."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataflows.demo.card_text import body
from dataflows.domain.alerts import Alert, ExplanationView
from dataflows.render.origin import MAX_SIMILAR
from dataflows.render.slack import card
from dataflows.render.terminal import terminal
from dataflows.render.texts import CATALOGUES, texts
from rag.models import Why

Make = Callable[..., Alert]
Answer = Callable[..., ExplanationView]

SAID_BY_THE_VERDICT = {"used", "not_asked_before", "no_runbook", "knowledge_base_down"}
FREE = {"usd": 0.0, "prompt_tokens": 0, "completion_tokens": 0}


def ladder(*tried: str) -> list[dict[str, str]]:
    """Rungs as `rung:reason`."""
    return [dict(zip(("rung", "reason"), one.split(":"), strict=True)) for one in tried]


def whole(make_alert: Make, answer: ExplanationView, language: str = "en") -> list[str]:
    """The same with every list whole: the card as JSON, and the terminal's text."""
    alert = make_alert(explained=True, explanation=answer)
    return [json.dumps(card(alert, language), ensure_ascii=False), terminal(alert, language)]


def messages(make_alert: Make, answer: ExplanationView, language: str = "en") -> list[str]:
    """The card in Slack and in a terminal, as text."""
    alert = make_alert(explained=True, explanation=answer)
    return ["\n".join(body(card(alert, language))), terminal(alert, language)]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("why", sorted({str(why) for why in Why} - SAID_BY_THE_VERDICT))
def test_every_reason_why_no_model_wrote_it_is_on_the_card(
    make_alert: Make, make_answer: Answer, why: str, language: str
) -> None:
    """A quotation says why it is none of the model's answers, in the reader's language."""
    tried = ladder(f"model:{why}", "extractive:used")
    said = texts(language).quoted_because.format(why=texts(language).whys[why])
    for text in messages(make_alert, make_answer(source="extractive", ladder=tried, cost=FREE), language):
        assert " ".join(said.split()) in " ".join(text.split())


def test_each_reason_has_its_own_words() -> None:
    """Every catalogue has a text for each reason that the verdict does not say, and no two are alike."""
    for words in CATALOGUES.values():
        assert {str(why) for why in Why} - SAID_BY_THE_VERDICT == set(words.whys)
        assert len(words.whys) == len(set(words.whys.values()))


MODEL = ("cached:not_asked_before", "model:used")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Written by gpt-4o-mini from the runbooks cited · 0.4 ct · 1,932 tokens"),
        (
            {"ladder": ladder("cached:used"), "cached": True, "cost": FREE},
            "Written by gpt-4o-mini from the runbooks cited · asked before, no cost",
        ),
        ({"cost": {**FREE, "prompt_tokens": 1}}, "Written by gpt-4o-mini from the runbooks cited · 1 token"),
        ({"cost": {**FREE, "usd": 0.0009}}, "Written by gpt-4o-mini from the runbooks cited · less than 0.1 ct"),
        ({"severity": "critical"}, "· 1,932 tokens · judged as critical"),
        (
            {
                "verdict": "related",
                "ladder": ladder("model:inconclusive", "extractive:inconclusive", "plain:used"),
            },
            "No analysis: the model was asked and finds that no runbook fits · 0.4 ct · 1,932 tokens",
        ),
        (
            {"verdict": "related", "ladder": ladder("cached:used"), "cached": True, "cost": FREE},
            "No analysis: the model was asked and finds that no runbook fits · asked before, no cost",
        ),
        (
            {"source": "extractive", "ladder": ladder("model:unverified", "extractive:used")},
            "Quoted from a runbook: nothing that the model said stands in a runbook · 0.4 ct · 1,932 tokens",
        ),
    ],
)
def test_the_line_says_who_wrote_it_and_what_it_cost(
    make_alert: Make, make_answer: Answer, changes: dict[str, Any], said: str
) -> None:
    """Also what was paid for an answer that was not shown; an answer given again cost nothing."""
    for text in messages(make_alert, make_answer(**changes)):
        assert said in " ".join(text.split())


@pytest.mark.parametrize(
    ("why", "missing", "said"),
    [
        ("no_runbook", [], "No runbook found"),
        ("knowledge_base_down", ["knowledge_base"], "The knowledge base could not be asked"),
    ],
)
def test_what_the_verdict_says_is_not_said_twice(
    make_alert: Make, make_answer: Answer, why: str, missing: list[str], said: str
) -> None:
    """Without a runbook the verdict is the reason, and no line stands below it."""
    tried = ladder(f"model:{why}", f"extractive:{why}", "plain:used")
    changes = {"verdict": "none", "source": "none", "model": "", "missing": missing, "severity": "", "cost": FREE}
    for text in messages(make_alert, make_answer(ladder=tried, **changes)):
        assert said in text
        assert "No analysis" not in text


def test_an_answer_of_an_older_release_is_shown_as_before(make_alert: Make, make_answer: Answer) -> None:
    """State that knows no ladder, cost or past incidents makes a card all the same."""
    old = make_answer(missing=["model"])
    for name in ("ladder", "cost", "similar", "cached", "severity"):
        del old[name]  # type: ignore[misc] # the older shape
    for text in messages(make_alert, old):
        assert "Written by gpt-4o-mini from the runbooks cited · Missing: language model" in " ".join(text.split())


def test_risks_are_marked_on_actions_only(make_alert: Make, make_answer: Answer) -> None:
    """What an action may do stands behind it; a risk that nobody knows is not shown."""
    claim = {"text": "Do.", "doc_id": "x", "quote": "q"}
    actions = [{**claim, "risk": risk} for risk in ("read_only", "reversible", "dangerous", "unheard")]
    answer = make_answer(actions=actions, causes=[{**claim, "text": "Why.", "risk": "dangerous"}])
    for text in whole(make_alert, answer):
        assert "Do. (only looks)" in text
        assert "Do. (can be undone)" in text
        assert 1 == text.count("dangerous")
        assert "unheard" not in text


def test_past_incidents_stand_apart_from_the_runbooks(make_alert: Make, make_answer: Answer) -> None:
    """By day and service, with how they ended if somebody said so; some only, and none that says nothing."""
    (past,) = make_answer()["similar"]
    open_one = {**past, "resolution": "", "service": ""}
    mute = {**past, "resolution": "", "summary": " "}
    timeless = {**past, "last_seen": float("nan")}
    answer = make_answer(verdict="none", similar=[mute, timeless, past, open_one, past, past])
    slack, plain = whole(make_alert, answer)
    for text in (slack, plain):
        assert "Similar incidents" in text
        assert "3 Nov 2025, cart-api, resolved: the leak in 1.39 was mended" in text
        assert "3 Nov 2025, ?: The pool was empty." in text
        assert MAX_SIMILAR == text.count("3 Nov 2025")
    assert "비슷한 과거 장애" in whole(make_alert, answer, "ko")[1]
    assert "2025년 11월 3일, cart-api, 해결됨:" in whole(make_alert, answer, "ko")[1]
