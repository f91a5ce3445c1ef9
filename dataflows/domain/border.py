"""The last look at what leaves: every text, name and number of an outbound body is redacted once more."""

from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction.fields import distinct


def masked(body: object, redactor: Redactor, key: bytes | None = None) -> tuple[object, tuple[str, ...]]:
    """Return a JSON-like body in which nothing holds a secret, and the classes that were found, each once.

    Whole numbers are read as text: one that is a card or a resident number becomes a mark. Nothing should ever be
    found: what arrives here was redacted in triage, and redaction is idempotent. A body without a find is returned as
    it is, not as a copy.
    """
    found: dict[str, None] = {}
    clean = _masked(body, redactor, key, found)
    return (clean if found else body), tuple(found)


def _masked(value: object, redactor: Redactor, key: bytes | None, found: dict[str, None]) -> object:
    if isinstance(value, str):
        return _text(value, redactor, key, found)
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
        clean = _text(text, redactor, key, found)
        return value if clean == text else clean
    if isinstance(value, dict):
        out: dict[str, object] = {}
        seen: dict[str, int] = {}
        for name, inner in value.items():
            out[distinct(_text(str(name), redactor, key, found), out, seen)] = _masked(inner, redactor, key, found)
        return out
    if isinstance(value, list | tuple):
        return [_masked(inner, redactor, key, found) for inner in value]
    return value


def _text(text: str, redactor: Redactor, key: bytes | None, found: dict[str, None]) -> str:
    clean = redactor(text, key)
    found.update(dict.fromkeys(clean.found))
    return clean.text
