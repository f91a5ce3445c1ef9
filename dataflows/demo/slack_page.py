"""The stand-in's page: messages as Slack would show them. All text of a message is escaped."""

import html
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from string import Template
from typing import TypeAlias

from dataflows.demo.slack_mrkdwn import link, to_html

Json: TypeAlias = Mapping[str, object]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A second wall behind the escaping: nothing from a log could run or load even if it got through."""


def page(channel: str, messages: str, last_id: int, nonce: str) -> str:
    """The whole page, with the messages received so far; it asks for newer ones by itself."""
    source = files("dataflows.demo").joinpath("slack_page.html").read_text("utf-8")
    return Template(source).substitute(
        channel=html.escape(channel), messages=messages, last_id=last_id, nonce=html.escape(nonce)
    )


def message(number: int, received_ts: float, payload: Json) -> str:
    """One message. `payload` has passed `slack_rules.check`."""
    when = datetime.fromtimestamp(received_ts, UTC).astimezone()
    blocks = payload.get("blocks")
    body = (
        "".join(map(_block, _objects(blocks)))
        if blocks
        else f'<div class="section">{to_html(_str(payload, "text"))}</div>'
    )
    return (
        f'<article id="m{number}"><div class="avatar" aria-hidden="true">C</div><div class="body">'
        f'<div class="who"><b>CALI</b><span class="app">APP</span>'
        f'<time datetime="{when:%Y-%m-%dT%H:%M:%S%z}">{when:%H:%M:%S}</time></div>{body}</div></article>\n'
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
    text = f"<p>{_text(_object(block, 'text'))}</p>" if "text" in block else ""
    fields = "".join(f"<div>{_text(field)}</div>" for field in _objects(block.get("fields")))
    return f'<div class="section">{text}{f"""<div class="fields">{fields}</div>""" if fields else ""}</div>'


def _text(text: Json) -> str:
    if text.get("type") == "image":
        return html.escape(_str(text, "alt_text"))
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
        name = leaf.get("range") or leaf.get("name") or leaf.get("type")
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
