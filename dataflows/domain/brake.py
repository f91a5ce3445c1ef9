"""The brake on dead letters: when most of what is read in a minute is rejected, the input is wrong, not the records.

A shipper that sends another format would otherwise fill the dead letters in silence, and no alert would come of it,
since a record that cannot be read is no fault of a service.
"""

from collections import Counter
from typing import Final, NamedTuple, TypedDict

from dataflows.domain.about_cali import MINUTE_S, alert_about_cali, fingerprint_of
from dataflows.domain.alerts import Alert

FINGERPRINT: Final = fingerprint_of("dlq-limit")
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
        """End the minute if `now` is past it, or before it as by a clock set back; its alert if too much was rejected.

        A record and its rejection may be counted on two sides of the edge, so the share is of whichever is more.
        """
        if self.due is None or self._minute <= now < self.due:
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
    bad = rejected.total()
    reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.most_common(3))
    text = (
        f"CALI cannot read most of its input: {bad} of {records} records ({bad * 100 // records} %) were rejected "
        f"within a minute: {reasons}. No alert can come of them. They are kept in the dead letters with their reasons. "
        "Check what the log shipper sends (its format, its compression, a new version of it); "
        "then replay the dead letters with `cali replay`."
    )
    return alert_about_cali(FINGERPRINT, _TEMPLATE, text, minute, bad)
