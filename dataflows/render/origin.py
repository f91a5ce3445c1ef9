"""Where an answer comes from, why from nowhere better, what it cost, and what it reminds of."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from dataflows.domain.alerts import ExplanationView, SimilarView
from dataflows.render import phrases
from dataflows.render.catalogue import Texts
from dataflows.render.clean import one_line

MAX_SIMILAR: Final = 3
"""Past incidents shown. Our choice: they are a hint, and a card is read standing."""

_LEAST_CENTS: Final = 0.1


def origin(answer: ExplanationView, severity: str, words: Texts) -> tuple[str, ...]:
    """Who wrote it or why nobody did, what it cost, and a severity that differs from the alert's.

    Empty for an answer of an older release, which does not say, and where the verdict says all (no runbook was found,
    the knowledge base could not be asked).
    """
    return tuple(_origin(answer, severity, words))


def similar(answer: ExplanationView, words: Texts) -> tuple[str, ...]:
    """Past incidents, one line each; what cannot be shown is left out."""
    shown = (_incident(past, words) for past in answer.get("similar", []))
    return tuple(line for line in shown if line)[:MAX_SIMILAR]


def _origin(answer: ExplanationView, severity: str, words: Texts) -> Iterator[str]:
    ladder = answer.get("ladder", [])
    if not ladder:
        return
    rung, above = ladder[-1]["rung"], ladder[-2]["reason"] if len(ladder) > 1 else ""
    if rung == "cached" and answer["verdict"] != "match":
        above = "inconclusive"  # the only answer without a match that is kept
    why = words.whys.get(above, "")
    if rung == "extractive":
        yield words.quoted_because.format(why=why) if why else words.by_quote
    elif answer["verdict"] == "match":
        yield words.by_model.format(model=one_line(answer["model"]))
    elif why:
        yield words.nothing_because.format(why=why)
    if answer.get("cached"):
        yield words.asked_before
    yield from _cost(answer, words)
    judged = answer.get("severity", "")
    if judged in words.severities and judged != severity and answer["source"] == "model":
        yield words.severity_by_model.format(severity=words.severities[judged])


def _cost(answer: ExplanationView, words: Texts) -> Iterator[str]:
    cost = answer.get("cost", {})
    cents = 100 * cost.get("usd", 0.0)
    tokens = cost.get("prompt_tokens", 0) + cost.get("completion_tokens", 0)
    if math.isfinite(cents) and cents > 0:
        yield words.part_of_a_cent if cents < _LEAST_CENTS else words.cents.format(cents=phrases.number(cents))
    if math.isfinite(tokens) and tokens > 0:
        yield words.tokens.of(int(tokens))


def _incident(past: SimilarView, words: Texts) -> str:
    moment = phrases.moment(past["last_seen"])
    text = one_line(past["resolution"]) or one_line(past["summary"])
    if moment is None or not text:
        return ""
    date = datetime.fromtimestamp(moment, UTC)
    day = words.day.format(day=date.day, month=words.months[date.month - 1], year=date.year)
    form = words.incident_resolved if one_line(past["resolution"]) else words.incident
    return form.format(day=day, service=one_line(past["service"]) or "?", text=text)
