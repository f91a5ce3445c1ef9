"""Slack's Block Kit, as far as cards use it, with its limits.

Untrusted text goes into `plain_text` objects and `rich_text` elements only, which Slack shows letter by letter.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    RichTextBlock,
    RichTextElement,
    RichTextElementParts,
    RichTextListElement,
    RichTextPreformattedElement,
    RichTextSectionElement,
)

from dataflows.render.clean import clip, escape, units

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
"""Characters of each part of the push notification; a phone shows less."""

Json: TypeAlias = dict[str, Any]
"""Block Kit as JSON."""

_MENTION: Final = re.compile(r"(?P<range>here|channel)|(?P<user>[UW][A-Z0-9]{2,20})|(?P<group>S[A-Z0-9]{2,20})")
_LIVE: Final = re.compile(r"@(?=here|channel|everyone|group)|:(?=//|[\w+'-]{1,100}:)", re.IGNORECASE)
"""What Slack may make alive even in escaped text: a name that notifies, an address, an emoji code."""
_DEAD: Final = {"@": "\uff20", ":": "\u2236"}
"""What stands in their place and looks much the same: fullwidth at sign, ratio."""


def as_json(blocks: Sequence[Block]) -> list[Json]:
    """The blocks as Slack takes them. The models refuse what breaks their limits; callers have clipped before."""
    return [block.to_dict() for block in blocks]


def size(blocks: list[Json]) -> int:
    """Characters, as `MAX_MESSAGE` counts them."""
    return units(json.dumps(blocks, ensure_ascii=False))


def notification(*parts: str) -> str:
    """The text that a phone shows: mrkdwn, so escaped, and without live names, addresses and emoji codes."""
    whole = " · ".join(clip(part, MAX_NOTIFICATION) for part in parts if part)
    return escape(_LIVE.sub(lambda found: _DEAD[found[0][0]], whole))


def header(title: str) -> Block:
    """The title of a message."""
    return HeaderBlock(text=PlainTextObject(text=clip(title, MAX_HEADER), emoji=False))


def said(texts: Sequence[str], limit: int) -> Block:
    """Small print: untrusted texts, one beside the other, each of at most `limit` characters."""
    shown = texts[:MAX_CONTEXT_ELEMENTS]
    return ContextBlock(elements=[PlainTextObject(text=clip(text, limit), emoji=False) for text in shown])


def facts(marked: Sequence[str]) -> Block:
    """Small print of our own words in mrkdwn, already escaped: the only place where Slack parses a text of a card."""
    return ContextBlock(
        elements=[MarkdownTextObject(text=text, verbatim=True) for text in marked[:MAX_CONTEXT_ELEMENTS]]
    )


def date(epoch_s: float) -> str:
    """A time in mrkdwn, which Slack shows in each reader's own zone."""
    # https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    utc = datetime.fromtimestamp(epoch_s, UTC)
    return f"<!date^{int(epoch_s)}^{{date_short_pretty}} {{time_secs}}|{utc:%Y-%m-%d %H:%M:%S} UTC>"


def rich(*elements: RichTextElement) -> Block:
    """A block of rich text."""
    return RichTextBlock(elements=elements)


def section(*elements: RichTextElement) -> RichTextElement:
    """A paragraph."""
    return RichTextSectionElement(elements=elements)


def listed(items: Sequence[RichTextElement], style: str) -> RichTextElement:
    """A list of sections; `style` is `bullet` or `ordered`."""
    return RichTextListElement(elements=items, style=style)


def preformatted(text: str) -> RichTextElement:
    """A log excerpt."""
    return RichTextPreformattedElement(elements=[RichTextElementParts.Text(text=text)])


def words(text: str, *, bold: bool = False) -> RichTextElement:
    """Untrusted text, shown as it is; must not be empty."""
    return RichTextElementParts.Text(text=text, style={"bold": True} if bold else None)


def label(text: str, url: str) -> RichTextElement:
    """A link, or its label alone where there is no address."""
    return RichTextElementParts.Link(url=url, text=text) if url else words(text)


def mention(who: str) -> tuple[RichTextElement, ...]:
    """Whom to notify, and a space; nothing for anything that is not a mention by the rules."""
    found = _MENTION.fullmatch(who)
    if found is None:
        return ()
    if found["range"]:
        return RichTextElementParts.Broadcast(range=found["range"]), words(" ")
    if found["user"]:
        return RichTextElementParts.User(user_id=found["user"]), words(" ")
    return RichTextElementParts.UserGroup(usergroup_id=found["group"]), words(" ")
