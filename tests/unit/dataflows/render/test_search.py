"""Records and alerts as search documents."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.opensearch.templates import ALERTS
from dataflows.domain.alerts import Alert, Delivery, DigestLine, ExplanationView
from dataflows.domain.fingerprint import Fingerprint
from dataflows.domain.levels import Level
from dataflows.domain.records import Kubernetes, LogRecord
from dataflows.render.search import (
    MAX_FIELDS_BYTES,
    MAX_MESSAGE_BYTES,
    alert_document,
    alerts_index,
    iso,
    logs_index,
    record_document,
)

Make = Callable[..., Alert]
Answer = Callable[..., ExplanationView]
T0 = 1_763_764_859.123
PRINT = Fingerprint("f" * 32, "c" * 32, "trace", ("java.lang.Error",), "boom <*>")
RECORD = LogRecord(
    level=Level.ERROR,
    message="raw, not to be indexed",
    service="api",
    event_ts=T0,
    trace_id="t",
    kubernetes=Kubernetes(namespace_name="shop", pod_name="api-1", container_name="app", host="node-1"),
)


def document(message: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The document of a record with this redacted message and these redacted fields."""
    found: dict[str, Any] = json.loads(record_document(RECORD, PRINT, message, fields, "shardId-0", "495", 2, T0 + 1))
    return found


def test_a_record_s_document() -> None:
    """A document has the redacted message, where it came from, and unknown fields as one text."""
    found = document("boom [IP]", {"a": {"b": 1}})
    assert {
        "@timestamp": "2025-11-21T22:40:59.123Z",
        "arrived": "2025-11-21T22:41:00.123Z",
        "level": "ERROR",
        "service": "api",
        "version": "",
        "namespace": "shop",
        "pod": "api-1",
        "container": "app",
        "node": "node-1",
        "trace_id": "t",
        "request_id": "",
        "fingerprint": "f" * 32,
        "coarse": "c" * 32,
        "kind": "trace",
        "types": ["java.lang.Error"],
        "template": "boom <*>",
        "message": "boom [IP]",
        "shard": "shardId-0",
        "sequence": "495",
        "sub": 2,
        "fields": '{"a":{"b":1}}',
    } == found


@pytest.mark.parametrize("letter", ["x", "é", "한", "🙂"])
def test_texts_are_cut_to_their_bytes(letter: str) -> None:
    """Message and fields keep to their bounds in bytes whatever their script, and no character is cut in two."""
    found = document(letter * 40_000, {"a": letter * 40_000})
    for name, limit in (("message", MAX_MESSAGE_BYTES), ("fields", MAX_FIELDS_BYTES)):
        size = len(found[name].encode())
        assert limit - 4 < size <= limit
        assert "\ufffd" not in found[name]


def test_indices_are_made_of_data() -> None:
    """A record's index is its arrival day, an alert's the month of its window, both in UTC."""
    assert ("cali-logs-2025.11.21", "cali-alerts-2025.11") == (logs_index("cali", T0), alerts_index("cali", T0))


@pytest.mark.parametrize("ts", [1e300, -1e300, float("inf"), float("nan")])
def test_a_time_beyond_calendars_is_the_epoch(ts: float) -> None:
    """A time that no calendar holds raises nothing."""
    assert "1970-01-01T00:00:00.000Z" == iso(ts)


def test_an_alert_s_document(make_alert: Callable[..., Alert], make_answer: Callable[..., ExplanationView]) -> None:
    """An alert's document tells what became of it, how long it took and what was cited."""
    alert = make_alert(explained=True, explanation=make_answer())
    sent = alert["arrival_ts"] + 1.25
    found = json.loads(
        alert_document(Delivery(alert=alert, status="sent", channel="#c", sent_ts=sent, attempts=2, detail=""))
    )
    assert ("sent", 1.25, 2, "match", ["own/hikari-pool", "own/pg-locks"], alert["place"]) == (
        found["status"],
        found["latency_s"],
        found["attempts"],
        found["verdict"],
        found["cited"],
        found["place"],
    )


def test_the_history_says_what_the_card_said_of_its_answer(make_alert: Make, make_answer: Answer) -> None:
    """Which rung answered, why no better one did, what it cost, and the past incidents that were shown."""
    tried = [{"rung": "model", "reason": "timeout"}, {"rung": "extractive", "reason": "used"}]
    names = ("rung", "rung_reason", "cached", "cost_usd", "prompt_tokens", "completion_tokens", "similar")
    expected = {
        "model": ("model", "not_asked_before", False, 0.0042, 1_700, 232, ["1" * 16]),
        "extractive": ("extractive", "timeout", False, 0.0042, 1_700, 232, ["1" * 16]),
        "older": (None, None, False, None, None, None, []),
    }
    older = make_answer()
    for name in ("ladder", "cost", "similar", "cached", "severity"):
        del older[name]  # type: ignore[misc] # the older shape
    for kind, answer in {"model": make_answer(), "extractive": make_answer(ladder=tried), "older": older}.items():
        alert = make_alert(explained=True, explanation=answer)
        sent = Delivery(alert=alert, status="sent", channel="#c", sent_ts=T0, attempts=1, detail="")
        found = json.loads(alert_document(sent))
        assert expected[kind] == tuple(found[name] for name in names)
        assert answer == found["explanation"]


def test_a_waiting_alert_has_no_latency(make_alert: Callable[..., Alert]) -> None:
    """What was not sent has no time of sending, and what is not explained no verdict."""
    waiting = Delivery(alert=make_alert(), status="waiting", channel="#c", sent_ts=0.0, attempts=0, detail="")
    found = json.loads(alert_document(waiting))
    assert (None, None, None, []) == (found["sent"], found["latency_s"], found["verdict"], found["cited"])


def test_the_end_of_a_fault_has_no_latency(make_alert: Make) -> None:
    """What no record caused has a time of sending and no latency."""
    end = make_alert(reason="resolved", arrival_ts=0.0)
    sent = Delivery(alert=end, status="sent", channel="#c", sent_ts=T0, attempts=1, detail="")
    found = json.loads(alert_document(sent))
    assert ("2025-11-21T22:40:59.123Z", None) == (found["sent"], found["latency_s"])


def test_the_lifecycle_is_in_the_document(make_alert: Make, make_line: Callable[..., DigestLine]) -> None:
    """What joins alerts, holds them and routes them is there; whom it notified is not."""
    facts: dict[str, Any] = {
        "opening": "o",
        "held": "held_storm",
        "severity": "critical",
        "team": "payments",
        "namespace": "shop",
        "total": 1305,
        "told": 2,
        "absent_s": 86_400.0,
        "usual": 12.5,
        "started_with": "1.42.0",
        "request_id": "r",
        "parent": "p",
        "follows": "payment: pool",
    }
    alert = make_alert(**facts, channel="#pay", mention="here", lines=[make_line(id="a"), make_line(id="b")])
    found = json.loads(
        alert_document(Delivery(alert=alert, status="held", channel="#c", sent_ts=0.0, attempts=0, detail=""))
    )
    assert {**facts, "routed": "#pay", "channel": "#c", "lines": ["a", "b"]} == {
        name: found[name] for name in (*facts, "routed", "channel", "lines")
    }
    assert "mention" not in found


def test_every_field_is_mapped_or_only_shown(make_alert: Make) -> None:
    """The index template and the document agree: only nested parts and one long text are left unmapped."""
    waiting = Delivery(alert=make_alert(), status="waiting", channel="#c", sent_ts=0.0, attempts=0, detail="")
    found = set(json.loads(alert_document(waiting)))
    assert {"place", "explained", "explanation", "detail"} == found - set(ALERTS["properties"])
    assert set() == set(ALERTS["properties"]) - found
