"""Redaction of nested fields: a parsed log record, a JSON document."""

import re
from collections.abc import Mapping
from typing import Final

from dataflows.domain.redaction import PLACEHOLDER, Redactor, placeholder, redact

MAX_DEPTH: Final = 20
"""Deeper values are replaced whole: no honest record nests so far, and recursion must be bounded."""

_SENSITIVE = re.compile(
    r"(?:^|[_.-])(?:pass|pwd|pin|otp|sid|auth|ssn|rrn|cvv|cvc)$"
    r"|passw|passphrase|passcode|secret|credential|authorization|cookie|session_?id|jsessionid|private_?key|api_?key|apikey"
    r"|access_?key|(?:^|[_.-]|access|refresh|auth|id|bot|bearer|csrf|xsrf|user|session)tokens?$|card_?(?:number|no)$"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_sensitive(name: str) -> bool:
    """Tell whether a field of this name is a secret whatever it holds: `password`, `X-Api-Key`, `refreshToken`."""
    return _SENSITIVE.search(_HUMP.sub("_", name[:200]).lower().replace("-", "_")) is not None


def redact_fields(value: object, key: bytes | None = None, redactor: Redactor = redact) -> object:
    """Return a copy of a JSON-like value in which nothing secret is left; the value itself is not touched.

    Under a sensitive name everything becomes `[SECRET]`, under one of the deployment's `deny_fields` `[FIELD]`,
    whatever its type, except null, booleans and empty values. Other strings, and the names of fields, go through the
    redactor. What is no JSON type becomes its redacted `str()`.
    """
    return _Fields(key, redactor).redacted(value, MAX_DEPTH)


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
            name_of = self._redactor.recurring
            return {
                name_of(str(name), self._key): self._field(str(name), inner, depth) for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.redacted(inner, depth - 1) for inner in value]
        return self._text(str(value))

    def _text(self, text: str) -> str:
        return self._redactor(text, self._key).text

    def _field(self, name: str, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        kind = "FIELD" if name.lower() in self._redactor.deny_fields else "SECRET" if is_sensitive(name) else ""
        if not kind:
            return self.redacted(value, depth - 1)
        text = value if isinstance(value, str) else repr(value)
        return text if PLACEHOLDER.fullmatch(text) else placeholder(kind, text, self._key)
