"""An alert that tests vary, and a fault's life. Makes `fault_life` importable: tests are no package."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataflows.domain.alerts import Alert, Reason, Sighting
from dataflows.domain.faults import new_fault, subject_of, tell
from dataflows.domain.rules import NO_RULES

sys.path.insert(0, str(Path(__file__).parent))

from fault_life import Life

Make = Callable[..., Sighting]


@pytest.fixture
def make_told(make_sighting: Make) -> Callable[..., Alert]:
    """Builds an alert as the throttle does; `make("f:api", "summary", count=3)`."""

    def make(fault: str = "f:api", reason: str = "first", ts: float = 999_900.0, **changes: Any) -> Alert:
        seen = make_sighting(ts, fault=fault)
        entry = new_fault(seen, ts, 300, 0)
        entry.count_in(seen, ts)
        opens = reason in {"first", "new_window", "regressed"}
        alert = tell(fault, entry, Reason(reason), NO_RULES.judge(subject_of(seen)), seen=seen if opens else None)
        return Alert(**{**alert, **changes})  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def life() -> Life:
    """An empty bucket."""
    return Life()
