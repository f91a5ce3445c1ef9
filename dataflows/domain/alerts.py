"""What travels after triage: a `Sighting` of a fault, then an `Alert` about it, then what became of the alert.

`Alert` is a plain dict on purpose: it lives in Bytewax state, which is pickled, and a class that moves to another
module would break a resume.
"""

from enum import StrEnum
from typing import Literal, NamedTuple, NotRequired, TypedDict


def fault_of(fingerprint: str, service: str, namespace: str) -> str:
    """The identity of a fault: `<fingerprint>:<service>@<namespace>`, without the last for a record of no namespace.

    Staging must not keep production quiet: both often run in one cluster and share its stream.
    """
    return f"{fingerprint}:{service}@{namespace}" if namespace else f"{fingerprint}:{service}"


class Sighting(NamedTuple):
    """One alarming record, reduced to what the throttle needs. Everything in it is redacted."""

    fault: str
    """Identity of the fault, as `fault_of` makes it: the same error in another namespace is another fault."""
    event_ts: float
    """When the record says it happened, seconds since the epoch."""
    arrival_ts: float
    """When Kinesis accepted it, seconds since the epoch."""
    level: str
    """`WARN`, `ERROR` or `FATAL`."""
    namespace: str
    """Kubernetes namespace; empty if the record has none."""
    pod: str
    version: str
    node: str
    trace_id: str
    request_id: str
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
    """Why it was decided as it was: the same word is log field, metric label and document field.

    An alert has one of the first group; a record or an alert that was not told by itself has one of the second.
    """

    FIRST = "first"
    """A fault that is not known."""
    NEW_WINDOW = "new_window"
    """A known fault in a later window, and enough time has passed since it was last told."""
    REGRESSED = "regressed"
    """A resolved fault is back."""
    ESCALATED = "escalated"
    """Far more records than in the fault's own past windows."""
    SUMMARY = "summary"
    """What came since it was last told, at the close of a window."""
    RESOLVED = "resolved"
    """Quiet for long enough."""
    DIGEST = "digest"
    """Several alerts in one message; each is named in it."""

    HELD_REPEAT = "held_repeat"
    """A record of a fault that is told already: counted, and in the next summary."""
    HELD_LATE = "held_late"
    """A record of a window that is closed and told."""
    HELD_FILTERED = "held_filtered"
    """A rule says that nobody is told."""
    HELD_SILENCED = "held_silenced"
    """A silence covers the alert."""
    HELD_STORM = "held_storm"
    """The channel has had its messages of this minute: a line of the next digest."""
    HELD_CASCADE = "held_cascade"
    """It follows from another fault: told in that one's thread, or as a line of the next digest."""
    HELD_QUIET = "held_quiet"
    """The end of a fault that was told once: nobody waits for it."""


OPENING = frozenset({Reason.FIRST, Reason.NEW_WINDOW, Reason.REGRESSED})
"""Reasons that open an episode of a fault: they have a card of their own, and an analysis."""


NEWS = OPENING | {Reason.ESCALATED}
"""Reasons that are worth a message of their own at once, and a mention."""


class Place(TypedDict):
    """Where a fault was seen: at most `MAX_PLACES` of each, in order of appearance."""

    pods: list[str]
    versions: list[str]
    nodes: list[str]


MAX_PLACES = 5
"""Bound on each list of a `Place`: state stays small, and a reader scans no further. A full list may stand for more."""


class SimilarView(TypedDict):
    """A past incident that looks like this one (the same shape as `rag.models.Similar`)."""

    fingerprint: str
    service: str
    last_seen: float
    count: int
    resolution: str
    summary: str
    score: float


class ExplanationView(TypedDict):
    """What `rag` answered, as a plain dict (the same shape as `rag.models.Explanation`; the domain imports no rag).

    What is not required is absent in the state of older releases.
    """

    verdict: str
    confidence: float
    source: str
    summary: str
    causes: list[dict[str, str]]
    actions: list[dict[str, str]]
    citations: list[dict[str, str]]
    missing: list[str]
    model: str
    cached: NotRequired[bool]
    ladder: NotRequired[list[dict[str, str]]]
    cost: NotRequired[dict[str, float]]
    similar: NotRequired[list[SimilarView]]
    severity: NotRequired[str]


class DigestLine(TypedDict):
    """One alert as a line of a digest."""

    id: str
    """Of the alert that the line stands for."""
    opening: str
    reason: str
    fingerprint: str
    service: str
    level: str
    severity: str
    template: str
    count: int
    total: int


class Alert(TypedDict):
    """One thing worth saying about one fault. `id` is deterministic: a replay makes the same alert again."""

    id: str
    """`<fault>:<window start, epoch seconds>+<its length, seconds>:<what>` (see `fault_of`), where what is `first` for
    every opening, else the reason. A digest: `digest:<channel>:<hash of the ids in it>`."""
    opening: str
    """Id of the alert that opened this episode of the fault: its card. Equal to `id` for an opening."""
    reason: str
    """A `Reason` of the first group."""
    held: str
    """Empty, or the held `Reason` for which this alert is no message of its own."""
    fingerprint: str
    coarse: str
    fp_version: int
    service: str
    namespace: str
    team: str
    """By the rules; empty if none fits."""
    level: str
    severity: str
    """A `dataflows.domain.rules.Severity`."""
    kind: str
    types: list[str]
    template: str
    text: str
    """Redacted exemplar: message and trace. Only in an opening and an escalation, else empty."""
    record_id: str
    trace_id: str
    request_id: str
    count: int
    """Records since the fault was last told, this one included; of an escalation those of the window so far."""
    total: int
    """Records of the episode so far."""
    told: int
    """Alerts of the episode before this one."""
    window_start: float
    """Seconds since the epoch: the start of what the alert covers."""
    window_end: float
    first_seen: float
    """Event time of the first record of the episode."""
    last_seen: float
    arrival_ts: float
    """When Kinesis accepted the record that caused the alert: latency is measured from here. 0: no record did."""
    absent_s: float
    """Of a regression: seconds between the last record before and the first one now. Else 0."""
    usual: float
    """Of an escalation: median count of the fault's past windows. Else 0."""
    place: Place
    started_with: str
    """Version that all records carry and that appeared shortly before; empty if there is no such version."""
    channel: str
    """Where it goes, by the rules; empty: the default channel."""
    mention: str
    """Whom to notify, by the rules: empty, `here`, `channel`, the id of a user (`U...`, `W...`) or group (`S...`)."""
    parent: str
    """Opening of the fault that this one follows from (they share trace or request ids); empty if there is none."""
    follows: str
    """`<service>: <template>` of that fault, for people."""
    lines: list[DigestLine]
    """Of a digest: the alerts in it. Else empty."""
    explained: bool
    """False at first; True in the second event, once `explanation` holds all that will be known."""
    explanation: NotRequired[ExplanationView]


class Delivery(TypedDict):
    """What became of an alert."""

    alert: Alert
    status: str
    """`waiting`, `sent`, `held` (see the alert's `held`) or `dead` (refused for good, or tried too often)."""
    channel: str
    sent_ts: float
    attempts: int
    detail: str
