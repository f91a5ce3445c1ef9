"""An alert as plain text, for a terminal: the same card where there is no Slack."""

import textwrap
from datetime import UTC, datetime

from dataflows.domain.alerts import Alert, Reason
from dataflows.render.clean import clip
from dataflows.render.content import Content, Point, content
from dataflows.render.digest import WIDTHS, named
from dataflows.render.links import NO_LINKS, Links

WIDTH = 110
"""Columns. Wide characters (Korean) count as one, so such lines may run wider."""

MAX_TITLE = 300
"""UTF-16 units; a message template can be as long as the message."""


def terminal(alert: Alert, language: str, *, links: Links = NO_LINKS) -> str:
    """The card as lines of text without colour codes; no control character of a log reaches the terminal.

    Empty for a held alert: it is in the history, and nobody is told. A digest names each of its alerts, however many.
    Times are UTC. Log lines are shown as they are, however long. A caller that prints with rich must switch its
    markup off. Raises ValueError for a language without texts.
    """
    view = content(alert, language, links)
    if alert["held"]:
        return ""
    words = view.texts
    lines = [clip(view.title, MAX_TITLE), *map(_indent, view.news)]
    if alert["reason"] == Reason.DIGEST:
        lines += [_indent(f"- {line.text}", 4) for line in named(alert["lines"], words, WIDTHS[0])]
        return "\n".join([*lines, _indent(" · ".join(view.footer))])
    lines += [_indent(" · ".join((view.level, *view.counts, *_times(view))))]
    lines += map(_indent, view.places)
    lines += [_indent(text) for text in (view.verdict, view.summary) if text]
    for heading, points in ((words.causes, view.causes), (words.actions, view.actions)):
        lines += [_indent(heading), *map(_point, points)] if points else []
    if view.runbooks:
        lines.append(_indent(words.runbooks))
        lines += [_indent(f"[{book.number}] {book.label} {book.url}".rstrip(), 4) for book in view.runbooks]
    lines += [_indent(" · ".join(view.origin))] if view.origin else []
    if view.similar:
        lines += [_indent(words.similar), *(_indent(f"- {line}", 4) for line in view.similar)]
    lines += [f"  | {line}".rstrip() for line in view.log]
    lines += [f"  {words.search}: {view.search}"] if view.search else []
    lines.append(_indent(" · ".join(view.footer)))
    return "\n".join(lines)


def _times(view: Content) -> list[str]:
    words = view.texts
    last = words.quiet_since if view.is_quiet else words.last_seen
    return [
        form.format(time=f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC")
        for form, moment in ((words.first_seen, view.first_seen), (last, view.last_seen))
        if moment is not None
    ] or [words.unknown_time]


def _indent(text: str, by: int = 2) -> str:
    room = " " * by
    return textwrap.fill(
        text, WIDTH, initial_indent=room, subsequent_indent=room, break_on_hyphens=False, break_long_words=False
    )


def _point(point: Point) -> str:
    text = f"- {point.text} [{point.runbook}]" if point.runbook else f"- {point.text}"
    return _indent(f"{text} ({point.risk})" if point.risk else text, 4)
