"""What travels after triage: a `Sighting` of a fault, then an `Alert` about it, then what became of the alert.

`Alert` is a plain dict on purpose: it lives in Bytewax state, which is pickled, and a class that moves to another
module would break a resume.
"""

from enum import StrEnum
from typing import Literal, NamedTuple, NotRequired, TypedDict


class Sighting(NamedTuple):
    """One alarming record, reduced to what the throttle needs. Everything in it is redacted."""

    fault: str
    """Identity of the fault: `<fingerprint>:<service>`."""
    event_ts: float
    """When the record says it happened, seconds since the epoch."""
    arrival_ts: float
    """When Kinesis accepted it, seconds since the epoch."""
    level: str
    """`WARN`, `ERROR` or `FATAL`."""
    pod: str
    version: str
    node: str
    trace_id: str
    record_id: str
    """`<shard>-<sequence>-<sub>`: also the document id in the search index."""
    kind: Literal["trace", "message"]
    types: tuple[str, ...]
    """Exception types, outermost first."""
    coarse: str
    template: str
    """The message with its variable parts replaced, for people."""
    text: str
    """The redacted message with its trace, capped."""


class Reason(StrEnum):
    """Why the throttle decided as it did: the same word is log field, metric label and document field."""

    FIRST = "first"
    NEW_WINDOW = "new_window"
    SUMMARY = "summary"
    HELD_REPEAT = "held_repeat"
    HELD_LATE = "held_late"


class Place(TypedDict):
    """Where a fault was seen: at most `MAX_PLACES` of each, in order of appearance."""

    pods: list[str]
    versions: list[str]
    nodes: list[str]


MAX_PLACES = 10
"""Bound on each list of a `Place`: state stays small, and a reader scans no further."""


class ExplanationView(TypedDict):
    """What `rag` answered, as a plain dict (the same shape as `rag.models.Explanation`; the domain imports no rag)."""

    verdict: str
    confidence: float
    source: str
    summary: str
    causes: list[dict[str, str]]
    actions: list[dict[str, str]]
    citations: list[dict[str, str]]
    missing: list[str]
    model: str


class Alert(TypedDict):
    """One thing worth saying about one fault. `id` is deterministic: a replay makes the same alert again."""

    id: str
    """`<fingerprint>:<service>:<window start, epoch seconds>+<its length, seconds>:<first or summary>`."""
    reason: str
    """A `Reason`."""
    fingerprint: str
    coarse: str
    fp_version: int
    service: str
    level: str
    kind: str
    types: list[str]
    template: str
    text: str
    """Redacted exemplar: message and trace."""
    record_id: str
    trace_id: str
    count: int
    """Records of this window so far: 1 in a first alert, all of them in a summary."""
    window_start: float
    window_end: float
    first_seen: float
    last_seen: float
    arrival_ts: float
    """When Kinesis accepted the record that caused the alert: latency is measured from here."""
    place: Place
    explained: bool
    """False at first; True in the second event, once `explanation` holds all that will be known."""
    explanation: NotRequired[ExplanationView]


class Delivery(TypedDict):
    """What became of an alert."""

    alert: Alert
    status: str
    """`waiting`, `sent` or `dead` (refused for good, or tried too often)."""
    channel: str
    sent_ts: float
    attempts: int
    detail: str
