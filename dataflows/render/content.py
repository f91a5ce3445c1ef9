"""What a card says, before it is laid out: every text of it cleaned, counted and in the reader's language."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dataflows.domain.alerts import Alert, ExplanationView, Reason
from dataflows.render.clean import clean, one_line
from dataflows.render.excerpt import excerpt
from dataflows.render.texts import Texts, texts

MAX_NAMES = 3
"""Names shown of a list of pods, versions or nodes; the rest is a number. A reader scans no further."""

MAX_POINTS = 5
"""Causes, actions and runbooks shown of each. Our choice: a card is read standing."""

MAX_URL_CHARS = 400
"""Longer addresses are shown as plain text; Slack would take 3,000 (link element)."""

_ICONS = {"FATAL": "🚨", "ERROR": "🔴", "WARN": "🟡"}
_MOST_CERTAIN_PERCENT = 99  # an estimate is never certain


@dataclass(frozen=True, slots=True)
class Point:
    """A cause or an action, and the number of the runbook it stands in (0: not among those shown)."""

    text: str
    runbook: int


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
    level: str
    headline: str
    """Of a summary: what is new since the alert it counts from."""
    counts: tuple[str, ...]
    first_seen: float | None
    """Seconds since the epoch; None if the record's time makes no sense, or the same second as `last_seen`."""
    last_seen: float | None
    places: tuple[str, ...]
    verdict: str
    summary: str
    causes: tuple[Point, ...]
    actions: tuple[Point, ...]
    runbooks: tuple[Runbook, ...]
    log: tuple[str, ...]
    footer: tuple[str, ...]


def content(alert: Alert, language: str) -> Content:
    """What to say of an alert. A summary repeats neither log nor analysis: the alert it counts from has shown them."""
    words = texts(language)
    is_summary = alert["reason"] == Reason.SUMMARY
    answer = None if is_summary or not alert["explained"] else alert.get("explanation")
    first, last = _moment(alert["first_seen"]), _moment(alert["last_seen"])
    runbooks = _runbooks(answer, words) if answer else ()
    numbers = (
        {c["doc_id"]: book.number for c, book in zip(answer["citations"], runbooks, strict=False)} if answer else {}
    )
    is_sure = answer is not None and answer["verdict"] == "match"
    log = [] if is_summary else excerpt(clean(alert["text"]).strip().expandtabs(4).split("\n"), words.lines_left_out)
    return Content(
        texts=words,
        title=_title(alert, words),
        level=alert["level"] if alert["level"].isalpha() else "?",
        headline=_headline(alert, words) if is_summary else "",
        counts=(_count(alert["count"], words),),
        first_seen=None if first is not None and last is not None and int(first) == int(last) else first,
        last_seen=last,
        places=tuple(
            form.format(names=_names(names, words))
            for form, names in (
                (words.pods, alert["place"]["pods"]),
                (words.versions, alert["place"]["versions"]),
                (words.nodes, alert["place"]["nodes"]),
            )
            if any(one_line(name) for name in names)
        ),
        verdict=_verdict(answer, words) if answer else "",
        summary=one_line(answer["summary"]) if answer and is_sure else "",
        causes=_points(answer["causes"], numbers) if answer and is_sure else (),
        actions=_points(answer["actions"], numbers) if answer and is_sure else (),
        runbooks=runbooks,
        log=tuple(log) if any(line.strip() for line in log) else (),
        footer=_footer(alert, answer, words, is_summary=is_summary),
    )


def _title(alert: Alert, words: Texts) -> str:
    return words.title.format(
        icon=_ICONS.get(alert["level"], "⚪"),
        service=one_line(alert["service"]) or "?",
        template=one_line(alert["template"]) or words.no_message,
    )


def _headline(alert: Alert, words: Texts) -> str:
    """Empty for a window of one record: the alert that opened the window has said all."""
    duration = _duration(alert["window_end"] - alert["window_start"], words)
    return words.more.format(count=alert["count"] - 1, duration=duration) if alert["count"] > 1 else ""


def _count(count: int, words: Texts) -> str:
    return words.seen_once if count == 1 else words.seen_times.format(count=count)


def _duration(seconds: float, words: Texts) -> str:
    whole = max(0, round(seconds)) if math.isfinite(seconds) else 0
    if whole < 60:
        return words.seconds.format(seconds=whole)
    hours, minutes = divmod(round(whole / 60), 60)
    if not hours:
        return words.minutes.format(minutes=minutes)
    return (words.hours_minutes if minutes else words.hours).format(hours=hours, minutes=minutes)


def _moment(epoch_s: float) -> float | None:
    """A time that any calendar can show (years 1970 to 9999), else None: event times come from the logs."""
    return epoch_s if 0 < epoch_s < 253_402_300_800 else None


def _names(names: Sequence[str], words: Texts) -> str:
    known = [name for name in map(one_line, names) if name]
    shown = ", ".join(known[:MAX_NAMES])
    rest = len(known) - MAX_NAMES
    return words.and_others.format(names=shown, count=rest) if rest > 0 else shown


def _verdict(answer: ExplanationView, words: Texts) -> str:
    if answer["verdict"] == "match":
        sure = answer["confidence"] if math.isfinite(answer["confidence"]) else 0.0
        return words.match.format(percent=min(_MOST_CERTAIN_PERCENT, max(0, round(100 * sure))))
    if answer["verdict"] == "related" and answer["citations"]:
        return words.related
    return words.not_asked if "knowledge_base" in answer["missing"] else words.nothing_found


def _points(claims: Sequence[dict[str, str]], numbers: dict[str, int]) -> tuple[Point, ...]:
    shown = [Point(one_line(claim["text"]), numbers.get(claim["doc_id"], 0)) for claim in claims]
    return tuple(point for point in shown if point.text)[:MAX_POINTS]


def _runbooks(answer: ExplanationView, words: Texts) -> tuple[Runbook, ...]:
    if answer["verdict"] == "none":
        return ()
    shown = []
    for number, citation in enumerate(answer["citations"][:MAX_POINTS], start=1):
        title, section = one_line(citation["title"]) or one_line(citation["doc_id"]), one_line(citation["section"])
        label = words.citation.format(title=title, section=section) if section and section != title else title
        shown.append(Runbook(number, label or "?", _safe_url(citation["url"])))
    return tuple(shown)


def _safe_url(url: str) -> str:
    plain = url.isascii() and url.isprintable() and not set(url) & set(' <>|"`\\') and len(url) <= MAX_URL_CHARS
    return url if plain and url.startswith(("https://", "http://")) else ""


def _footer(alert: Alert, answer: ExplanationView | None, words: Texts, *, is_summary: bool) -> tuple[str, ...]:
    reason = one_line(alert["reason"])
    parts = [
        words.fingerprint.format(fingerprint=one_line(alert["fingerprint"]), version=alert["fp_version"]),
        words.reason.format(reason=words.reasons.get(reason, reason)),
    ]
    if answer is None and not is_summary:
        parts.append(words.not_yet)
    if answer and answer["verdict"] == "match" and answer["source"] != "none":
        by_model = answer["source"] == "model"
        parts.append(words.by_model.format(model=one_line(answer["model"])) if by_model else words.by_quote)
    if answer and answer["missing"]:
        named = (words.missing_parts.get(part, one_line(part)) for part in answer["missing"])
        parts.append(words.missing.format(parts=", ".join(named)))
    return tuple(parts)
