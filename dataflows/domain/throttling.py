"""The throttle's rules for one bucket of faults: first at once, repeats counted, one summary at window close. Pure.

State is a plain dict of plain lists, since it is pickled at every snapshot and must outlive code moves.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from dataflows.domain.alerts import MAX_PLACES, Alert, Place, Reason, Sighting
from dataflows.domain.fingerprint import FP_VERSION

FUTURE_S = 300.0
"""A record from further in the future than this is dated by its arrival: a wrong clock must not own a window. By its
arrival and not by our clock, so that a replay after a crash puts it into the same window."""

END_OF_TIME = float("inf")
"""A clock at the end of a replay: everything is due, nothing is remembered."""

CLOSED_S = 3600.0
"""How long a closed window is remembered, so that a late record of it is counted as late and told by nobody again."""

START, END, COUNT, DUE, FIRST_TS, LAST_TS, EXEMPLAR, PODS, VERSIONS, NODES = range(10)
"""Indices into the state of one fault: window end, records, when to close it, event times, first sighting, places."""

BucketState = dict[str, list[Any]]
"""Open windows by fault; the list is indexed by the constants above."""


class Decided(NamedTuple):
    """What a bucket decided: alerts to send, and how many records of the window were held as repeats."""

    alerts: list[Alert]
    held_repeat: int
    held_late: int
    """Records of a window that is closed and summed up: counted here, told by nobody, in the index like all."""
    late: int
    """Held records older than their fault's open window, which counts them."""


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
        return sum(1 for entry in self._faults.values() if entry[COUNT])

    def see(self, sightings: Iterable[Sighting], now: float) -> Decided:
        """Count records; the first of a fault's window becomes an alert."""
        alerts: list[Alert] = []
        held = held_late = late = 0
        for seen in sightings:
            ts = seen.event_ts if seen.event_ts <= seen.arrival_ts + FUTURE_S else seen.arrival_ts
            entry = self._faults.get(seen.fault)
            if entry is None or ts >= entry[END]:
                reason = Reason.FIRST if entry is None else Reason.NEW_WINDOW
                if entry is not None and entry[COUNT] > 1:
                    alerts.append(_alert(Reason.SUMMARY, seen.fault, entry))
                entry = self._open(seen, ts, now)
                alerts.append(_alert(reason, seen.fault, entry))
            elif not entry[COUNT]:
                held_late += 1
            else:
                held += 1
                late += ts < entry[START]
                entry[COUNT] += 1
                entry[FIRST_TS] = min(entry[FIRST_TS], ts)
                entry[LAST_TS] = max(entry[LAST_TS], ts)
                _note(entry, seen)
        return Decided(alerts, held, held_late, late)

    def close_due(self, now: float) -> list[Alert]:
        """Close the windows whose time has come; a window with repeats yields its summary."""
        if self.next_due is None or now < self.next_due:
            return []
        alerts = []
        for fault, entry in [(fault, entry) for fault, entry in self._faults.items() if entry[DUE] <= now]:
            if entry[COUNT] > 1:
                alerts.append(_alert(Reason.SUMMARY, fault, entry))
            if entry[COUNT] and now < END_OF_TIME:
                self._faults[fault] = [entry[START], entry[END], 0, now + CLOSED_S]
            else:
                del self._faults[fault]
        self.next_due = min((entry[DUE] for entry in self._faults.values()), default=None)
        return alerts

    def state(self) -> BucketState:
        """A copy for the snapshot."""
        return {
            fault: [list(value) if isinstance(value, list) else value for value in entry]
            for fault, entry in self._faults.items()
        }

    def _open(self, seen: Sighting, ts: float, now: float) -> list[Any]:
        start = ts - ts % self._length
        end = start + self._length
        due = now + min(max(end - ts, 0.0), self._length) + self._grace
        entry = [start, end, 1, due, ts, ts, tuple(seen), [], [], []]
        _note(entry, seen)
        self._faults[seen.fault] = entry
        self.next_due = due if self.next_due is None else min(self.next_due, due)
        return entry


def _note(entry: list[Any], seen: Sighting) -> None:
    """Remember where a fault is seen, within bounds."""
    for index, value in ((PODS, seen.pod), (VERSIONS, seen.version), (NODES, seen.node)):
        if value and len(entry[index]) < MAX_PLACES and value not in entry[index]:
            entry[index].append(value)


def _alert(reason: Reason, fault: str, entry: list[Any]) -> Alert:
    exemplar = Sighting(*entry[EXEMPLAR])
    fingerprint, _, service = fault.partition(":")
    start, end = entry[START], entry[END]
    return Alert(
        id=f"{fault}:{int(start)}+{int(end - start)}:{'first' if reason is Reason.NEW_WINDOW else reason.value}",
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
        window_end=end,
        first_seen=entry[FIRST_TS],
        last_seen=entry[LAST_TS],
        arrival_ts=exemplar.arrival_ts,
        place=Place(pods=list(entry[PODS]), versions=list(entry[VERSIONS]), nodes=list(entry[NODES])),
        explained=reason is Reason.SUMMARY,
    )
