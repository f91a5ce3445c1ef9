"""An alert as a Slack message in Block Kit: a card, a reply in the card's thread, or the card as it stands now.

All are pure, within every limit of Slack whatever the alert holds, and raise only ValueError for a language without
texts. Untrusted text becomes no mention, link, emoji code or emphasis (see `blocks`).
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar

from slack_sdk.models.blocks import Block, RichTextElement

from dataflows.domain.alerts import NEWS, Alert, Reason
from dataflows.render import blocks as kit
from dataflows.render.clean import clip, escape
from dataflows.render.content import Content, Point, content
from dataflows.render.digest import MAX_DIGEST_LINES, WIDTHS, Widths, named
from dataflows.render.links import NO_LINKS, Links

__all__ = ["MAX_DIGEST_LINES", "card", "card_now", "reply"]


class _Room(NamedTuple):
    """The most characters of each text."""

    log: int
    point: int
    """Also of a label, and half of the summary."""
    news: int
    fact: int


_ROOMS: Final = (_Room(1800, 300, 300, 200), _Room(900, 200, 300, 200), _Room(160, 50, 100, 70))
"""Tried in order, until the card keeps within `kit.MAX_MESSAGE`. The last always does, as a test of the largest card
shows; an ordinary card takes the first."""

_MAX_LOG_LINE: Final = 300
Limit = TypeVar("Limit")
_MENTIONING: Final = NEWS | {Reason.DIGEST}


def card(alert: Alert, language: str, *, links: Links = NO_LINKS) -> kit.Json:
    """The payload for an incoming webhook or `chat.postMessage`, before and after the analysis, for every reason."""
    view = content(alert, language, links)
    if alert["reason"] == Reason.DIGEST:
        return _payload(view, _first_fit(lambda widths: _digest(alert, view, widths), WIDTHS))
    return _payload(view, _first_fit(lambda room: _card(alert, view, room), _ROOMS))


def reply(alert: Alert, language: str) -> kit.Json:
    """The same, compact, for the thread under the opening's card.

    What speaks of another fault, or to the whole channel (an escalation), names it. A digest comes as its card.
    """
    if alert["reason"] == Reason.DIGEST:
        return card(alert, language)
    view = content(alert, language, NO_LINKS)
    room = _ROOMS[0]
    is_alone = alert["reason"] not in {Reason.SUMMARY, Reason.RESOLVED}
    blocks = [
        *([kit.rich(kit.section(kit.words(clip(view.title, kit.MAX_HEADER), bold=True)))] if is_alone else []),
        *_news(alert, view, room.news),
        kit.facts(_facts(view)),
        *([kit.said(view.places, room.fact)] if view.places else []),
    ]
    return _payload(view, kit.as_json(blocks))


def card_now(opening: Alert, latest: Alert, language: str, links: Links = NO_LINKS) -> kit.Json:
    """The opening's card as its episode stands by `latest`, for an update in place.

    State, counts, times and places are of now; analysis and log stay. With the opening as `latest` it is its card.
    """
    if latest["id"] == opening["id"]:
        return card(opening, language, links=links)
    view = content(opening, language, links, latest)
    return _payload(view, _first_fit(lambda room: _card(opening, view, room), _ROOMS))


def _payload(view: Content, blocks: list[kit.Json]) -> kit.Json:
    text = kit.notification(view.title, *view.news[:1], *view.counts)
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _first_fit(build: Callable[[Limit], list[Block]], limits: Iterable[Limit]) -> list[kit.Json]:
    blocks: list[kit.Json] = []
    for limit in limits:
        blocks = kit.as_json(build(limit))
        if kit.size(blocks) <= kit.MAX_MESSAGE:
            break
    return blocks


def _card(alert: Alert, view: Content, room: _Room) -> list[Block]:
    words = view.texts
    blocks = [kit.header(view.title), *_news(alert, view, room.news), kit.facts(_facts(view))]
    if view.places:
        blocks.append(kit.said(view.places, room.fact))
    if view.verdict:
        summary = [kit.words(f"\n{clip(view.summary, 2 * room.point)}")] if view.summary else []
        blocks.append(kit.rich(kit.section(kit.words(view.verdict, bold=True), *summary)))
    for heading, points, style in ((words.causes, view.causes, "bullet"), (words.actions, view.actions, "ordered")):
        if points:
            items = [kit.section(kit.words(_point(point, room.point))) for point in points]
            blocks.append(kit.rich(_heading(heading), kit.listed(items, style)))
    if view.runbooks:
        books = [
            kit.section(kit.words(f"[{book.number}] "), kit.label(clip(book.label, room.point), book.url))
            for book in view.runbooks
        ]
        blocks.append(kit.rich(_heading(words.runbooks), kit.listed(books, "bullet")))
    if view.origin:
        blocks.append(kit.said(view.origin, room.fact))
    if view.similar:
        past = [kit.section(kit.words(clip(line, room.point))) for line in view.similar]
        blocks.append(kit.rich(_heading(words.similar), kit.listed(past, "bullet")))
    if view.log:
        lines = "\n".join(clip(line, _MAX_LOG_LINE) for line in view.log)
        blocks.append(kit.rich(_heading(words.log), kit.preformatted(clip(lines, room.log))))
    if view.search:
        blocks.append(kit.rich(kit.section(kit.label(words.search, view.search))))
    return [*blocks, kit.said(view.footer, room.fact)]


def _digest(alert: Alert, view: Content, widths: Widths) -> list[Block]:
    words, room = view.texts, _ROOMS[0]
    shown = named(alert["lines"][:MAX_DIGEST_LINES], words, widths)
    items = [kit.section(kit.words(line.text, bold=line.is_opening)) for line in shown]
    beyond = len(alert["lines"]) - MAX_DIGEST_LINES
    if beyond > 0:
        items.append(kit.section(kit.words(words.lines_beyond.of(beyond))))
    lines = [kit.rich(kit.listed(items, "bullet"))] if items else []
    return [kit.header(view.title), *_news(alert, view, room.news), *lines, kit.said(view.footer, room.fact)]


def _news(alert: Alert, view: Content, limit: int) -> list[Block]:
    """The mention stands here: it is of the rules, never of a log; nobody is called to what is over."""
    called = kit.mention(alert["mention"]) if alert["reason"] in _MENTIONING and not view.is_quiet else ()
    first, *others = [clip(text, limit) for text in view.news] or [""]
    leaves = (*called, *([kit.words(first, bold=True)] if first else []))
    sections = [kit.section(*leaves)] if leaves else []
    sections += [kit.section(kit.words(text)) for text in others]
    return [kit.rich(*sections)] if sections else []


def _facts(view: Content) -> tuple[str, ...]:
    """Our own words, numbers and dates."""
    words = view.texts
    last = words.quiet_since if view.is_quiet else words.last_seen
    times = [
        form.format(time=kit.date(moment))
        for form, moment in ((words.first_seen, view.first_seen), (last, view.last_seen))
        if moment is not None
    ]
    return (f"*{escape(clip(view.level, 20))}*", *map(escape, view.counts), *(times or [words.unknown_time]))


def _heading(text: str) -> RichTextElement:
    return kit.section(kit.words(text, bold=True))


def _point(point: Point, limit: int) -> str:
    text = clip(point.text, limit)
    text = f"{text} [{point.runbook}]" if point.runbook else text
    return f"{text} ({point.risk})" if point.risk else text
