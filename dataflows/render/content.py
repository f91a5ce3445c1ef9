"""What a card says, before it is laid out: every text of it cleaned, counted and in the reader's language."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflows.domain.alerts import MAX_PLACES, NEWS, OPENING, Alert, ExplanationView, Reason
from dataflows.render import phrases
from dataflows.render.catalogue import Texts
from dataflows.render.clean import clean, one_line
from dataflows.render.excerpt import excerpt
from dataflows.render.links import Links, runbook_url, search_url
from dataflows.render.news import news, state
from dataflows.render.origin import origin, similar
from dataflows.render.texts import texts

MAX_POINTS = 5
"""Causes, actions and runbooks shown of each. Our choice: a card is read standing."""

_MOST_CERTAIN_PERCENT = 99  # an estimate is never certain


@dataclass(frozen=True, slots=True)
class Point:
    """A cause or an action, and the number of the runbook it stands in (0: not among those shown)."""

    text: str
    runbook: int
    risk: str = ""
    """Of an action: what it may do, in the reader's words; empty if nobody judged it."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A citation; `url` is empty or http(s) and safe to link."""

    number: int
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Content:
    """One card. Strings are untrusted but clean, of any length, and may be empty where there is nothing to say."""

    texts: Texts
    title: str
    news: tuple[str, ...]
    """Why it is told, the weightiest first."""
    level: str
    counts: tuple[str, ...]
    first_seen: float | None
    """Seconds since the epoch; None if the record's time makes no sense, or the same second as `last_seen`."""
    last_seen: float | None
    is_quiet: bool
    """Whether nothing came after `last_seen`."""
    places: tuple[str, ...]
    verdict: str
    summary: str
    causes: tuple[Point, ...]
    actions: tuple[Point, ...]
    runbooks: tuple[Runbook, ...]
    origin: tuple[str, ...]
    """Where the analysis comes from, why from nowhere better, and what it cost."""
    similar: tuple[str, ...]
    """Past incidents, which say nothing of the runbooks."""
    log: tuple[str, ...]
    search: str
    """Address of the records, or empty."""
    footer: tuple[str, ...]


def content(alert: Alert, language: str, links: Links, latest: Alert | None = None) -> Content:
    """What to say of an alert; with `latest`, of an opening as its episode stands by that later alert.

    Log and analysis stand where they are news: in an opening and an escalation.
    """
    words = texts(language)
    now = latest or alert
    is_digest, is_quiet = alert["reason"] == Reason.DIGEST, now["reason"] == Reason.RESOLVED
    is_whole = alert["reason"] not in {Reason.SUMMARY, Reason.RESOLVED, Reason.DIGEST}
    answer = alert.get("explanation") if is_whole and alert["explained"] else None
    runbooks = _runbooks(answer, words) if answer else ()
    numbers = (
        {c["doc_id"]: book.number for c, book in zip(answer["citations"], runbooks, strict=False)} if answer else {}
    )
    is_sure = answer is not None and answer["verdict"] == "match"
    lines = clean(alert["text"]).strip().expandtabs(4).split("\n") if is_whole else []
    log = excerpt(lines, words.lines_left_out)
    first, last = phrases.moment(alert["first_seen"]), phrases.moment(now["last_seen"])
    return Content(
        texts=words,
        title=_digest_title(alert, words)
        if is_digest
        else _title(alert, words, phrases.RESOLVED_ICON if is_quiet else phrases.icon(now["severity"], alert["level"])),
        news=(*((state(latest, words),) if latest else ()), *news(alert, words)),
        level="" if is_digest else alert["level"] if alert["level"].isalpha() else "?",
        counts=() if is_digest else _counts(alert, now, words),
        first_seen=None if first is not None and last is not None and int(first) == int(last) else first,
        last_seen=last,
        is_quiet=is_quiet,
        places=() if is_digest else _places(alert, now, words),
        verdict=_verdict(answer, words) if answer else "",
        summary=one_line(answer["summary"]) if answer and is_sure else "",
        causes=_points(answer["causes"], numbers, {}) if answer and is_sure else (),
        actions=_points(answer["actions"], numbers, words.risks) if answer and is_sure else (),
        runbooks=runbooks,
        origin=origin(answer, now["severity"], words) if answer else (),
        similar=similar(answer, words) if answer else (),
        log=tuple(log) if any(line.strip() for line in log) else (),
        search="" if is_digest else search_url(links, now),
        footer=_footer(alert, answer, words),
    )


def _title(alert: Alert, words: Texts, icon: str) -> str:
    return words.title.format(
        icon=icon,
        service=one_line(alert["service"]) or "?",
        template=one_line(alert["template"]) or words.no_message,
    )


def _digest_title(alert: Alert, words: Texts) -> str:
    return words.digest_title.of(len(alert["lines"]), icon=phrases.DIGEST_ICON)


def _counts(alert: Alert, now: Alert, words: Texts) -> tuple[str, ...]:
    """A summary and an end have said their counts already."""
    severity = words.severities.get(now["severity"], "")
    remapped = phrases.is_remapped(now["severity"], alert["level"]) and severity
    counted = alert is now and alert["reason"] in NEWS
    return (
        *((words.severity.format(severity=severity),) if remapped else ()),
        *((words.records.of(max(alert["count"], alert["total"])),) if counted else ()),
    )


def _places(alert: Alert, now: Alert, words: Texts) -> tuple[str, ...]:
    place = now["place"] if any(now["place"].values()) else alert["place"]
    named = (
        (words.namespace.format(namespace=one_line(alert["namespace"])), alert["namespace"]),
        (words.team.format(team=one_line(alert["team"])), alert["team"]),
    )
    lists = ((words.pods, place["pods"]), (words.versions, place["versions"]), (words.nodes, place["nodes"]))
    return (
        *(said for said, name in named if one_line(name)),
        *(
            form.format(names=phrases.names(every, words, most=MAX_PLACES))
            for form, every in lists
            if phrases.names(every, words)
        ),
    )


def _verdict(answer: ExplanationView, words: Texts) -> str:
    if answer["verdict"] == "match":
        sure = answer["confidence"] if math.isfinite(answer["confidence"]) else 0.0
        return words.match.format(percent=min(_MOST_CERTAIN_PERCENT, max(0, round(100 * sure))))
    if answer["verdict"] == "related" and answer["citations"]:
        return words.related
    return words.not_asked if "knowledge_base" in answer["missing"] else words.nothing_found


def _points(claims: Sequence[dict[str, str]], numbers: dict[str, int], risks: Mapping[str, str]) -> tuple[Point, ...]:
    shown = [
        Point(one_line(claim["text"]), numbers.get(claim["doc_id"], 0), risks.get(claim.get("risk", ""), ""))
        for claim in claims
    ]
    return tuple(point for point in shown if point.text)[:MAX_POINTS]


def _runbooks(answer: ExplanationView, words: Texts) -> tuple[Runbook, ...]:
    if answer["verdict"] == "none":
        return ()
    shown = []
    for number, citation in enumerate(answer["citations"][:MAX_POINTS], start=1):
        title, section = one_line(citation["title"]) or one_line(citation["doc_id"]), one_line(citation["section"])
        label = words.citation.format(title=title, section=section) if section and section != title else title
        masks = "://" in label  # a label that reads like an address would mask where its link leads
        shown.append(Runbook(number, label or "?", "" if masks else runbook_url(citation["url"])))
    return tuple(shown)


def _footer(alert: Alert, answer: ExplanationView | None, words: Texts) -> tuple[str, ...]:
    reason = one_line(alert["reason"])
    why = words.reason.format(reason=words.reasons.get(reason, reason))
    if reason == Reason.DIGEST:
        return why, words.digest_why
    parts = [words.fingerprint.format(fingerprint=one_line(alert["fingerprint"]), version=alert["fp_version"]), why]
    if answer is None and reason in OPENING:
        parts.append(words.not_yet)
    if answer and "ladder" in answer:  # the origin says it
        return tuple(parts)
    if answer and answer["verdict"] == "match" and answer["source"] != "none":
        by_model = answer["source"] == "model"
        parts.append(words.by_model.format(model=one_line(answer["model"])) if by_model else words.by_quote)
    if answer and answer["missing"]:
        named = (words.missing_parts.get(part, one_line(part)) for part in answer["missing"])
        parts.append(words.missing.format(parts=", ".join(named)))
    return tuple(parts)
