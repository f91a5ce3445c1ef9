"""Why an alert is told: the first thing a reader wants to know."""

import math

from dataflows.domain.alerts import NEWS, Alert, Reason
from dataflows.render.catalogue import Texts
from dataflows.render.clean import one_line
from dataflows.render.phrases import duration, names, number


def news(alert: Alert, words: Texts) -> tuple[str, ...]:
    """What happened, and, where the fault itself is news, what it seems to come from."""
    said = [_what(alert, words)]
    if alert["reason"] not in NEWS:
        return tuple(filter(None, said))
    if version := one_line(alert["started_with"]):
        said.append(words.started_with.format(version=version))
    if cause := one_line(alert["follows"]):
        said.append(words.follows.format(follows=cause))
    return tuple(filter(None, said))


def state(latest: Alert, words: Texts) -> str:
    """How an episode stands by its latest alert."""
    match latest["reason"]:
        case Reason.RESOLVED | Reason.ESCALATED:
            return _what(latest, words)
        case _:
            total = max(latest["total"], latest["count"])
            return words.ongoing.of(total, duration=duration(_length(latest), words)) if total > 1 else ""


def _what(alert: Alert, words: Texts) -> str:
    total = max(alert["total"], alert["count"])
    said = ""
    match alert["reason"]:
        case Reason.FIRST:
            said = words.new_fault
        case Reason.NEW_WINDOW:
            said = words.again
        case Reason.REGRESSED:
            is_known = alert["absent_s"] > 0 and math.isfinite(alert["absent_s"])
            said = words.back.format(duration=duration(alert["absent_s"], words)) if is_known else words.back_some_time
        case Reason.ESCALATED:
            said = _escalated(alert, words)
        case Reason.SUMMARY:
            said = words.more.of(total, more=alert["count"], duration=_window(alert, words))
        case Reason.RESOLVED:
            said = words.resolved.of(total, duration=duration(_length(alert), words))
        case Reason.DIGEST:
            every = list(dict.fromkeys(one_line(line["service"]) for line in alert["lines"]))
            who = names(every, words, most=len(every) + 1)
            said = words.services.format(names=who) if who else ""
    return said


def _escalated(alert: Alert, words: Texts) -> str:
    if not (alert["usual"] > 0 and math.isfinite(alert["usual"])):
        return words.escalated_without_usual.of(alert["count"], duration=_window(alert, words))
    times = alert["count"] / alert["usual"]
    return words.escalated.of(
        alert["count"], duration=_window(alert, words), times=number(times), usual=number(alert["usual"])
    )


def _window(alert: Alert, words: Texts) -> str:
    return duration(alert["window_end"] - alert["window_start"], words)


def _length(alert: Alert) -> float:
    return alert["last_seen"] - alert["first_seen"]
