"""Hide secrets and personal data in a text, before it may leave."""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple
from unicodedata import normalize

from dataflows.domain.redaction.blocks import BLOCKS, headless_keys
from dataflows.domain.redaction.gate import Gate
from dataflows.domain.redaction.lists import NO_LISTS, Lists, allowed_by, denied_by, rules_of, squeezed
from dataflows.domain.redaction.rule import Rule
from dataflows.domain.redaction.rules import RULES
from dataflows.domain.redaction.tokens import PRIVATE_KEY
from dataflows.domain.redaction.views import MAX_LEVELS, View, blanked, unescaped

_MAX_PASSES: Final = 4
"""A hidden value may uncover another (`a=b` inside a cookie); real texts settle after the second pass."""

MAX_MEMO: Final = 20_000
"""Harmless lines remembered (at most about 8 MB); then all are forgotten. A service has some hundreds of frames."""
_MAX_MEMO_LINE: Final = 300
_MAX_MARK: Final = 48
_MAX_NAME: Final = 60
PLACEHOLDER: Final = re.compile(r"\[[A-Z][A-Z_]{1,30}(?::[0-9a-f]{8})?\]")


class Redacted(NamedTuple):
    """A text that may leave, and what was hidden in it."""

    text: str
    found: tuple[str, ...]
    """Names of the classes hidden now, each once, in the order in which they were found."""


_Span = tuple[int, int, str]
"""Start, end, and what to write instead."""


class Redactor:
    """Redacts with the lists of one deployment. Threads may share it.

    Lines are independent of one another, but for private keys and for values below their key (`BLOCKS`). Of a text with
    several lines it remembers those after the first in which nothing was found (frames of traces recur): never a
    secret, and never more than `MAX_MEMO`.
    """

    def __init__(self, lists: Lists = NO_LISTS) -> None:
        own = rules_of(lists)
        self._denied = denied_by(lists)
        self._allowed = allowed_by(lists)
        self._gate = Gate((*own, *RULES))
        self._blocks = Gate(BLOCKS)
        self._deep = Gate((*own, *BLOCKS, *RULES))
        self._harmless: set[str] = set()

    def __call__(self, text: str, key: bytes | None = None) -> Redacted:
        """Replace every secret with `[CLASS]`, or with `[CLASS:3f2a9c01]` when a key is given.

        With a key (at most 64 bytes count) equal values get equal marks, which nobody without the key can compute.
        Idempotent: placeholders stay. Never raises for data; linear in the text.
        """
        found: dict[str, None] = {}
        if "PRIVATE KEY" in text:
            text = self._apply(PRIVATE_KEY, text, key, found)
            text = self._headless(text, key, found)
        if "\n" in text:
            opened = self._deep.opened_by(text)
            if not opened and unescaped(text) is None:
                return Redacted(text, tuple(found))
            if any(rule in BLOCKS for rule in opened):
                text = self._blocked(text, key, found)
        text = self._lines(text, key, found) if "\n" in text else self._line(text, key, found)
        return Redacted(text, tuple(found))

    def harmless(self, texts: Iterable[str]) -> bool:
        """Tell that there is nothing to hide in any of these texts: one walk for all of them.

        It costs little more than looking at one. False says nothing of any of them.
        """
        joined = "\n".join(texts)
        return "PRIVATE KEY" not in joined and unescaped(joined) is None and not self._deep.opened_by(joined)

    def recurring(self, text: str, key: bytes | None = None) -> str:
        """Redact a short text that is expected again, such as the name of a field: remembered where harmless."""
        if text in self._harmless:
            return text
        seen = self(text, key).text
        if seen == text:
            self._remember([text])
        return seen

    def denies(self, name: str) -> bool:
        """Tell whether a field is one of the deployment's `deny_fields`, in any case and with any separators."""
        return bool(self._denied) and squeezed(name) in self._denied

    def _blocked(self, text: str, key: bytes | None, found: dict[str, None]) -> str:
        for _ in range(_MAX_PASSES):
            seen = text
            for rule in self._blocks.opened_by(text):
                seen = self._apply(rule, seen, key, found)
            if seen == text:
                break
            text = seen
        return text

    def _lines(self, text: str, key: bytes | None, found: dict[str, None]) -> str:
        first, *rest = text.split("\n")
        harmless = self._harmless
        news = [line for line in rest if line not in harmless]
        joined = "\n".join((first, *news))
        if unescaped(joined) is None and not self._gate.opened_by(joined):
            self._remember(news)
            return text
        lines = [self._line(first, key, found)]
        for line in rest:
            if line in harmless:
                lines.append(line)
                continue
            seen = self._line(line, key, found)
            if seen == line:
                self._remember([line])
            lines.append(seen)
        return "\n".join(lines)

    def _remember(self, lines: list[str]) -> None:
        if len(self._harmless) + len(lines) > MAX_MEMO:
            self._harmless.clear()
        self._harmless.update([line for line in lines[:MAX_MEMO] if len(line) <= _MAX_MEMO_LINE])

    def _line(self, line: str, key: bytes | None, found: dict[str, None]) -> str:
        for _ in range(_MAX_PASSES):
            seen = line
            for rule in self._gate.opened_by(blanked(line)):
                seen = self._apply(rule, seen, key, found)
            seen = self._beneath(seen, key, found)
            if seen == line:
                break
            line = seen
        return line

    def _beneath(self, text: str, key: bytes | None, found: dict[str, None]) -> str:
        """Replace what shows once the escapes are undone, level by level."""
        views: list[View] = []
        read = text
        while len(views) < MAX_LEVELS and (view := unescaped(read)) is not None:
            views.append(view)
            read = view.text
            for rule in self._deep.opened_by(read):
                spans = self._finds(rule, views[-1].text, key, found)
                if not spans:
                    continue
                for outer in reversed(views):
                    spans = [(outer.place(start), outer.place(end), mark) for start, end, mark in spans]
                text = _spliced(text, spans)
                views = _views(text, len(views))
                if not views:
                    return text
            read = views[-1].text
        return text

    def _headless(self, text: str, key: bytes | None, found: dict[str, None]) -> str:
        name = PRIVATE_KEY.name
        spans = [(start, end, placeholder(name, text[start:end], key)) for start, end in headless_keys(text)]
        found.update(dict.fromkeys([name] if spans else ()))
        return _spliced(text, spans)

    def _apply(self, rule: Rule, text: str, key: bytes | None, found: dict[str, None]) -> str:
        """Replace what one rule finds."""
        spans = self._finds(rule, text, key, found)
        return _spliced(text, spans) if spans else text

    def _finds(self, rule: Rule, text: str, key: bytes | None, found: dict[str, None]) -> list[_Span]:
        """Say where the secrets are that one rule finds, and the mark for each."""
        plain = blanked(text)
        read = _fold(plain) if rule.lower else plain
        search = rule.pattern.search
        group = "secret" if "secret" in rule.pattern.groupindex else 0
        allowed = self._allowed
        spans: list[_Span] = []
        at = 0
        while True:
            if rule.anchor:
                near = read.find(rule.anchor, at)
                if near < 0:
                    break
                at = max(at, near - rule.reach)
            match = search(read, at)
            if match is None:
                break
            start, end = match.span(group)
            at = match.end() if match.end() > match.start() else match.end() + 1
            raw = text[start:end]
            value = raw.strip("\"'\\")
            if not value or _is_mark(value) or (rule.check is not None and not rule.check(value)):
                continue
            if rule.named is not None and not rule.named(_name(plain, match), value):
                at = max(start, match.start() + 1)  # a harmless value may hold a secret: `password_url="...&password=`
                continue
            if _inside_placeholder(text, match.start()) or (allowed is not None and allowed(value)):
                continue
            found[rule.name] = None
            start += raw.index(value)
            spans.append((start, start + len(value), placeholder(rule.name, value, key)))
        return spans


def placeholder(name: str, value: str, key: bytes | None) -> str:
    """Make the mark that stands for a value of class `name`; ways to write one value in Unicode count as one (NFKC)."""
    if not key:
        return f"[{name}]"
    if not value.isascii():
        value = normalize("NFKC", value)
    mark = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=4, key=key[:64]).hexdigest()
    return f"[{name}:{mark}]"


def _views(text: str, levels: int) -> list[View]:
    """Undo so many levels of escapes; fewer where there are no more."""
    views: list[View] = []
    for _ in range(levels):
        view = unescaped(views[-1].text if views else text)
        if view is None:
            break
        views.append(view)
    return views


def _spliced(text: str, spans: list[_Span]) -> str:
    out: list[str] = []
    done = 0
    for start, end, mark in spans:
        out += (text[done:start], mark)
        done = end
    return "".join((*out, text[done:]))


def _name(text: str, match: re.Match[str]) -> str:
    """Return the group `name` with what belongs to the word on its left."""
    start = match.start("name")
    first = max(0, start - _MAX_NAME)
    while start > first and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    return text[start : match.end("name")]


def _is_mark(value: str) -> bool:
    """Tell whether a value is a mark, with brackets behind it that were open around the value, or within it."""
    mark = PLACEHOLDER.match(value)
    return mark is not None and not value[mark.end() :].strip("()[]{}")


def _inside_placeholder(text: str, place: int) -> bool:
    """Tell whether a place lies within a mark: `[SLACK_TOKEN:3f2a9c01]` reads like a key and its value."""
    opened = text.rfind("[", max(0, place - _MAX_MARK), place)
    mark = PLACEHOLDER.match(text, opened) if opened >= 0 else None
    return mark is not None and mark.end() > place


def _fold(text: str) -> str:
    """Lower the case of ASCII letters only: others may change their length, or turn into ASCII ones."""
    return (
        text.lower()
        if text.isascii()
        else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


redact: Final = Redactor()
"""Redaction with the rules alone: `redact(text, key)`."""
