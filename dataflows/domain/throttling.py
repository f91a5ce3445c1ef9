"""The throttle's rules for one bucket of faults: what is told of a fault over its life, and what is only counted. Pure.

A fault lives in episodes. An episode opens with an alert at once; repeats are counted in tumbling windows; a summary
tells what came since, first at the close of the window and then ever more rarely; a window far above the fault's own
past is told at once; and when it has been quiet for long enough the episode ends, and is remembered.
"""

import heapq
import math
from collections.abc import Iterable
from statistics import median
from typing import NamedTuple, Protocol, TypedDict

import msgspec

from dataflows.domain.alerts import Alert, Reason, Sighting
from dataflows.domain.escalation import MAX_WINDOWS, limit
from dataflows.domain.faults import Fault, new_fault, subject_of, subject_of_fault, tell
from dataflows.domain.rules import Subject, Verdict

FUTURE_S = 300.0
"""A record from further in the future than this is dated by its arrival: a wrong clock must not own a window. By its
arrival and not by our clock, so that a replay after a crash puts it into the same window."""

END_OF_TIME = float("inf")
"""A clock at the end of a replay: everything is due."""

RESUME_S = 60.0
"""After a restart nothing is closed for so long: the records of the time between are still to be read. Our choice: a
page reads an hour of a busy shard in less."""

FORGIVE_S = 86_400.0
"""A fault that was away for a day starts without the flaps that it had before. Our choice."""


class Policy(NamedTuple):
    """How the throttle behaves; seconds where not said otherwise."""

    length_s: float
    """Length of a window; a rule may set another."""
    grace_s: float
    """How long after its end a window waits for stragglers."""
    resolve_s: float
    """How long a fault must be quiet to be over; doubled for each time that it came back within a day."""
    max_repeat_s: float
    """Longest time between two summaries of a fault that goes on, and longest quiet that is asked for."""
    past_s: float
    """A record that is older on arrival is dated by its arrival."""
    remember_s: float
    """How long a resolved fault is remembered."""
    max_live: int
    """Faults of an open episode in one bucket; beyond, the one that is due next is cut short."""
    max_gone: int
    """Resolved faults that are remembered in one bucket."""


class Judge(Protocol):
    """What the rules say of a fault."""

    @property
    def version(self) -> str:
        """Empty: there are no rules, and everything is told."""
        ...

    def judge(self, subject: Subject) -> Verdict:
        """Whether it is told, and how."""
        ...


Gone = tuple[int, int, int]
"""A resolved fault: event time of its last record, end of its last window, times that it came back."""


class BucketState(TypedDict):
    """Recovery state of a bucket, plain data."""

    live: dict[str, bytes]
    """Encoded `Fault` by identity."""
    gone: dict[str, Gone]


class Decided(NamedTuple):
    """What a bucket decided: alerts, and how many records were only counted, by reason."""

    alerts: list[Alert]
    held_repeat: int = 0
    held_late: int = 0
    held_filtered: int = 0
    late: int = 0
    """Held repeats older than their fault's open window, which counts them."""
    evicted: int = 0
    """Episodes cut short, and resolved faults forgotten, because there were too many."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Fault).decode


class Bucket:
    """The faults of one bucket.

    A window is tumbling: it starts at a multiple of its length in event time. It closes on the injected clock, so
    that it closes without further records. Ids and whether a repeat is due depend on event times only, so that a
    replay after a crash makes the same alerts.
    """

    def __init__(self, state: BucketState | None, policy: Policy, now: float = 0.0) -> None:
        """Resume at `now`, clock seconds: what was due while nobody looked waits for the backlog to be read."""
        self._policy = policy
        self._live = {fault: _decode(entry) for fault, entry in state["live"].items()} if state else {}
        self._gone: dict[str, Gone] = dict(state["gone"]) if state else {}
        self._encoded: dict[str, bytes] = dict(state["live"]) if state else {}
        self._changed: set[str] = set()
        self._admitted: dict[str, tuple[tuple[str, str, str, str], bool]] = {}
        for entry in self._live.values() if now else ():
            furthest = now + entry.length + policy.grace_s + self._quiet(entry)  # unless the clock was set back
            entry.due = max(min(entry.due, math.ceil(furthest)), math.ceil(now + RESUME_S))
        self._dues = [(entry.due, fault) for fault, entry in self._live.items()]
        heapq.heapify(self._dues)
        self._evicted = 0

    def __len__(self) -> int:
        """Faults with an open episode."""
        return len(self._live)

    @property
    def next_due(self) -> float | None:
        """Clock time at which `close_due` has something to do."""
        while self._dues:
            due, fault = self._dues[0]
            if (entry := self._live.get(fault)) is not None and entry.due == due:
                return due
            heapq.heappop(self._dues)
        return None

    def see(self, sightings: Iterable[Sighting], now: float, rules: Judge) -> Decided:
        """Count records; what is worth telling becomes an alert."""
        turn = _Turn(now, rules, [])
        held = held_late = filtered = late = 0
        for seen in sightings:
            if rules.version and not self._admits(seen, rules):
                filtered += 1
                continue
            ts = self._event_time(seen)
            entry = self._live.get(seen.fault)
            if entry is None:
                held_late += not self._begin(seen, ts, turn)
            elif ts >= entry.end:
                held += self._next_window(entry, seen, ts, turn)
            elif not entry.count:
                held_late += 1
            else:
                held += 1
                late += ts < entry.start
                self._changed.add(seen.fault)
                entry.count_in(seen, ts)
                if entry.limit and entry.count > entry.limit:
                    turn.alerts.append(_escalate(entry, seen, rules.judge(subject_of(seen))))
        evicted, self._evicted = self._evicted, 0
        return Decided(turn.alerts, held, held_late, filtered, late, evicted)

    def close_due(self, now: float, rules: Judge) -> Decided:
        """Close the windows and end the episodes whose time has come."""
        turn = _Turn(now, rules, [])
        while (due := self.next_due) is not None and due <= now:
            _, fault = heapq.heappop(self._dues)
            entry = self._live[fault]
            self._changed.add(fault)
            if entry.count:
                self._close(fault, entry, turn)
                entry.due = math.ceil(now + self._quiet(entry)) if now < END_OF_TIME else entry.due
                self._push(fault, entry)
            if not entry.count and entry.due <= now:
                self._end(fault, entry, turn)
        self._forget(now)
        evicted, self._evicted = self._evicted, 0
        return Decided(turn.alerts, evicted=evicted)

    def state(self) -> BucketState:
        """A copy for the snapshot. Only what has changed since the last one is encoded anew."""
        for fault in self._changed:
            if (entry := self._live.get(fault)) is not None:
                self._encoded[fault] = _encode(entry)
            else:
                self._encoded.pop(fault, None)
        self._changed.clear()
        return BucketState(live=self._encoded.copy(), gone=self._gone.copy())

    def _admits(self, seen: Sighting, rules: Judge) -> bool:
        """Ask the rules once for a fault as long as it looks the same: repeats are the hot path."""
        looks = (rules.version, seen.level, seen.namespace, seen.template)
        known = self._admitted.get(seen.fault)
        if known is not None and known[0] == looks:
            return known[1]
        if len(self._admitted) > 2 * self._policy.max_live:
            self._admitted.clear()
        admitted = rules.judge(subject_of(seen)).admitted
        self._admitted[seen.fault] = (looks, admitted)
        return admitted

    def _event_time(self, seen: Sighting) -> float:
        ts = seen.event_ts
        return ts if seen.arrival_ts - self._policy.past_s <= ts <= seen.arrival_ts + FUTURE_S else seen.arrival_ts

    def _begin(self, seen: Sighting, ts: float, turn: "_Turn") -> bool:
        """Open an episode; False if the record belongs to one that is over."""
        before = self._gone.get(seen.fault)
        if before is not None and ts < before[1]:
            return False
        while len(self._live) >= self._policy.max_live:
            self._evict(turn)
        flaps, absent = 0, 0.0
        if before is not None:
            del self._gone[seen.fault]
            absent = max(0.0, ts - before[0])
            flaps = before[2] + 1 if absent < FORGIVE_S else 0
        verdict = turn.rules.judge(subject_of(seen))
        length = int(verdict.window_s or self._policy.length_s)
        entry = self._live[seen.fault] = new_fault(seen, ts, length, flaps)
        self._open_window(entry, seen, ts, turn.now)
        reason = Reason.FIRST if before is None else Reason.REGRESSED
        turn.alerts.append(tell(seen.fault, entry, reason, verdict, seen=seen, absent_s=absent))
        return True

    def _next_window(self, entry: Fault, seen: Sighting, ts: float, turn: "_Turn") -> bool:
        """Open a later window of an episode; True if its first record is held as a repeat."""
        if entry.count:
            self._close(seen.fault, entry, turn)
        verdict = turn.rules.judge(subject_of(seen))
        length = int(verdict.window_s or self._policy.length_s)
        start = max(int(ts - ts % length), entry.end)
        if length != entry.length:
            entry.history = ()  # counts of another length compare with nothing
        quiet = min(MAX_WINDOWS, (start - entry.end) // length)
        entry.history = (*entry.history, *(0,) * quiet)[-MAX_WINDOWS:]
        entry.start, entry.length = start, length
        entry.limit = limit(entry.history, entry.escalated)
        self._open_window(entry, seen, ts, turn.now)
        if start < entry.next:
            return True
        entry.period = self._longer(entry.period)
        entry.next = start + entry.period
        turn.alerts.append(tell(seen.fault, entry, Reason.NEW_WINDOW, verdict, seen=seen))
        return False

    def _open_window(self, entry: Fault, seen: Sighting, ts: float, now: float) -> None:
        self._changed.add(seen.fault)
        entry.count_in(seen, ts)
        entry.due = math.ceil(now + min(max(entry.end - ts, 0.0), entry.length) + self._policy.grace_s)
        self._push(seen.fault, entry)

    def _close(self, fault: str, entry: Fault, turn: "_Turn") -> None:
        """Close the window; what is untold is told if it is time."""
        if entry.limit and 2 * entry.count < entry.escalated:
            entry.escalated = 0  # it has calmed down: the same height is news again
        elif entry.escalated:
            entry.escalated = max(entry.escalated, entry.count)
        entry.history = (*entry.history, entry.count)[-MAX_WINDOWS:]
        entry.count = 0
        if entry.untold and entry.end >= entry.next:
            entry.period = self._longer(entry.period)
            entry.next = entry.end + entry.period
            turn.tell(fault, entry, Reason.SUMMARY)

    def _longer(self, period: int) -> int:
        return min(2 * period, max(period, int(self._policy.max_repeat_s)))

    def _quiet(self, entry: Fault) -> float:
        """How long a fault must be quiet: one that keeps coming back stays open, and is told ever more rarely."""
        quiet: float = self._policy.resolve_s * 2 ** min(entry.flaps, 16)
        return min(quiet, max(self._policy.max_repeat_s, self._policy.resolve_s))

    def _end(self, fault: str, entry: Fault, turn: "_Turn") -> None:
        """End the episode. At the end of time nobody knows whether it is over: only what is untold is told."""
        if turn.now < END_OF_TIME:
            held = "" if entry.untold or entry.told > 1 else Reason.HELD_QUIET.value
            turn.tell(fault, entry, Reason.RESOLVED)["held"] = held
        elif entry.untold:
            turn.tell(fault, entry, Reason.SUMMARY)
        del self._live[fault]
        self._remember(fault, entry)

    def _evict(self, turn: "_Turn") -> None:
        """Cut short the episode that is due next: what it has not told is told now."""
        if self.next_due is None:
            return
        _, fault = heapq.heappop(self._dues)
        entry = self._live.pop(fault)
        self._changed.add(fault)
        self._evicted += 1
        if entry.untold:
            turn.tell(fault, entry, Reason.SUMMARY)
        self._remember(fault, entry)

    def _remember(self, fault: str, entry: Fault) -> None:
        self._gone[fault] = (int(entry.last_ts), entry.end, entry.flaps)
        if len(self._gone) > self._policy.max_gone:
            del self._gone[next(iter(self._gone))]
            self._evicted += 1

    def _forget(self, now: float) -> None:
        """Drop resolved faults that are too old, oldest first."""
        while self._gone:
            fault = next(iter(self._gone))
            if self._gone[fault][0] + self._policy.remember_s >= now:
                return
            del self._gone[fault]

    def _push(self, fault: str, entry: Fault) -> None:
        heapq.heappush(self._dues, (entry.due, fault))


class _Turn(NamedTuple):
    """One call: the clock, the rules, and the alerts so far."""

    now: float
    rules: Judge
    alerts: list[Alert]

    def tell(self, fault: str, entry: Fault, reason: Reason) -> Alert:
        """Add an alert that no single record causes."""
        alert = tell(fault, entry, reason, self.rules.judge(subject_of_fault(fault, entry)))
        self.alerts.append(alert)
        return alert


def _escalate(entry: Fault, seen: Sighting, verdict: Verdict) -> Alert:
    entry.limit, entry.escalated = 0, entry.count
    entry.period, entry.next = entry.length, entry.end
    return tell(seen.fault, entry, Reason.ESCALATED, verdict, seen=seen, usual=float(median(entry.history)))
