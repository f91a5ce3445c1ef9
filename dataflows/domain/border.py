"""The last look at what leaves: every text of an outbound body is redacted once more."""

from dataflows.domain.redaction import Redactor


def masked(body: object, redactor: Redactor, key: bytes | None = None) -> tuple[object, tuple[str, ...]]:
    """Return a JSON-like body in which no text holds a secret, and the classes that were found, each once.

    Names of fields are our own and stay. Nothing should ever be found: what arrives here was redacted in triage, and
    redaction is idempotent. A body without a find is returned as it is, not as a copy.
    """
    found: dict[str, None] = {}
    clean = _masked(body, redactor, key, found)
    return (clean if found else body), tuple(found)


def _masked(value: object, redactor: Redactor, key: bytes | None, found: dict[str, None]) -> object:
    if isinstance(value, str):
        clean = redactor(value, key)
        found.update(dict.fromkeys(clean.found))
        return clean.text
    if isinstance(value, dict):
        return {name: _masked(inner, redactor, key, found) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, redactor, key, found) for inner in value]
    return value
