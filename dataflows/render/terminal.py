"""An alert as plain text, for a terminal: the same card where there is no Slack."""

import textwrap
from datetime import UTC, datetime

from dataflows.domain.alerts import Alert
from dataflows.render.clean import clip
from dataflows.render.content import Point, content

WIDTH = 110
"""Columns. Wide characters (Korean) count as one, so such lines may run wider."""

MAX_TITLE = 300
"""UTF-16 units; a message template can be as long as the message."""


def terminal(alert: Alert, language: str) -> str:
    """The card as lines of text without colour codes; no control character of a log reaches the terminal.

    Times are UTC. Log lines are shown as they are, however long. A caller that prints with rich must switch its
    markup off. Raises ValueError for a language without texts.
    """
    view = content(alert, language)
    words = view.texts
    times = [
        form.format(time=f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC")
        for form, moment in ((words.first_seen, view.first_seen), (words.last_seen, view.last_seen))
        if moment is not None
    ]
    lines = [clip(view.title, MAX_TITLE), *([_indent(view.headline)] if view.headline else [])]
    lines += [_indent(" · ".join((view.level, *view.counts, *(times or [words.unknown_time]))))]
    lines += map(_indent, view.places)
    lines += [_indent(text) for text in (view.verdict, view.summary) if text]
    for heading, points in ((words.causes, view.causes), (words.actions, view.actions)):
        lines += [_indent(heading), *map(_point, points)] if points else []
    if view.runbooks:
        lines.append(_indent(words.runbooks))
        lines += [_indent(f"[{book.number}] {book.label} {book.url}".rstrip(), 4) for book in view.runbooks]
    lines += [f"  | {line}".rstrip() for line in view.log]
    lines.append(_indent(" · ".join(view.footer)))
    return "\n".join(lines)


def _indent(text: str, by: int = 2) -> str:
    room = " " * by
    return textwrap.fill(
        text, WIDTH, initial_indent=room, subsequent_indent=room, break_on_hyphens=False, break_long_words=False
    )


def _point(point: Point) -> str:
    return _indent(f"- {point.text} [{point.runbook}]" if point.runbook else f"- {point.text}", 4)
