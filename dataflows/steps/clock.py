"""The clock that steps read: the wall live, the high-water mark of event time in a replay."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and when to look again."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def wake_at(self, due: float) -> datetime:
        """Wall-clock time at which a step should ask whether `due` has come."""
        ...

    def observe(self, event_ts: float) -> None:
        """A record says it happened at `event_ts`."""
        ...


class WallClock:
    """The real time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def wake_at(self, due: float) -> datetime:
        """`due` itself."""
        return datetime.fromtimestamp(due, UTC)

    def observe(self, event_ts: float) -> None:
        """Records do not move the wall."""


class EventClock:
    """The latest time that any record told: in a replay a window closes when the day has passed it, not the wall."""

    _POLL = timedelta(milliseconds=50)

    def __init__(self) -> None:
        self._high_water = 0.0

    def now(self) -> float:
        """The high-water mark, seconds since the epoch."""
        return self._high_water

    def wake_at(self, due: float) -> datetime:
        """Soon: event time has no relation to the wall."""
        del due
        return datetime.now(UTC) + self._POLL

    def observe(self, event_ts: float) -> None:
        """Move on to `event_ts`; never back, and never past the wall: a wrong clock must not close every window."""
        self._high_water = max(self._high_water, min(event_ts, time.time()))
