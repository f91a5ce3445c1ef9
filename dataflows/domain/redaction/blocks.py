"""Secrets on the lines below their name, as in YAML, and private keys without their head."""

import re
from collections.abc import Iterator
from typing import Final

from dataflows.domain.redaction.checks import looks_paired, not_a_word
from dataflows.domain.redaction.names import ANY_GATE, holds_secret
from dataflows.domain.redaction.pairs import PAIRS
from dataflows.domain.redaction.rule import rule

_NAME_GATE: Final = rf"(?i:{ANY_GATE})(?:[\w.-]|[^\x00-\x7f])*\\?[\"']?"
_NAME: Final = r"(?P<name>(?:[\w.-]|[가-힣]){1,80})\\?[\"']?"

BLOCKS: Final = (
    rule(
        "SECRET",
        rf"{_NAME_GATE}[ \t]*:[ \t]*[|>][-+\d]*[ \t]*\r?\n[ \t]",
        rf"(?<![\w.-]){_NAME}[ \t]{{0,4}}:[ \t]{{0,4}}[|>][-+\d]{{0,2}}[ \t]{{0,4}}\r?\n(?P<pad>[ \t]{{1,80}})"
        r"(?P<secret>\S[^\n]*(?:\n(?P=pad)[^\n]*)*)",
        not_a_word,
        named=holds_secret,
    ),
    rule(
        "SECRET",
        rf"{_NAME_GATE}[ \t]*[:=][ \t]*\r?\n[ \t]*\S+\s*(?:\n|$)",
        rf"(?<![\w.-]){_NAME}[ \t]{{0,4}}[:=][ \t]{{0,4}}\r?\n[ \t]{{0,80}}"
        rf"(?P<secret>[^\s:=()`\[\]{{}}<>]{{4,4000}}={{0,2}})[ \t\r]{{0,4}}(?=\n|$)",
        looks_paired,
        named=holds_secret,
    ),
    PAIRS[0],
)
"""Tried on a whole text, before its lines."""

_FOOT: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = r"(?:\s|[nr]\\+|[\"'+,])"
_BASE64: Final = r"(?:[A-Za-z0-9+/](?!\\))"
_BODY: Final = re.compile(
    rf"{_END}{{0,8}}+={{0,2}}+{_BASE64}{{1,100}}+(?:{_END}{{1,8}}+={{0,2}}+{_BASE64}{{16,100}}+)*+"
)
"""Lines of base64, read backwards: the last may be short. Possessive, so one walk."""
_MAX_KEY: Final = 20_000
"""Characters of a key without its head: four times what RSA with 8192 bits has."""


def headless_keys(text: str) -> Iterator[tuple[int, int]]:
    """Find the private keys whose beginning was cut off: lines of base64 before an end line, and that line."""
    floor = 0
    for foot in _FOOT.finditer(text):
        before = text[max(floor, foot.start() - _MAX_KEY) : foot.start()][::-1]
        body = _BODY.match(before)
        if body is not None and len(body[0]) >= 24:
            yield foot.start() - len(body[0].rstrip()), foot.end()
        floor = foot.end()
