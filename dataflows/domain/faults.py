"""One fault with an open episode: what is remembered of it, and the alerts that are made of that. Pure."""

import msgspec

from dataflows.domain.alerts import MAX_PLACES, OPENING, Alert, Place, Reason, Sighting
from dataflows.domain.fingerprint import FP_VERSION
from dataflows.domain.rules import Subject, Verdict

MAX_TEMPLATE = 200
"""Characters of a template that are remembered: all that a fingerprint makes, so that a rule which fits the opening
fits the summaries too."""

_LEVELS = ("WARN", "ERROR", "FATAL")


class Fault(msgspec.Struct, array_like=True, gc=False):
    """One fault with an open episode. Its encoded form is recovery state: new fields go to the end, with a default."""

    start: int
    """Start of the window, event time."""
    length: int
    opened_start: int
    """Window of the opening alert, which names the episode."""
    opened_length: int
    first_ts: float
    last_ts: float
    since: float
    """Event time from which the untold records come."""
    period: int
    """Seconds between the last summary and the next."""
    next: int
    """Event time from which repeats may be told again."""
    flaps: int
    """Times that the fault came back within a day of its end."""
    level: str
    """The worst so far."""
    namespace: str
    kind: str
    coarse: str
    template: str
    types: tuple[str, ...]
    due: int = 0
    """Clock time at which the window closes, or the episode ends."""
    count: int = 0
    """Records of the window; 0: it is closed, and the fault is quiet."""
    total: int = 0
    untold: int = 0
    """Records since the fault was last told."""
    told: int = 0
    """Alerts of the episode so far."""
    limit: int = 0
    """Count above which the window is an escalation; 0: there is none, or it is told."""
    escalated: int = 0
    """The highest count that was told as an escalation, until the fault has calmed down."""
    history: tuple[int, ...] = ()
    """Counts of the past windows, quiet ones as 0."""
    pods: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """End of the window, event time."""
        return self.start + self.length

    def count_in(self, seen: Sighting, ts: float) -> None:
        """Count a record that happened at `ts`."""
        self.count += 1
        self.total += 1
        self.untold += 1
        self.first_ts = min(self.first_ts, ts)
        self.last_ts = max(self.last_ts, ts)
        if seen.level != self.level and _LEVELS.index(seen.level) > _LEVELS.index(self.level):
            self.level = seen.level
        self.pods = _with(self.pods, seen.pod)
        self.versions = _with(self.versions, seen.version)
        self.nodes = _with(self.nodes, seen.node)


def new_fault(seen: Sighting, ts: float, length: int, flaps: int) -> Fault:
    """A fault whose episode begins with this record, which is not counted yet."""
    start = int(ts - ts % length)
    return Fault(
        start=start,
        length=length,
        opened_start=start,
        opened_length=length,
        first_ts=ts,
        last_ts=ts,
        since=start,
        period=length,
        next=start + length,
        flaps=flaps,
        level=seen.level,
        namespace=seen.namespace,
        kind=seen.kind,
        coarse=seen.coarse,
        template=seen.template[:MAX_TEMPLATE],
        types=seen.types,
    )


def subject_of(seen: Sighting) -> Subject:
    """What the rules may look at of a record."""
    fingerprint, service = _names(seen.fault, seen.namespace)
    return Subject(fingerprint, service, seen.namespace, seen.level, seen.types, seen.template)


def subject_of_fault(fault: str, entry: Fault) -> Subject:
    """The same of a fault."""
    fingerprint, service = _names(fault, entry.namespace)
    return Subject(fingerprint, service, entry.namespace, entry.level, entry.types, entry.template)


def tell(  # noqa: PLR0913 - what the reasons differ in
    fault: str,
    entry: Fault,
    reason: Reason,
    verdict: Verdict,
    *,
    seen: Sighting | None = None,
    absent_s: float = 0.0,
    usual: float = 0.0,
) -> Alert:
    """Make the alert, and note that everything up to here is told."""
    fingerprint, service = _names(fault, entry.namespace)
    opens = reason in OPENING
    alert = Alert(
        id=f"{fault}:{entry.start}+{entry.length}:{Reason.FIRST if opens else reason}",
        opening=f"{fault}:{entry.opened_start}+{entry.opened_length}:{Reason.FIRST}",
        reason=reason.value,
        held="",
        fingerprint=fingerprint,
        coarse=entry.coarse,
        fp_version=FP_VERSION,
        service=service,
        namespace=entry.namespace,
        team=verdict.team,
        level=entry.level,
        severity=verdict.severity,
        kind=entry.kind,
        types=list(entry.types),
        template=seen.template if seen else entry.template,
        text=seen.text if seen else "",
        record_id=seen.record_id if seen else "",
        trace_id=seen.trace_id if seen else "",
        request_id=seen.request_id if seen else "",
        count=entry.count if reason is Reason.ESCALATED else entry.untold,
        total=entry.total,
        told=entry.told,
        window_start=float(entry.start) if reason is Reason.ESCALATED else entry.since,
        window_end=entry.last_ts if reason is Reason.ESCALATED else float(entry.end),
        first_seen=entry.first_ts,
        last_seen=entry.last_ts,
        arrival_ts=seen.arrival_ts if seen else 0.0,
        absent_s=absent_s,
        usual=usual,
        place=Place(pods=list(entry.pods), versions=list(entry.versions), nodes=list(entry.nodes)),
        started_with="",
        channel=verdict.channel,
        mention=verdict.mention,
        parent="",
        follows="",
        lines=[],
        explained=not opens,
    )
    entry.told += 1
    entry.untold = 0
    entry.since = entry.last_ts
    return alert


def _names(fault: str, namespace: str) -> tuple[str, str]:
    """Fingerprint and service of what `fault_of` made."""
    fingerprint, _, place = fault.partition(":")
    return fingerprint, place.removesuffix(f"@{namespace}") if namespace else place


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if not name or name in names or len(names) >= MAX_PLACES else (*names, name)
