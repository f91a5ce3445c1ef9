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
_MOST_AT_ONCE: Final = 1_000
"""Values that are looked at together: more than an honest record has."""
_LABELS: Final = frozenset({"name", "key", "header", "field", "param", "parameter", "property", "variable"})
_VALUES: Final = frozenset({"value", "values", "val", "rejectedvalue", "invalidvalue"})
"""A mapping with one of each is a name and its value: variables of a container, headers, properties."""


def redact_fields(
    value: object, key: bytes | None = None, redactor: Redactor = redact, *, kept: float = float("inf")
) -> object:
    """Return a copy of a JSON-like value in which nothing secret is left; the value itself is not touched.

    Under a sensitive name everything becomes `[SECRET]`, under one of the deployment's `deny_fields` `[FIELD]`,
    whatever its type, except null, booleans and empty values; so does the value of a pair with such a name
    (`{"name": ..., "value": ...}` or a list of two). Other strings, and the names of fields, go through the redactor.
    Names that are alike once masked stay apart by a number, so nothing is dropped. What is no JSON type becomes its
    redacted `str()`.

    What would lie beyond the first `kept` bytes of the result as JSON text is left out, and costs next to nothing: each
    field costs some 0.01 to 0.1 ms, and a record may have 150,000. The text up to there is the same.
    """
    texts = _texts(value, kept)
    return _Fields(key, redactor, kept, clean=texts is not None and redactor.harmless(texts)).redacted(value, MAX_DEPTH)


def _texts(value: object, kept: float) -> list[str] | None:
    """All that goes through the redactor; None if it is more than is kept, or more than `_MOST_AT_ONCE` values."""
    texts: list[str] = []
    left: list[object] = [value]
    while left:
        inner = left.pop()
        if isinstance(inner, str):
            texts.append(inner)
            kept -= len(inner)
        elif inner is None or isinstance(inner, (bool, float)):
            continue
        elif isinstance(inner, int):
            texts.append(str(inner))
        elif isinstance(inner, dict):
            if not all(isinstance(name, str) for name in inner):
                return None
            left += inner
            left += inner.values()
        elif isinstance(inner, (list, tuple)):
            left += inner
        else:  # a type of its own: looked at piece by piece
            return None
        if kept < 0 or len(left) + len(texts) > _MOST_AT_ONCE:
            return None
    return texts


def distinct(name: str, taken: Mapping[str, object], seen: dict[str, int]) -> str:
    """Return a name that is not taken: the name itself, or with a number behind it. `seen` counts for one mapping."""
    fresh = name
    while fresh in taken:
        seen[name] = seen.get(name, 1) + 1
        fresh = f"{name}#{seen[name]}"
    return fresh


class _Fields:
    """One walk through a nested value."""

    def __init__(self, key: bytes | None, redactor: Redactor, kept: float, *, clean: bool) -> None:
        self._key = key
        self._redactor = redactor
        self._clean = clean
        """There is nothing to hide in any text of it; a name may still say that its value is a secret."""
        self._room = kept
        """How many bytes of JSON text are still of interest, at least: what is written takes no less than it counts."""

    def redacted(self, value: object, depth: int) -> object:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            text = str(value)
            seen = self._text(text)
            return value if seen == text else seen
        if isinstance(value, (Mapping, list, tuple)):
            return self._nested(value, depth)
        return self._text(str(value))

    def _nested(self, value: Mapping[object, object] | Sequence[object], depth: int) -> object:
        if depth == 0:
            return "[DEEP]"
        return self._mapping(value, depth) if isinstance(value, Mapping) else self._list(value, depth)

    def _text(self, text: str) -> str:
        seen = text if self._clean else self._redactor(text, self._key).text
        self._room -= len(seen)
        return seen

    def _mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        label = self._label(value)
        out: dict[str, object] = {}
        seen: dict[str, int] = {}
        for name, inner in value.items():
            if self._room < 0:
                break
            named = str(name)
            clean = named if self._clean else self._redactor.recurring(named, self._key)
            self._room -= len(clean) + len('"":')
            paired = label and squeezed(named) in _VALUES
            out[distinct(clean, out, seen)] = self._field(label if paired else named, inner, depth)
        return out

    def _list(self, value: Sequence[object], depth: int) -> list[object]:
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str | int):
            name, inner = value
            if looks_paired(str(inner)):
                return [self.redacted(name, depth - 1), self._field(str(name), inner, depth)]
        out: list[object] = []
        for inner in value:
            if self._room < 0:
                break
            self._room -= len(",")
            out.append(self.redacted(inner, depth - 1))
        return out

    def _field(self, name: str, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        # The text of a nested value is made only where it is masked: at each level it would be that of all below.
        nested = not isinstance(value, str) and isinstance(value, (Mapping, list, tuple))
        text = value if isinstance(value, str) else "" if nested else repr(value)
        kind = self._kind(name, text)
        if not kind:
            return self.redacted(value, depth - 1)
        text = repr(value) if nested else text
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
