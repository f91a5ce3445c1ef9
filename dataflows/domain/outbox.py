"""The outbox's rules: what may go out next, by channel, pace and order. Pure: time is an argument, nothing is sent."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from dataflows.domain.alerts import NEWS, Alert

MAX_DOUBLINGS = 16
"""Beyond that the longest pause holds anyway, and the power would not fit a float."""


class Kind(StrEnum):
    """What is done with a message."""

    POST = "post"
    """A message of its own."""
    REPLY = "reply"
    """In the thread of a card."""
    UPDATE = "update"
    """A card is shown anew."""


class Pace(NamedTuple):
    """How fast one channel may be written to, and how failures are tried again; seconds."""

    min_interval_s: float
    burst: int
    max_attempts: int
    backoff_s: float
    max_backoff_s: float


UPDATE_FACTOR = 1.2
"""Updates have a limit of their own, 50 a minute where messages have one a second (chat.update is of tier 3:
https://docs.slack.dev/apis/web-api/rate-limits), so they never take the place of a message, nor wait behind one."""

KIND, CHANNEL, DUE, ATTEMPTS, ALERT = range(5)
"""Indices into a queued message: what, where, when it may go (clock seconds), attempts made, the alert as it is now."""

OutboxState = dict[str, list[Any]]
"""Queued messages by key, in order: plain data."""


@dataclass
class _Lane:
    """Messages of one channel, or updates of cards anywhere: `burst` at once, refilled by one every `interval_s`."""

    interval_s: float
    allowance: float
    refilled: float
    paused_until: float = 0.0
    flying: set[str] = field(default_factory=set)


class Outbox:
    """Messages that wait. One of a lane flies at most, which keeps the order; those of one card go in order too.

    News (an opening, an escalation) go before digests with news, those before what only counts, and an update of a card
    holds nothing back.
    """

    def __init__(
        self, state: OutboxState | None, pace: Pace, now: float, channel_of: Callable[[Alert], str] | None = None
    ) -> None:
        """Resume at `now`. What waits goes to `channel_of` it: the default channel may be another than it was."""
        self._pace = pace
        self._queue: OutboxState = {key: list(entry) for key, entry in (state or {}).items()}
        for entry in self._queue.values() if now else ():  # no retry is further ahead, unless the clock was set back
            entry[DUE] = min(entry[DUE], now + pace.max_backoff_s)
        if channel_of is not None:
            for entry in self._queue.values():
                entry[CHANNEL] = channel_of(entry[ALERT])
        self._lanes: dict[tuple[str, bool], _Lane] = {}
        self._started = now

    def __len__(self) -> int:
        return len(self._queue)

    def __contains__(self, key: str) -> bool:
        return key in self._queue

    def __getitem__(self, key: str) -> list[Any]:
        return self._queue[key]

    def state(self) -> OutboxState:
        """A copy for the snapshot. What flies is in it: nobody knows yet whether it arrived."""
        return {key: list(entry) for key, entry in self._queue.items()}

    def add(self, key: str, kind: Kind, channel: str, due: float, alert: Alert) -> None:
        """Queue a message, behind those of the same card; the newer version of one that waits takes its place."""
        if (waiting := self._queue.get(key)) is not None:
            waiting[ALERT] = alert
            return
        before = [
            entry[DUE]
            for entry in self._queue.values()
            if entry[KIND] != Kind.UPDATE and _card(entry[ALERT]) == _card(alert)
        ]
        self._queue[key] = [kind.value, channel, max([due, *before]), 0, alert]

    def explained(self, key: str, now: float) -> None:
        """What a message waited for has come; one that has been refused keeps to its back-off."""
        entry = self._queue[key]
        if not entry[ATTEMPTS]:
            entry[DUE] = min(entry[DUE], now)

    def hasten(self, now: float) -> None:
        """Whatever was waited for will not come any more."""
        for entry in self._queue.values():
            entry[DUE] = min(entry[DUE], now)

    def gives_way(self, alert: Alert, channel: str) -> str | None:
        """Key of what is given up for an alert of `channel` where there is no room. None: that alert itself.

        The oldest update, else what only counts, of the channel where most waits if it can be; else, if that is another
        channel and the alert is news, the last of its news: one that is down for long costs no other its news.
        """
        flying = self._flying()
        idle = [key for key in self._queue if key not in flying]
        fullest = self._fullest(channel)
        there = [key for key in idle if self._queue[key][CHANNEL] == fullest]
        updates = (key for key in idle if self._queue[key][KIND] == Kind.UPDATE)
        counts = (key for key in (*there, *idle) if _rank(self._queue[key][ALERT]) == _COUNTS)
        news = iter(() if fullest == channel or _rank(alert) == _COUNTS else there[::-1])
        return next(chain(updates, counts, news), None)

    def _fullest(self, channel: str) -> str:
        """Where most waits: `channel` itself if no other has more."""
        waiting = Counter(entry[CHANNEL] for entry in self._queue.values())
        most = max(waiting, key=waiting.__getitem__, default=channel)
        return channel if waiting[channel] == waiting[most] else most

    def again(self, key: str, now: float) -> None:
        """What flew has arrived, and was renewed meanwhile: it goes once more."""
        entry = self._queue[key]
        self._lane(entry).flying.discard(key)
        entry[DUE], entry[ATTEMPTS] = now, 0

    def launch(self, now: float) -> str | None:
        """Take one message that may go now, and count the attempt. None: nothing may."""
        for key in self._eligible():
            entry = self._queue[key]
            lane = self._lane(entry)
            if entry[DUE] <= now and now >= lane.paused_until and self._take(lane, now):
                lane.flying.add(key)
                entry[ATTEMPTS] += 1
                return key
        return None

    def drop(self, key: str) -> list[Any]:
        """Remove a message that is done with."""
        entry = self._queue.pop(key)
        self._lane(entry).flying.discard(key)
        return entry

    def pause(self, key: str, now: float, seconds: float) -> None:
        """The lane takes nothing for a while; the attempt does not count."""
        entry = self._queue[key]
        lane = self._lane(entry)
        lane.flying.discard(key)
        lane.paused_until = now + seconds
        entry[ATTEMPTS] -= 1

    def retry(self, key: str, now: float, at_least_s: float, jitter: float) -> None:
        """Try again later: back-off doubled by attempt, `jitter` in [0.5, 1] of it (equal jitter)."""
        entry = self._queue[key]
        self._lane(entry).flying.discard(key)
        ceiling = min(
            self._pace.max_backoff_s, self._pace.backoff_s * 2 ** min(max(entry[ATTEMPTS], 1) - 1, MAX_DOUBLINGS)
        )
        entry[DUE] = now + max(ceiling * jitter, at_least_s)

    def next_due(self) -> float | None:
        """When `launch` has something to do, if nothing changes."""
        dues = []
        for key in self._eligible():
            entry = self._queue[key]
            lane = self._lane(entry)
            refill = lane.refilled + max(0.0, 1.0 - lane.allowance) * lane.interval_s
            dues.append(max(entry[DUE], lane.paused_until, refill))
        return min(dues, default=None)

    def _eligible(self) -> Iterator[str]:
        """Messages that order allows: none of a lane where one flies, and the first of each card; news first."""
        cards: set[str] = set()
        free = []
        for key, entry in self._queue.items():
            card = _card(entry[ALERT])
            if card in cards:
                continue
            if entry[KIND] != Kind.UPDATE:
                cards.add(card)
            if not self._lane(entry).flying:
                free.append(key)
        return iter(sorted(free, key=self._urgency))

    def _urgency(self, key: str) -> tuple[int, float]:
        entry = self._queue[key]
        return _rank(entry[ALERT]), entry[DUE]

    def _flying(self) -> set[str]:
        return {key for lane in self._lanes.values() for key in lane.flying}

    def _lane(self, entry: list[Any]) -> _Lane:
        updates = entry[KIND] == Kind.UPDATE
        name = ("", True) if updates else (entry[CHANNEL], False)
        found = self._lanes.get(name)
        if found is None:
            interval = self._pace.min_interval_s * (UPDATE_FACTOR if updates else 1.0)
            found = self._lanes[name] = _Lane(interval, float(self._pace.burst), self._started)
        return found

    def _take(self, lane: _Lane, now: float) -> bool:
        passed = max(0.0, now - lane.refilled)  # a clock that is set back must not cost messages
        gain = passed / lane.interval_s if lane.interval_s else self._pace.burst
        lane.allowance = min(float(self._pace.burst), lane.allowance + gain)
        lane.refilled = now
        if lane.allowance < 1.0:
            return False
        lane.allowance -= 1.0
        return True


def _card(alert: Alert) -> str:
    return alert["opening"]


_COUNTS = 2


def _rank(alert: Alert) -> int:
    """News by itself comes first, then a digest with news among its lines, then what only counts."""
    if alert["reason"] in NEWS:
        return 0
    return 1 if any(line["reason"] in NEWS for line in alert["lines"]) else _COUNTS
