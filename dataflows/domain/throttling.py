"""The throttle's rules for one bucket of faults: first at once, repeats counted, one summary at window close. Pure.

State is a plain dict of plain lists, since it is pickled at every snapshot and must outlive code moves.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from dataflows.domain.alerts import MAX_PLACES, Alert, Place, Reason, Sighting
from dataflows.domain.fingerprint import FP_VERSION

FUTURE_S = 300.0
"""A record from further in the future than this is dated now: a wrong clock must not own a window."""

END, COUNT, DUE, FIRST_TS, LAST_TS, EXEMPLAR, PODS, VERSIONS, NODES = range(9)
"""Indices into the state of one fault: window end, records, when to close it, event times, first sighting, places."""

BucketState = dict[str, list[Any]]
"""Open windows by fault; the list is indexed by the constants above."""


class Decided(NamedTuple):
    """What a bucket decided: alerts to send, and how many records of the window were held as repeats."""

    alerts: list[Alert]
    held_repeat: int
    late: int
    """Held records whose window had closed before: counted into the open window, never reopening the old one."""


class Bucket:
    """The faults of one bucket with an open window.

    A window is tumbling: it starts at a multiple of its length in event time. It closes on the injected clock, so
    that it closes without further records.
    """

    def __init__(self, state: BucketState | None, length_s: float, grace_s: float) -> None:
        self._length = length_s
        self._grace = grace_s
        self._faults: BucketState = {fault: list(entry) for fault, entry in (state or {}).items()}
        self.next_due = min((entry[DUE] for entry in self._faults.values()), default=None)

    def __len__(self) -> int:
        """Faults with an open window."""
        return len(self._faults)

    def see(self, sightings: Iterable[Sighting], now: float) -> Decided:
        """Count records; the first of a fault's window becomes an alert."""
        alerts: list[Alert] = []
        held = late = 0
        for seen in sightings:
            ts = seen.event_ts if seen.event_ts <= now + FUTURE_S else now
            entry = self._faults.get(seen.fault)
            if entry is None or ts >= entry[END]:
                reason = Reason.FIRST if entry is None else Reason.NEW_WINDOW
                if entry is not None and entry[COUNT] > 1:
                    alerts.append(self._summary(seen.fault, entry))
                entry = self._open(seen, ts, now)
                alerts.append(_alert(reason, seen.fault, entry, self._length))
            else:
                held += 1
                late += ts < entry[END] - self._length
                entry[COUNT] += 1
                entry[FIRST_TS] = min(entry[FIRST_TS], ts)
                entry[LAST_TS] = max(entry[LAST_TS], ts)
                _note(entry, seen)
        return Decided(alerts, held, late)

    def close_due(self, now: float) -> list[Alert]:
        """Close the windows whose time has come; a window with repeats yields its summary."""
        if self.next_due is None or now < self.next_due:
            return []
        due = [fault for fault, entry in self._faults.items() if entry[DUE] <= now]
        alerts = [self._summary(fault, self._faults[fault]) for fault in due if self._faults[fault][COUNT] > 1]
        for fault in due:
            del self._faults[fault]
        self.next_due = min((entry[DUE] for entry in self._faults.values()), default=None)
        return alerts

    def state(self) -> BucketState:
        """A copy for the snapshot."""
        return {
            fault: [*entry[:PODS], list(entry[PODS]), list(entry[VERSIONS]), list(entry[NODES])]
            for fault, entry in self._faults.items()
        }

    def _open(self, seen: Sighting, ts: float, now: float) -> list[Any]:
        end = ts - ts % self._length + self._length
        due = now + min(max(end - ts, 0.0), self._length) + self._grace
        entry = [end, 1, due, ts, ts, tuple(seen), [], [], []]
        _note(entry, seen)
        self._faults[seen.fault] = entry
        self.next_due = due if self.next_due is None else min(self.next_due, due)
        return entry

    def _summary(self, fault: str, entry: list[Any]) -> Alert:
        return _alert(Reason.SUMMARY, fault, entry, self._length)


def _note(entry: list[Any], seen: Sighting) -> None:
    """Remember where a fault is seen, within bounds."""
    for index, value in ((PODS, seen.pod), (VERSIONS, seen.version), (NODES, seen.node)):
        if value and len(entry[index]) < MAX_PLACES and value not in entry[index]:
            entry[index].append(value)


def _alert(reason: Reason, fault: str, entry: list[Any], length_s: float) -> Alert:
    exemplar = Sighting(*entry[EXEMPLAR])
    fingerprint, _, service = fault.partition(":")
    start = entry[END] - length_s
    return Alert(
        id=f"{fault}:{int(start)}:{'first' if reason is Reason.NEW_WINDOW else reason.value}",
        reason=reason.value,
        fingerprint=fingerprint,
        coarse=exemplar.coarse,
        fp_version=FP_VERSION,
        service=service,
        level=exemplar.level,
        kind=exemplar.kind,
        types=list(exemplar.types),
        template=exemplar.template,
        text=exemplar.text,
        record_id=exemplar.record_id,
        trace_id=exemplar.trace_id,
        count=entry[COUNT],
        window_start=start,
        window_end=entry[END],
        first_seen=entry[FIRST_TS],
        last_seen=entry[LAST_TS],
        arrival_ts=exemplar.arrival_ts,
        place=Place(pods=list(entry[PODS]), versions=list(entry[VERSIONS]), nodes=list(entry[NODES])),
        explained=reason is Reason.SUMMARY,
    )
