"""Hide secrets and personal data in a text, before it may leave."""

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from dataflows.domain.redaction_gate import Gate
from dataflows.domain.redaction_lists import NO_LISTS, Lists, allowed_by, rules_of
from dataflows.domain.redaction_rule import Rule
from dataflows.domain.redaction_rules import RULES
from dataflows.domain.redaction_tokens import PRIVATE_KEY

_MAX_PASSES: Final = 4
"""A hidden value may uncover another (`a=b` inside a cookie); real texts settle after the second pass."""

MAX_MEMO: Final = 20_000
"""Harmless lines remembered (at most about 8 MB); then all are forgotten. A service has some hundreds of frames."""
_MAX_MEMO_LINE: Final = 300
_MAX_MARK: Final = 48
PLACEHOLDER: Final = re.compile(r"\[[A-Z][A-Z_]{1,30}(?::[0-9a-f]{8})?\]")


class Redacted(NamedTuple):
    """A text that may leave, and what was hidden in it."""

    text: str
    found: tuple[str, ...]
    """Names of the classes hidden now, each once, in the order in which they were found."""


class Redactor:
    """Redacts with the lists of one deployment. Threads may share it.

    Lines are independent of one another, but for private keys. Of a text with several lines it remembers those after
    the first in which nothing was found (frames of traces recur): never a secret, and never more than `MAX_MEMO`.
    """

    def __init__(self, lists: Lists = NO_LISTS) -> None:
        self.deny_fields = frozenset(name.lower() for name in lists.deny_fields)
        self._allowed = allowed_by(lists)
        self._gate = Gate((*rules_of(lists), *RULES))
        self._harmless: set[str] = set()

    def __call__(self, text: str, key: bytes | None = None) -> Redacted:
        """Replace every secret with `[CLASS]`, or with `[CLASS:3f2a9c01]` when a key is given.

        With a key (at most 64 bytes count) equal values get equal marks, which nobody without the key can compute.
        Idempotent: placeholders stay. Never raises for data; linear in the text.
        """
        found: dict[str, None] = {}
        if "-----BEGIN " in text:
            text = self._apply(PRIVATE_KEY, text, key, found)
        text = self._lines(text, key, found) if "\n" in text else self._line(text, key, found)
        return Redacted(text, tuple(found))

    def recurring(self, text: str, key: bytes | None = None) -> str:
        """Redact a short text that is expected again, such as the name of a field: remembered where harmless."""
        if text in self._harmless:
            return text
        seen = self(text, key).text
        if seen == text:
            self._remember([text])
        return seen

    def _lines(self, text: str, key: bytes | None, found: dict[str, None]) -> str:
        first, *rest = text.split("\n")
        harmless = self._harmless
        news = [line for line in rest if line not in harmless]
        if not self._gate.opened_by("\n".join((first, *news))):
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
            for rule in self._gate.opened_by(line):
                seen = self._apply(rule, seen, key, found)
            if seen == line:
                break
            line = seen
        return line

    def _apply(self, rule: Rule, text: str, key: bytes | None, found: dict[str, None]) -> str:
        """Replace what one rule finds."""
        read = _fold(text) if rule.lower else text
        search = rule.pattern.search
        group = "secret" if "secret" in rule.pattern.groupindex else 0
        allowed = self._allowed
        out: list[str] = []
        done = at = 0
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
            if not value or PLACEHOLDER.fullmatch(value) or (rule.check is not None and not rule.check(value)):
                continue
            if _inside_placeholder(text, match.start()) or (allowed is not None and allowed(value)):
                continue
            found[rule.name] = None
            out += (text[done:start], raw.replace(value, placeholder(rule.name, value, key), 1))
            done = end
        return "".join((*out, text[done:])) if out else text


def placeholder(name: str, value: str, key: bytes | None) -> str:
    """Make the mark that stands for a value of class `name`."""
    if not key:
        return f"[{name}]"
    mark = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=4, key=key[:64]).hexdigest()
    return f"[{name}:{mark}]"


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
