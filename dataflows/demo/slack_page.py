"""The stand-in's page: messages as Slack would show them. All text of a message is escaped."""

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from string import Template
from typing import TypeAlias

from dataflows.demo.slack_api import Received
from dataflows.demo.slack_mrkdwn import link, to_html

Json: TypeAlias = Mapping[str, object]

_NAMES = ("range", "user_id", "usergroup_id", "channel_id", "name")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A second wall behind the escaping: nothing from a log could run or load even if it got through."""


def page(channel: str, messages: str, last_id: int, nonce: str) -> str:
    """The whole page, with the messages received so far; it asks by itself for what changed after `last_id`."""
    source = files("dataflows.demo").joinpath("slack_page.html").read_text("utf-8")
    return Template(source).substitute(
        channel=html.escape(channel), messages=messages, last_id=last_id, nonce=html.escape(nonce)
    )


def changed(messages: Iterable[Received], after: int) -> str:
    """What changed after a revision. From 0: everything, replies below their cards.

    Later: a `section` for a card and an `article` for a reply, which the page puts, or puts anew, where they belong.
    """
    kept = list(messages)
    cards = {(m.channel, m.ts): m for m in kept if not m.thread_ts}
    replies: dict[tuple[str, str], list[Received]] = defaultdict(list)
    for message in kept:
        if message.thread_ts:
            replies[message.channel, message.thread_ts].append(message)
    out = []
    for message in (m for m in kept if m.revision > after):
        card = cards.get((message.channel, message.thread_ts))
        if card is None:
            below = replies[message.channel, message.ts] if after == 0 else []
            out.append(_section(message, "".join(_article(reply, card=message) for reply in below)))
            continue
        if after:
            out.append(_article(message, card=card))
        if message.broadcast:
            out.append(_section(message, note="replied to a thread"))
    return "".join(out)


def _section(message: Received, replies: str = "", note: str = "") -> str:
    shown = _article(message, note=note)
    below = f'<div class="replies">{replies}</div>'
    return f'<section data-channel="{html.escape(message.channel)}">{shown}{below}</section>\n'


def _article(message: Received, *, card: Received | None = None, note: str = "") -> str:
    """One message. Its payload has passed `slack_rules.check`."""
    when = datetime.fromtimestamp(message.received_ts, UTC).astimezone()
    payload = message.payload
    blocks = payload.get("blocks")
    body = (
        "".join(map(_block, _objects(blocks)))
        if blocks
        else f'<div class="section">{to_html(_str(payload, "text"))}</div>'
    )
    times = f"updated {message.edited} time{'s' if message.edited > 1 else ''}"
    edited = f'<span class="edited" title="{times}">(edited)</span>' if message.edited else ""
    above = f'<div class="note">{html.escape(note)}</div>' if note else ""
    below = f' data-below="m{card.id}"' if card else ""
    return (
        f'<article id="{"b" if note else "m"}{message.id}"{below}><div class="avatar" aria-hidden="true">C</div>'
        f'<div class="body">{above}<div class="who"><b>CALI</b><span class="app">APP</span>'
        f'<time datetime="{when:%Y-%m-%dT%H:%M:%S%z}">{when:%H:%M:%S}</time>{edited}'
        f'<span class="in">{html.escape(message.channel)}</span></div>{body}</div></article>'
    )


def _block(block: Json) -> str:
    kind = block.get("type")
    if kind == "header":
        return f"<h2>{html.escape(_str(_object(block, 'text'), 'text'))}</h2>"
    if kind == "divider":
        return "<hr>"
    if kind == "context":
        return (
            f'<div class="context">{"".join(f"<span>{_text(e)}</span>" for e in _objects(block.get("elements")))}</div>'
        )
    if kind == "rich_text":
        return f'<div class="rich">{"".join(map(_rich, _objects(block.get("elements"))))}</div>'
    if kind == "actions":
        return f'<div class="actions">{"".join(map(_button, _objects(block.get("elements"))))}</div>'
    text = f"<p>{_text(_object(block, 'text'))}</p>" if "text" in block else ""
    fields = "".join(f"<div>{_text(field)}</div>" for field in _objects(block.get("fields")))
    return f'<div class="section">{text}{f"""<div class="fields">{fields}</div>""" if fields else ""}</div>'


def _button(button: Json) -> str:
    label = _str(_object(button, "text"), "text")
    style = html.escape(_str(button, "style") or "plain")
    shown = link(_str(button, "url"), label) if "url" in button else html.escape(label)
    return f'<span class="button {style}">{shown}</span>'


def _text(text: Json) -> str:
    return to_html(_str(text, "text")) if text.get("type") == "mrkdwn" else _lines(_str(text, "text"))


def _rich(element: Json) -> str:
    inner = _objects(element.get("elements"))
    match element.get("type"):
        case "rich_text_preformatted":
            return f"<pre>{''.join(html.escape(_str(leaf, 'text')) for leaf in inner)}</pre>"
        case "rich_text_quote":
            return f"<blockquote>{''.join(map(_leaf, inner))}</blockquote>"
        case "rich_text_list":
            tag = "ol" if element.get("style") == "ordered" else "ul"
            items = "".join(f"<li>{''.join(map(_leaf, _objects(item.get('elements'))))}</li>" for item in inner)
            return f"<{tag}>{items}</{tag}>"
        case _:
            return f"<p>{''.join(map(_leaf, inner))}</p>"


def _leaf(leaf: Json) -> str:
    style = _object(leaf, "style")
    if leaf.get("type") == "link":
        shown = link(_str(leaf, "url"), _str(leaf, "text") or _str(leaf, "url"))
    elif leaf.get("type") == "text":
        shown = _lines(_str(leaf, "text"))
    else:  # a mention or an emoji: named, so that nothing is invisible
        name = next((leaf[key] for key in _NAMES if leaf.get(key)), leaf.get("type"))
        shown = f'<span class="mention">@{html.escape(str(name))}</span>'
    for mark, tag in (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s")):
        shown = f"<{tag}>{shown}</{tag}>" if style.get(mark) else shown
    return shown


def _lines(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _str(of: Json, key: str) -> str:
    value = of.get(key)
    return value if isinstance(value, str) else ""


def _object(of: Json, key: str) -> Json:
    value = of.get(key)
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> Iterable[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
