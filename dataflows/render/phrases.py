"""Numbers, times and lists as people say them."""

import math
from collections.abc import Sequence

from dataflows.domain.alerts import MAX_PLACES
from dataflows.render.catalogue import Texts
from dataflows.render.clean import one_line

MAX_NAMES = 3
"""Names shown of a list of pods, versions or nodes; the rest is a number. A reader scans no further."""

_ICONS = {"critical": "🚨", "error": "🔴", "warning": "🟡", "info": "🔵"}
_DEFAULT_SEVERITY = {"FATAL": "critical", "ERROR": "error", "WARN": "warning"}
RESOLVED_ICON = "✅"
DIGEST_ICON = "📋"


def icon(severity: str, level: str) -> str:
    """By severity; of an unknown severity by level."""
    return _ICONS.get(severity) or _ICONS.get(_DEFAULT_SEVERITY.get(level, ""), "⚪")


def is_remapped(severity: str, level: str) -> bool:
    """Whether a rule gave the level another severity than it has by itself: only then is it worth a word."""
    return severity in _ICONS and severity != _DEFAULT_SEVERITY.get(level)


def duration(seconds: float, words: Texts) -> str:
    """In the two largest units that say something; less than nothing and no number are 0 s."""
    whole = max(0, round(seconds)) if math.isfinite(seconds) else 0
    if whole < 60:
        return words.seconds.format(seconds=whole)
    hours, minutes = divmod(round(whole / 60), 60)
    if not hours:
        return words.minutes.format(minutes=minutes)
    if hours < 24:
        return (words.hours_minutes if minutes else words.hours).format(hours=hours, minutes=minutes)
    days, hours = divmod(round(whole / 3600), 24)
    return (words.days_hours if hours else words.days).format(days=days, hours=hours)


def number(value: float) -> str:
    """One decimal below ten, none above; whole numbers have none."""
    if not math.isfinite(value):
        return "?"
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:,.1f}"


def moment(epoch_s: float) -> float | None:
    """A time that any calendar can show (years 1970 to 9999), else None: event times come from the logs."""
    return epoch_s if 0 < epoch_s < 253_402_300_800 else None


def names(every: Sequence[str], words: Texts, *, most: int = MAX_PLACES) -> str:
    """The first few, and how many more; a list of `most` may stand for more. Empty if nothing has a name."""
    known = [name for name in map(one_line, every) if name]
    shown = ", ".join(known[:MAX_NAMES])
    rest = len(known) - MAX_NAMES
    if rest <= 0:
        return shown
    form = words.and_at_least if len(every) >= most else words.and_others
    return form.format(names=shown, count=rest)
