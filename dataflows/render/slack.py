"""An alert as a Slack message in Block Kit.

Untrusted text stands only in `plain_text` objects and in `rich_text` elements, which Slack shows letter by letter: no
mention, link, emoji code or emphasis comes of it. The one exception is the notification text, where it is escaped.
"""

import json
from datetime import UTC, datetime
from typing import Final, TypeAlias

from dataflows.domain.alerts import Alert
from dataflows.render.clean import clip, escape, units
from dataflows.render.content import Content, Point, content

MAX_BLOCKS: Final = 50
"""Blocks of one message: https://docs.slack.dev/reference/block-kit/blocks"""

MAX_HEADER: Final = 150
"""Header text: https://docs.slack.dev/reference/block-kit/blocks/header-block"""

MAX_TEXT: Final = 3000
"""Any text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object"""

MAX_CONTEXT_ELEMENTS: Final = 10
"""Elements of a context block: https://docs.slack.dev/reference/block-kit/blocks/context-block"""

MAX_MESSAGE: Final = 11_000
"""All blocks as JSON. Slack does not document its limit (`msg_blocks_too_long`): refusals are reported from about
13,200 characters of text (https://github.com/slackapi/bolt-js/issues/2509) and once at 11,341 (issue 2867 there)."""

MAX_NOTIFICATION: Final = 300
"""Text of the push notification; a phone shows less."""

_MAX_FACT: Final = 200
_LIMITS: Final = ((1800, 300), (900, 200), (200, 60))
"""Characters of (the log excerpt, each point and label): the first pair that keeps within `MAX_MESSAGE` is used. The
last always does, as a test of the largest card shows."""

Block: TypeAlias = dict[str, object]


def card(alert: Alert, language: str) -> dict[str, object]:
    """The payload for an incoming webhook or `chat.postMessage`, within every limit of Slack whatever the alert holds.

    Pure. Works before and after the analysis. Raises ValueError for a language without texts.
    """
    view = content(alert, language)
    blocks: list[Block] = []
    for log_limit, point_limit in _LIMITS:
        blocks = _blocks(view, log_limit, point_limit)
        if units(json.dumps(blocks, ensure_ascii=False)) <= MAX_MESSAGE:
            break
    notification = " · ".join(filter(None, (clip(view.title, MAX_NOTIFICATION), view.headline, *view.counts)))
    return {"text": escape(notification), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _blocks(view: Content, log_limit: int, point_limit: int) -> list[Block]:
    words = view.texts
    blocks = [_header(view.title)]
    if view.headline:
        blocks.append(_rich(_section(_text(view.headline, bold=True))))
    blocks.append(_context(_facts(view), "mrkdwn"))
    if view.places:
        blocks.append(_context(view.places, "plain_text"))
    if view.verdict:
        text = _text(view.verdict, bold=True)
        summary = [_text(f"\n{clip(view.summary, 2 * point_limit)}")] if view.summary else []
        blocks.append(_rich(_section(text, *summary)))
    for heading, points, style in ((words.causes, view.causes, "bullet"), (words.actions, view.actions, "ordered")):
        if points:
            items = [_point(point, point_limit) for point in points]
            blocks.append(_rich(_section(_text(heading, bold=True)), _list(items, style)))
    if view.runbooks:
        books = [
            _section(_text(f"[{book.number}] "), _label(clip(book.label, point_limit), book.url))
            for book in view.runbooks
        ]
        blocks.append(_rich(_section(_text(words.runbooks, bold=True)), _list(books, "bullet")))
    if view.log:
        log: Block = {"type": "rich_text_preformatted", "elements": [_text(_clip_lines(view.log, log_limit))]}
        blocks.append(_rich(_section(_text(words.log, bold=True)), log))
    blocks.append(_context(view.footer, "plain_text"))
    return blocks


def _facts(view: Content) -> tuple[str, ...]:
    """The only mrkdwn: our own words, numbers and dates, which Slack shows in each reader's time zone."""
    words = view.texts
    times = [
        form.format(time=_date(moment))
        for form, moment in ((words.first_seen, view.first_seen), (words.last_seen, view.last_seen))
        if moment is not None
    ]
    return (f"*{escape(clip(view.level, 20))}*", *map(escape, view.counts), *(times or [words.unknown_time]))


def _date(epoch_s: float) -> str:
    # https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    utc = datetime.fromtimestamp(epoch_s, UTC)
    return f"<!date^{int(epoch_s)}^{{date_short_pretty}} {{time_secs}}|{utc:%Y-%m-%d %H:%M:%S} UTC>"


def _header(title: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": clip(title, MAX_HEADER), "emoji": False}}


def _context(facts: tuple[str, ...], kind: str) -> Block:
    shown = facts[:MAX_CONTEXT_ELEMENTS]
    if kind == "mrkdwn":
        return {"type": "context", "elements": [{"type": kind, "text": fact, "verbatim": True} for fact in shown]}
    return {
        "type": "context",
        "elements": [{"type": kind, "text": clip(fact, _MAX_FACT), "emoji": False} for fact in shown],
    }


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def _section(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _list(items: list[Block], style: str) -> Block:
    return {"type": "rich_text_list", "style": style, "elements": items}


def _point(point: Point, limit: int) -> Block:
    text = clip(point.text, limit)
    return _section(_text(f"{text} [{point.runbook}]" if point.runbook else text))


def _text(text: str, *, bold: bool = False) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}} if bold else {"type": "text", "text": text}


def _label(label: str, url: str) -> Block:
    return {"type": "link", "url": url, "text": label} if url else _text(label)


def _clip_lines(lines: tuple[str, ...], limit: int) -> str:
    return clip("\n".join(clip(line, MAX_HEADER * 2) for line in lines), limit)
