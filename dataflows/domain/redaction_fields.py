"""Redaction of nested fields: a parsed log record, a JSON document."""

import re
from collections.abc import Mapping
from typing import Final

from dataflows.domain.redaction import PLACEHOLDER, placeholder, redact

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


def redact_fields(value: object, key: bytes | None = None) -> object:
    """Return a copy of a JSON-like value in which nothing secret is left; the value itself is not touched.

    Under a sensitive name everything becomes `[SECRET]`, whatever its type, except null, booleans and empty values.
    Other strings, and the names of fields, go through `redact`. What is no JSON type becomes its redacted `str()`.
    """
    return _redacted(value, key, MAX_DEPTH)


def _redacted(value: object, key: bytes | None, depth: int) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        text = str(value)
        seen = redact(text, key).text
        return value if seen == text else seen
    if depth == 0 and isinstance(value, Mapping | list | tuple):
        return "[DEEP]"
    if isinstance(value, Mapping):
        return {redact(str(name), key).text: _field(str(name), inner, key, depth) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner, key, depth - 1) for inner in value]
    return redact(str(value), key).text


def _field(name: str, value: object, key: bytes | None, depth: int) -> object:
    if value is None or isinstance(value, bool) or value in ("", [], {}) or not is_sensitive(name):
        return _redacted(value, key, depth - 1)
    text = value if isinstance(value, str) else repr(value)
    return text if PLACEHOLDER.fullmatch(text) else placeholder("SECRET", text, key)
