"""The vocabulary of rag: what is asked and what comes back.

`Explanation` is a plain dict on purpose: it travels through Bytewax state, which is pickled, and a class that moves
to another module would break a resume.
"""

from dataclasses import dataclass
from typing import Literal, TypedDict

Verdict = Literal["match", "related", "none"]
"""`match`: show the answer; `related`: show links only, say so; `none`: "no runbook found"."""

Source = Literal["model", "extractive", "none"]
"""Who wrote the answer: an OpenAI-compatible model, sentences quoted from a runbook, or nobody."""

Missing = Literal["knowledge_base", "model"]
"""What could not be asked; shown on the card so that a reader knows how much the answer is worth."""


@dataclass(frozen=True, slots=True)
class Query:
    """One fault to explain. `log` must already be redacted: it is embedded and may be sent to a model."""

    log: str
    """Redacted message with its stack trace, as long as it is."""
    service: str
    fingerprint: str = ""
    language: Literal["en", "ko"] = "en"


@dataclass(frozen=True, slots=True)
class Document:
    """One runbook."""

    doc_id: str
    """Stable identity, for example `own/hikari-pool` or the path below the ingested folder without `.md`."""
    title: str
    text: str
    """Markdown."""
    source: str = ""
    licence: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved document, best first in any list of hits; no document twice."""

    document: Document
    score: float
    """Larger is better. Only comparable within one search."""
    section: str
    """Heading of the section that fits best, or empty."""


@dataclass(frozen=True, slots=True)
class Found:
    """What retrieval says of one query."""

    hits: tuple[Hit, ...]
    confidence: float
    """Estimated probability that the first hit is right, 0 to 1."""
    answerable: float
    """Estimated probability that any document answers, 0 to 1."""
    verdict: Verdict


class Claim(TypedDict):
    """One statement and where it stands: `quote` occurs verbatim in the document `doc_id`."""

    text: str
    doc_id: str
    quote: str


class Citation(TypedDict):
    """A runbook that the answer leans on."""

    doc_id: str
    title: str
    section: str
    url: str


class Explanation(TypedDict):
    """The answer to one `Query`. Lists may be empty; then `verdict` or `missing` says why."""

    verdict: Verdict
    confidence: float
    source: Source
    summary: str
    causes: list[Claim]
    actions: list[Claim]
    citations: list[Citation]
    missing: list[Missing]
    model: str
    """Name of the model that wrote it; empty when `source` is not `model`."""
