"""The brake on dead letters: when most of what is read in a minute is rejected, the input is wrong, not the records.

A shipper that sends another format would otherwise fill the dead letters in silence, and no alert would come of it,
since a record that cannot be read is no fault of a service.
"""

from collections import Counter
from hashlib import blake2b
from typing import Final, NamedTuple, TypedDict

from dataflows.domain.alerts import Alert, Reason
from dataflows.domain.fingerprint import FP_VERSION

MINUTE_S: Final = 60
SERVICE: Final = "cali"
FINGERPRINT: Final = blake2b(b"cali:dlq-limit", digest_size=8).hexdigest()
"""Looks like any other, is the same for ever, and is that of no log."""
_TEMPLATE: Final = "CALI cannot read most of its input: <*> of <*> records rejected"


class DlqLimit(NamedTuple):
    """What is too much."""

    share: float = 0.5
    """Of a minute's records, above 0, at most 1: rejected ones at or above it are told."""
    minimum: int = 100
    """Rejected records in the minute, at least: a quiet stream with one bad line is no alarm."""


class BrakeState(TypedDict):
    """Recovery state, plain data: the minute that is being counted."""

    minute: int
    """Its start, seconds since the epoch."""
    records: int
    rejected: dict[str, int]
    """Records by the reason that they were rejected for."""


class Brake:
    """Counts minute by minute on the clock of whoever calls; never more than one alert for a minute."""

    def __init__(self, state: BrakeState | None, limit: DlqLimit) -> None:
        self._limit = limit
        self._minute = state["minute"] if state else 0
        self._records = state["records"] if state else 0
        self._rejected = Counter(state["rejected"] if state else {})

    @property
    def due(self) -> float | None:
        """When the minute is over, seconds since the epoch; None while nothing is counted."""
        return self._minute + MINUTE_S if self._records or self._rejected else None

    def see(self, now: float, records: int, rejected: dict[str, int]) -> Alert | None:
        """Count records that were read and those that were rejected, in any order; the alert of an earlier minute."""
        alert = self.close(now)
        if self.due is None:
            self._minute = int(now // MINUTE_S) * MINUTE_S
        self._records += records
        self._rejected.update(rejected)
        return alert

    def close(self, now: float) -> Alert | None:
        """End the minute if `now` is past it; its alert if too much was rejected.

        A record and its rejection may be counted on two sides of the edge, so the share is of whichever is more.
        """
        if self.due is None or now < self.due:
            return None
        records, rejected, minute = self._records, self._rejected, self._minute
        self._records, self._rejected = 0, Counter()
        bad = rejected.total()
        if bad < self._limit.minimum or bad < self._limit.share * max(records, bad):
            return None
        return _alert(minute, max(records, bad), rejected)

    def state(self) -> BrakeState:
        """A copy."""
        return BrakeState(minute=self._minute, records=self._records, rejected=dict(self._rejected))


def _alert(minute: int, records: int, rejected: Counter[str]) -> Alert:
    """The alert of one minute: its id is made of the minute, so that a replay makes the same one again."""
    bad = rejected.total()
    reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.most_common(3))
    name = f"{FINGERPRINT}:{SERVICE}:{minute}+{MINUTE_S}:{Reason.FIRST}"
    text = (
        f"CALI cannot read most of its input: {bad} of {records} records ({bad * 100 // records} %) were rejected "
        f"within a minute: {reasons}. No alert can come of them. They are kept in the dead letters with their reasons. "
        "Check what the log shipper sends (its format, its compression, a new version of it); "
        "then replay the dead letters with `cali replay`."
    )
    return Alert(
        id=name,
        opening=name,
        reason=Reason.FIRST.value,
        held="",
        fingerprint=FINGERPRINT,
        coarse=FINGERPRINT,
        fp_version=FP_VERSION,
        service=SERVICE,
        namespace="",
        team="",
        level="FATAL",
        severity="critical",
        kind="message",
        types=[],
        template=_TEMPLATE,
        text=text,
        record_id="",
        trace_id="",
        request_id="",
        count=bad,
        total=bad,
        told=0,
        window_start=float(minute),
        window_end=float(minute + MINUTE_S),
        first_seen=float(minute),
        last_seen=float(minute + MINUTE_S),
        arrival_ts=0.0,
        absent_s=0.0,
        usual=0.0,
        place={"pods": [], "versions": [], "nodes": []},
        started_with="",
        channel="",
        mention="",
        parent="",
        follows="",
        lines=[],
        explained=False,
    )
