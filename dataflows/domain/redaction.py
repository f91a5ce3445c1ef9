"""Hide secrets and personal data in a text, before it may leave."""

import re
from hashlib import blake2b
from operator import attrgetter
from typing import Final, NamedTuple, get_args

from dataflows.domain.redaction_rules import DIGITS, KEYED, RULES, Gate, Rule

_MAX_PASSES: Final = 4
"""A hidden value may uncover another (`a=b` inside a cookie); real texts settle after the second pass."""

_LONG_WORD: Final = 15
"""No token of a vendor is shorter."""
_MAX_MARK: Final = 48
_IPV4_DOTS: Final = 3
_THREE_COLONS = re.compile(r":[\da-f]{1,4}:[\da-f]{1,4}:")
_DIGIT_RUN = re.compile(r"\d[\d .()-]{7,40}")
_BY_GATE: Final = tuple((gate, tuple(rule for rule in RULES if rule.gate == gate)) for gate in get_args(Gate))
_ASCII_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
PLACEHOLDER: Final = re.compile(r"\[[A-Z][A-Z_]{1,30}(?::[0-9a-f]{8})?\]")


class Redacted(NamedTuple):
    """A text that may leave, and what was hidden in it."""

    text: str
    found: tuple[str, ...]
    """Names of the classes hidden now, each once, in the order of the rules."""


def redact(text: str, key: bytes | None = None) -> Redacted:
    """Replace every secret with `[CLASS]`, or with `[CLASS:3f2a9c01]` when a key is given.

    With a key (at most 64 bytes) equal values get equal marks, which nobody without the key can compute. Idempotent:
    placeholders stay. Never raises for data; linear in the text. Costs a few microseconds where no hint occurs.
    """
    found: dict[str, None] = {}
    for _ in range(_MAX_PASSES):
        seen = _one_pass(text, key, found)
        if seen == text:
            break
        text = seen
    return Redacted(text, tuple(found))


def placeholder(name: str, value: str, key: bytes | None) -> str:
    """Make the mark that stands for a value of class `name`."""
    if not key:
        return f"[{name}]"
    mark = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=4, key=key[:64]).hexdigest()
    return f"[{name}:{mark}]"


def _one_pass(text: str, key: bytes | None, found: dict[str, None]) -> str:
    for rule in _worth_trying(text):
        text = _apply(rule, text, key, found)
    return text


def _worth_trying(text: str) -> list[Rule]:
    """Pick the rules whose hints occur; this is all that most texts cost."""
    lower = text.lower()
    long_words = " ".join([word for word in lower.split() if len(word) >= _LONG_WORD])
    runs = _DIGIT_RUN.findall(text)
    opened = {
        "text": lower,
        "word": long_words,
        "keyed": lower if KEYED.search(lower) else "",
        "digits": lower if runs and DIGITS.search("_".join(runs)) else "",
        "ipv4": "." if lower.count(".") >= _IPV4_DOTS else "",
        "ipv6": ":" if "::" in lower or _THREE_COLONS.search(lower) else "",
    }
    worth: list[Rule] = []
    for gate, rules in _BY_GATE:
        where = opened[gate]
        if not where:
            continue
        for rule in rules:
            for hint in rule.hints:
                if hint in where:
                    worth.append(rule)
                    break
    worth.sort(key=attrgetter("order"))
    return worth


def _apply(rule: Rule, text: str, key: bytes | None, found: dict[str, None]) -> str:
    """Replace what one rule finds. Rules known by a key read a lower-case copy: they are written in lower case."""
    read = _fold(text) if rule.gate == "keyed" else text
    group = "secret" if "secret" in rule.pattern.groupindex else 0
    out: list[str] = []
    done = 0
    for match in rule.pattern.finditer(read):
        start, end = match.span(group)
        raw = text[start:end]
        value = raw.strip("\"'\\")
        if not value or PLACEHOLDER.fullmatch(value) or (rule.check is not None and not rule.check(value)):
            continue
        if _inside_placeholder(text, match.start()):
            continue
        found[rule.name] = None
        out += (text[done:start], raw.replace(value, placeholder(rule.name, value, key), 1))
        done = end
    return "".join((*out, text[done:])) if out else text


def _inside_placeholder(text: str, place: int) -> bool:
    """Tell whether a place lies within a mark: `[SLACK_TOKEN:3f2a9c01]` reads like a key and its value."""
    opened = text.rfind("[", max(0, place - _MAX_MARK), place)
    mark = PLACEHOLDER.match(text, opened) if opened >= 0 else None
    return mark is not None and mark.end() > place


def _fold(text: str) -> str:
    """Lower the case without moving a character: a few letters outside ASCII would grow."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.translate(_ASCII_LOWER)
