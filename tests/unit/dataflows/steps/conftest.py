"""A sample alert that tests vary."""

from collections.abc import Callable
from typing import Any

import pytest

from dataflows.domain.alerts import Alert


@pytest.fixture
def make_alert() -> Callable[..., Alert]:
    """Builds an unexplained first alert; `make("a")` has the id `a`."""

    def make(alert_id: str = "f:api:999900:first", **changes: Any) -> Alert:
        alert: dict[str, Any] = {
            "id": alert_id,
            "reason": "first",
            "fingerprint": alert_id.partition(":")[0],
            "coarse": "c",
            "fp_version": 1,
            "service": "api",
            "level": "ERROR",
            "kind": "message",
            "types": [],
            "template": "boom <*>",
            "text": f"boom {alert_id}",
            "record_id": "shardId-0-1-0",
            "trace_id": "",
            "count": 1,
            "window_start": 999_900.0,
            "window_end": 1_000_200.0,
            "first_seen": 999_999.0,
            "last_seen": 999_999.0,
            "arrival_ts": 999_999.5,
            "place": {"pods": [], "versions": [], "nodes": []},
            "explained": False,
        }
        return Alert(**{**alert, **changes})  # type: ignore[typeddict-item]

    return make
