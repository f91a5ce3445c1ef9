"""The vocabulary of rag: what is asked and what comes back.

`Explanation` is a plain dict on purpose: it travels through Bytewax state, which is pickled, and a class that moves
to another module would break a resume.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NotRequired, TypedDict

Verdict = Literal["match", "related", "none"]
"""`match`: show the answer; `related`: show links only, say so; `none`: "no runbook found"."""

Source = Literal["model", "extractive", "none"]
"""Who wrote the answer: an OpenAI-compatible model, sentences quoted from a runbook, or nobody."""

Missing = Literal["knowledge_base", "model"]
"""What could not be asked; shown on the card so that a reader knows how much the answer is worth."""


RungName = Literal["cached", "model", "extractive", "plain"]
"""Ways to answer, the best first: asked before, asked now, quoted from a runbook, links or nothing."""


class Why(StrEnum):
    """Why a rung of the ladder answered or did not: the same word is in the history and chooses the text on a card."""

    USED = "used"
    """It answered."""
    NOT_ASKED_BEFORE = "not_asked_before"
    NOT_CONFIGURED = "not_configured"
    NO_RUNBOOK = "no_runbook"
    """No runbook matches well enough to be the answer."""
    KNOWLEDGE_BASE_DOWN = "knowledge_base_down"
    BUDGET_HOUR_TOKENS = "budget_hour_tokens"
    BUDGET_DAY_TOKENS = "budget_day_tokens"
    BUDGET_HOUR_USD = "budget_hour_usd"
    BUDGET_DAY_USD = "budget_day_usd"
    BUDGET_UNKNOWN = "budget_unknown"
    """What was spent cannot be read or written, so nothing more is."""
    BREAKER_OPEN = "breaker_open"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    DECLINED = "declined"
    UNVERIFIED = "unverified"
    """Nothing of its answer stands in a runbook."""
    INCONCLUSIVE = "inconclusive"
    """The model found that no runbook fits."""
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Query:
    """One fault to explain. `log` must already be redacted: it is embedded and may be sent to a model."""

    log: str
    """Redacted message with its stack trace, as long as it is."""
    service: str
    fingerprint: str = ""
    language: Literal["en", "ko"] = "en"
    severity: str = ""
    """By the rules: `critical`, `error`, `warning` or `info`; empty if nobody gave one. An answer moves it one step."""


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


Risk = Literal["read_only", "reversible", "dangerous"]
"""What an action may do to a running system, judged in code: a model can only raise it."""


class Claim(TypedDict):
    """One statement and where it stands: `quote` is a slice of the document `doc_id`."""

    text: str
    doc_id: str
    quote: str
    section: NotRequired[str]
    """Heading of the section that the quotation stands in; empty where there is none."""
    kind: NotRequired[str]
    """Of an action: `check` or `fix`, by its section; empty where the section does not say."""
    risk: NotRequired[str]
    """Of an action: a `Risk`."""


class Citation(TypedDict):
    """A runbook that the answer leans on."""

    doc_id: str
    title: str
    section: str
    url: str


class Rung(TypedDict):
    """One rung of the ladder that was tried."""

    rung: RungName
    reason: str
    """A `Why`."""


class Cost(TypedDict):
    """What one question took. All 0 where no model was asked now, or where its server does not tell."""

    usd: float
    """By the prices of the settings; 0 without them."""
    prompt_tokens: int
    completion_tokens: int


class Similar(TypedDict):
    """A past incident that looks like the fault; shown apart from what runbooks say."""

    fingerprint: str
    service: str
    last_seen: float
    """Seconds since the epoch."""
    count: int
    resolution: str
    """What people said of its end; empty if nobody did."""
    summary: str
    score: float


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
    cached: NotRequired[bool]
    """Whether it was asked before: nothing was paid now."""
    ladder: NotRequired[list[Rung]]
    """What was tried, in order; the last one answered (`used`)."""
    cost: NotRequired[Cost]
    similar: NotRequired[list[Similar]]
    """Best first."""
    severity: NotRequired[str]
    """As `Query.severity`, moved by the model by one step at most; empty or absent: nobody judged."""
