"""A clock that stands where a test puts it, and sightings that vary."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dataflows.domain.alerts import Sighting


class FakeClock:
    """Time as the test sets it; no record moves it."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        """Where the test put it."""
        return self.time

    def wake_at(self, due: float) -> datetime:
        """`due` itself."""
        return datetime.fromtimestamp(due, UTC)

    def observe(self, event_ts: float) -> None:
        """Nothing."""


@pytest.fixture
def clock() -> FakeClock:
    """A clock at 1,000,000 s: the start of no window of 300 s."""
    return FakeClock(1_000_000.0)


@pytest.fixture
def make_sighting() -> Callable[..., Sighting]:
    """Builds a sighting of fault `f:api` unless told otherwise."""

    def make(event_ts: float, **changes: Any) -> Sighting:
        seen: dict[str, Any] = {
            "fault": "f:api",
            "event_ts": event_ts,
            "arrival_ts": event_ts + 0.5,
            "level": "ERROR",
            "namespace": "shop",
            "pod": "api-1",
            "version": "1.0",
            "node": "node-1",
            "trace_id": "",
            "request_id": "",
            "record_id": "shardId-0-1-0",
            "kind": "trace",
            "types": ("java.lang.IllegalStateException",),
            "coarse": "c",
            "template": "boom <*>",
            "text": "boom 7",
        }
        return Sighting(**{**seen, **changes})

    return make


@pytest.fixture
def assert_plain() -> Callable[[object], None]:
    """Checks that a snapshot holds builtin types only, so that no class of ours is in any pickle."""

    def check(value: object) -> None:
        assert type(value) in {dict, list, tuple, str, bytes, int, float, bool, type(None)}, repr(type(value))
        if isinstance(value, dict):
            for key, inner in value.items():
                check(key)
                check(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                check(inner)

    return check
