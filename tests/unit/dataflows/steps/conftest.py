"""A sample alert that tests vary. Makes `scripted_channel` importable: tests are no package."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataflows.domain.alerts import Alert

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def make_alert() -> Callable[..., Alert]:
    """Builds an unexplained first alert; `make("a")` has the id `a`."""

    def make(alert_id: str = "f:api:999900:first", **changes: Any) -> Alert:
        alert: dict[str, Any] = {
            "id": alert_id,
            "opening": alert_id.replace(":summary", ":first"),
            "held": "",
            "reason": "first",
            "fingerprint": alert_id.partition(":")[0],
            "coarse": "c",
            "fp_version": 1,
            "service": "api",
            "namespace": "shop",
            "team": "",
            "severity": "error",
            "level": "ERROR",
            "kind": "message",
            "types": [],
            "template": "boom <*>",
            "text": f"boom {alert_id}",
            "record_id": "shardId-0-1-0",
            "trace_id": "",
            "request_id": "",
            "count": 1,
            "total": 1,
            "told": 0,
            "window_start": 999_900.0,
            "window_end": 1_000_200.0,
            "first_seen": 999_999.0,
            "last_seen": 999_999.0,
            "arrival_ts": 999_999.5,
            "absent_s": 0.0,
            "usual": 0.0,
            "started_with": "",
            "channel": "",
            "mention": "",
            "parent": "",
            "follows": "",
            "lines": [],
            "place": {"pods": [], "versions": [], "nodes": []},
            "explained": False,
        }
        return Alert(**{**alert, **changes})  # type: ignore[typeddict-item]

    return make
