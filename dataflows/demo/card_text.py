"""A Slack message as lines of text, from the very payload that Slack would get."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_LOG_LINES = 2
_ITEMS = 2


def title(payload: Mapping[str, Any]) -> str:
    """The header of a message."""
    for block in payload.get("blocks", []):
        if block["type"] == "header":
            return str(block["text"]["text"])
    return str(payload.get("text", ""))


def headline(payload: Mapping[str, Any]) -> str:
    """Why it is told, in one line; empty for a message that does not say."""
    blocks = [block for block in payload.get("blocks", []) if block["type"] != "header"]
    return " · ".join(_block(blocks[0])) if blocks and blocks[0]["type"] == "rich_text" else ""


def body(payload: Mapping[str, Any]) -> list[str]:
    """What stands below the header: about one line a block, the log and long lists cut short, digests whole."""
    return [line for block in payload.get("blocks", []) for line in _block(block)]


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    if block["type"] == "context":
        yield " · ".join(_plain(element["text"]) for element in block["elements"])
    elif block["type"] == "rich_text":
        heading = ""
        for element in block["elements"]:
            kind, inner = element["type"], element["elements"]
            if kind == "rich_text_preformatted":
                lines = _leaves(inner).split("\n")
                yield from (f"| {line}" for line in lines[:_LOG_LINES])
                heading = ""
            elif kind == "rich_text_list" and not heading:  # a digest: every line of it is a message
                yield from (_leaves(item["elements"]) for item in inner)
            elif kind == "rich_text_list":
                items = [_leaves(item["elements"]) for item in inner]
                rest = f" (+{len(items) - _ITEMS})" if len(items) > _ITEMS else ""
                yield f"{heading}: {'; '.join(items[:_ITEMS])}{rest}"
                heading = ""
            else:
                if heading:
                    yield heading
                heading = _leaves(inner).replace("\n", ": ").strip()
        if heading:
            yield heading


def _leaves(elements: list[Mapping[str, Any]]) -> str:
    return "".join(str(leaf.get("text", "")) for leaf in elements)


def _plain(text: str) -> str:
    """Our own markup of a fact: dates as their fallback, no emphasis."""
    return _DATE.sub(r"\1", text).replace("*", "")
