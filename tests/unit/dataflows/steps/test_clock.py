"""The two clocks of the steps."""

import time
from datetime import UTC, datetime

from dataflows.steps.clock import EventClock, WallClock


def test_the_wall_is_the_wall() -> None:
    """Live, time is the system's, records do not move it, and a step wakes when it is due."""
    clock = WallClock()
    clock.observe(9e9)
    assert abs(clock.now() - time.time()) < 5
    assert datetime.fromtimestamp(1_763_764_859, UTC) == clock.wake_at(1_763_764_859)


def test_event_time_only_moves_on() -> None:
    """In a replay time is the latest any record told, and never goes back."""
    clock = EventClock()
    times = []
    for ts in (100.0, 50.0, 200.0):
        clock.observe(ts)
        times.append(clock.now())
    assert [100.0, 100.0, 200.0] == times


def test_a_record_of_the_future_closes_no_window() -> None:
    """Event time stops at the wall: one wrong clock does not end every window."""
    clock = EventClock()
    clock.observe(1e12)
    assert clock.now() <= time.time()


def test_event_time_is_polled() -> None:
    """A due time in event time says nothing of the wall: a step looks again soon."""
    assert 0 < (EventClock().wake_at(1e18) - datetime.now(UTC)).total_seconds() < 1
