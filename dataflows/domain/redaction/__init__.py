"""Redaction: which parts of a text are secrets or personal data, and marks in their place. Pure."""

from dataflows.domain.redaction.redactor import PLACEHOLDER, Redacted, Redactor, placeholder, redact

__all__ = ["PLACEHOLDER", "Redacted", "Redactor", "placeholder", "redact"]
