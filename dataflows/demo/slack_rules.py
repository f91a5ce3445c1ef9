"""What Slack refuses: the limits of a message's payload, checked as Slack does.

These numbers are written down a second time on purpose (the cards have their own): one side checks the other.
Sources: https://docs.slack.dev/reference/block-kit/blocks (one page a block), composition-objects/text-object.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

MAX_BLOCKS: Final = 50
MAX_MESSAGE: Final = 13_000
"""All blocks as JSON, near the lowest refusal seen: https://github.com/slackapi/bolt-js/issues/2509."""

MAX_TEXT: Final = 40_000
"""Text beside the blocks: https://docs.slack.dev/reference/methods/chat.postMessage#truncating"""

MAX_URL: Final = 3000
"""Of a button: https://docs.slack.dev/reference/block-kit/block-elements/button-element; other links likewise."""

_TS: Final = re.compile(r"\d{10}\.\d{6}")
_MENTIONS: Final = {
    "user": ("user_id", re.compile(r"[UW][A-Z0-9]{2,}")),
    "usergroup": ("usergroup_id", re.compile(r"S[A-Z0-9]{2,}")),
    "channel": ("channel_id", re.compile(r"[CG][A-Z0-9]{2,}")),
    "broadcast": ("range", re.compile(r"here|channel|everyone")),
}
"""Elements of rich text that notify or refer, with what must be in them."""

_ELEMENT_KINDS: Final = frozenset(
    {"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color"}
)
_RICH_KINDS: Final = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote"})


class Refused(ValueError):  # noqa: N818 - named for what Slack does
    """Slack would answer 400: `answer` is its body, the message says why (Slack does not)."""

    def __init__(self, *, answer: str, why: str) -> None:
        super().__init__(f"{answer}: {why}")
        self.answer = answer


def check(payload: object) -> None:
    """Raise `Refused` for a payload that Slack would not take, by webhook or chat.postMessage."""
    if not isinstance(payload, dict):
        _refuse("the payload is not a JSON object", "invalid_payload")
    text, blocks = payload.get("text"), payload.get("blocks")
    if text is not None and not isinstance(text, str):
        _refuse("text is not a string", "invalid_payload")
    _beside_blocks(payload, text or "")
    if not blocks:
        if not text:
            _refuse("neither text nor blocks", "no_text")
        return
    if not isinstance(blocks, list):
        _refuse("blocks is not a list")
    if len(blocks) > MAX_BLOCKS:
        _refuse(f"{len(blocks)} blocks, {MAX_BLOCKS} allowed")
    for block in blocks:
        _block(block)
    size = _units(json.dumps(blocks, ensure_ascii=False))
    if size > MAX_MESSAGE:
        _refuse(f"{size} characters of blocks, {MAX_MESSAGE} allowed", "msg_blocks_too_long")


def _beside_blocks(payload: Mapping[str, object], text: str) -> None:
    if _units(text) > MAX_TEXT:
        _refuse(f"text: {_units(text)} characters, {MAX_TEXT} allowed", "msg_too_long")
    if "thread_ts" in payload and not _TS.fullmatch(str(payload["thread_ts"])):
        _refuse(f"thread_ts {payload['thread_ts']!r} is no timestamp of a message", "invalid_thread_ts")
    if "metadata" in payload:
        _metadata(payload["metadata"])


def _metadata(metadata: object) -> None:
    fields = metadata if isinstance(metadata, dict) else {}
    kind, values = fields.get("event_type"), fields.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(values, dict):
        _refuse("metadata is not an object of event_type and event_payload", "invalid_metadata_format")
    if not all(isinstance(value, str | int | float | bool | list) for value in values.values()):
        _refuse("event_payload holds something else than text, numbers and lists", "invalid_metadata_schema")


def _block(block: object) -> None:
    fields = _object(block, "block")
    rule = _RULES.get(str(fields.get("type")))
    if rule is None:
        _refuse(f"unknown block type {fields.get('type')!r}")
    block_id = fields.get("block_id", "")
    if not isinstance(block_id, str) or len(block_id) > 255:
        _refuse("block_id is not a string of at most 255 characters")
    rule(fields)


def _header(block: Mapping[str, object]) -> None:
    _text(block.get("text"), 150, "header", kinds=("plain_text",))


def _section(block: Mapping[str, object]) -> None:
    if "text" not in block and "fields" not in block:
        _refuse("a section without text and fields")
    if "text" in block:
        _text(block["text"], 3000, "section")
    if "fields" in block:
        for field in _items(block["fields"], "fields", 10):
            _text(field, 2000, "field")


def _context(block: Mapping[str, object]) -> None:
    for element in _items(block.get("elements"), "context elements", 10):
        _text(element, 3000, "context")


def _actions(block: Mapping[str, object]) -> None:
    for element in _items(block.get("elements"), "actions elements", 25):
        button = _object(element, "actions element")
        if button.get("type") != "button":
            _refuse(f"{button.get('type')!r} in actions: only buttons are known here")
        _text(button.get("text"), 75, "button", kinds=("plain_text",))
        if "url" in button:
            _url(button["url"], "button")
        if button.get("style", "primary") not in {"primary", "danger"}:
            _refuse(f"button style {button.get('style')!r}")
        for name, limit in (("action_id", 255), ("value", 2000)):
            value = button.get(name, "")
            if not isinstance(value, str) or len(value) > limit:
                _refuse(f"button: {name} is not a string of at most {limit} characters")


def _divider(_block: Mapping[str, object]) -> None:
    """A divider has nothing to get wrong."""


def _rich_text(block: Mapping[str, object]) -> None:
    for element in _items(block.get("elements"), "rich_text elements", None):
        _rich(_object(element, "rich_text element"))


def _rich(element: Mapping[str, object]) -> None:
    kind = element.get("type")
    if kind == "rich_text_list":
        if element.get("style") not in {"bullet", "ordered"}:
            _refuse(f"list style {element.get('style')!r}")
        for item in _items(element.get("elements"), "list elements", None):
            inner = _object(item, "list element")
            if inner.get("type") != "rich_text_section":
                _refuse("a list holds rich_text_section only")
            _rich(inner)
    elif kind in _RICH_KINDS:
        for leaf in _items(element.get("elements"), f"{kind} elements", None):
            _leaf(_object(leaf, "rich text leaf"), preformatted=kind == "rich_text_preformatted")
    else:
        _refuse(f"unknown rich_text element {kind!r}")


def _leaf(leaf: Mapping[str, object], *, preformatted: bool) -> None:
    kind = leaf.get("type")
    allowed = frozenset({"text", "link"}) if preformatted else _ELEMENT_KINDS
    if kind not in allowed:
        _refuse(f"{kind!r} in rich text")
    if kind == "text" and not (isinstance(leaf.get("text"), str) and leaf["text"]):
        _refuse("empty text in rich text")
    if kind == "link":
        _url(leaf.get("url"), "link")
    if kind in _MENTIONS:
        name, form = _MENTIONS[str(kind)]
        if not form.fullmatch(str(leaf.get(name))):
            _refuse(f"{kind}: {name} {leaf.get(name)!r}")


def _url(url: object, where: str) -> None:
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "mailto:")):
        _refuse(f"a {where} without an address")
    if _units(url) > MAX_URL:
        _refuse(f"{where}: an address of {_units(url)} characters, {MAX_URL} allowed")


def _text(value: object, limit: int, where: str, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> None:
    fields = _object(value, f"{where} text")
    if fields.get("type") not in kinds:
        _refuse(f"{where}: text type {fields.get('type')!r}")
    if fields.get("type") == "mrkdwn" and "emoji" in fields:
        _refuse(f"{where}: emoji belongs to plain_text")
    text = fields.get("text")
    if not isinstance(text, str) or not text:
        _refuse(f"{where}: empty text")
    if _units(text) > limit:
        _refuse(f"{where}: {_units(text)} characters, {limit} allowed")


def _items(value: object, where: str, limit: int | None) -> list[object]:
    if not isinstance(value, list) or not value:
        _refuse(f"no {where}")
    if limit is not None and len(value) > limit:
        _refuse(f"{len(value)} {where}, {limit} allowed")
    return value


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        _refuse(f"a {where} is not an object")
    return value


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _refuse(why: str, answer: str = "invalid_blocks") -> NoReturn:
    raise Refused(answer=answer, why=why)


_RULES: Final[Mapping[str, Callable[[Mapping[str, object]], None]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _divider,
    "rich_text": _rich_text,
    "actions": _actions,
}
"""Block types that CALI's cards may use; `image` and others are left out until a card needs them."""
