"""Redaction of nested fields: a parsed log record, a JSON document."""

from collections.abc import Mapping, Sequence
from typing import Final

from dataflows.domain.redaction.checks import looks_paired
from dataflows.domain.redaction.lists import squeezed
from dataflows.domain.redaction.names import holds_secret, is_phone, is_sensitive
from dataflows.domain.redaction.redactor import PLACEHOLDER, Redactor, placeholder, redact

__all__ = ["MAX_DEPTH", "distinct", "is_sensitive", "redact_fields"]

MAX_DEPTH: Final = 20
"""Deeper values are replaced whole: no honest record nests so far, and recursion must be bounded."""
_LABELS: Final = frozenset({"name", "key", "header", "field", "param", "parameter", "property", "variable"})
_VALUES: Final = frozenset({"value", "values", "val", "rejectedvalue", "invalidvalue"})
"""A mapping with one of each is a name and its value: variables of a container, headers, properties."""


def redact_fields(value: object, key: bytes | None = None, redactor: Redactor = redact) -> object:
    """Return a copy of a JSON-like value in which nothing secret is left; the value itself is not touched.

    Under a sensitive name everything becomes `[SECRET]`, under one of the deployment's `deny_fields` `[FIELD]`,
    whatever its type, except null, booleans and empty values; so does the value of a pair with such a name
    (`{"name": ..., "value": ...}` or a list of two). Other strings, and the names of fields, go through the redactor.
    Names that are alike once masked stay apart by a number, so nothing is dropped. What is no JSON type becomes its
    redacted `str()`.
    """
    return _Fields(key, redactor).redacted(value, MAX_DEPTH)


def distinct(name: str, taken: Mapping[str, object], seen: dict[str, int]) -> str:
    """Return a name that is not taken: the name itself, or with a number behind it. `seen` counts for one mapping."""
    fresh = name
    while fresh in taken:
        seen[name] = seen.get(name, 1) + 1
        fresh = f"{name}#{seen[name]}"
    return fresh


class _Fields:
    """One walk through a nested value."""

    def __init__(self, key: bytes | None, redactor: Redactor) -> None:
        self._key = key
        self._redactor = redactor

    def redacted(self, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            text = str(value)
            seen = self._text(text)
            return value if seen == text else seen
        if depth == 0 and isinstance(value, Mapping | list | tuple):
            return "[DEEP]"
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple):
            return self._list(value, depth)
        return self._text(str(value))

    def _text(self, text: str) -> str:
        return self._redactor(text, self._key).text

    def _mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        label = self._label(value)
        out: dict[str, object] = {}
        seen: dict[str, int] = {}
        for name, inner in value.items():
            named = str(name)
            clean = self._redactor.recurring(named, self._key)
            paired = label and squeezed(named) in _VALUES
            out[distinct(clean, out, seen)] = self._field(label if paired else named, inner, depth)
        return out

    def _list(self, value: Sequence[object], depth: int) -> list[object]:
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str | int):
            name, inner = value
            if looks_paired(str(inner)):
                return [self.redacted(name, depth - 1), self._field(str(name), inner, depth)]
        return [self.redacted(inner, depth - 1) for inner in value]

    def _field(self, name: str, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        text = value if isinstance(value, str) else repr(value)
        kind = self._kind(name, text)
        if not kind:
            return self.redacted(value, depth - 1)
        return text if PLACEHOLDER.fullmatch(text) else placeholder(kind, text, self._key)

    def _kind(self, name: str, text: str) -> str:
        if self._redactor.denies(name):
            return "FIELD"
        if holds_secret(name, text):
            return "SECRET"
        return "PHONE" if text.isdigit() and 8 <= len(text) <= 15 and is_phone(name) else ""

    def _label(self, value: Mapping[object, object]) -> str:
        """Return the telling name that a mapping gives to its value, or nothing."""
        for name, inner in value.items():
            if isinstance(name, str) and isinstance(inner, str) and name.lower() in _LABELS and self._kind(inner, ""):
                return inner
        return ""
