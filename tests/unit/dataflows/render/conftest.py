"""A sample alert that tests vary."""

from collections.abc import Callable
from typing import Any

import pytest

from dataflows.domain.alerts import Alert, DigestLine, ExplanationView

T0 = 1_763_764_859.0  # 2025-11-21 22:40:59 UTC

TRACE = """HikariPool-1 - Connection is not available, request timed out after 30000ms.
java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available
\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)
\tat com.acme.order.OrderRepository.findByUser(OrderRepository.java:58)"""


@pytest.fixture
def make_alert() -> Callable[..., Alert]:
    """Builds an alert: a first sighting unless told otherwise."""

    def make(**changes: Any) -> Alert:
        alert: dict[str, Any] = {
            "id": "9f2c4e81b07d35aa:order-api:1763764859+300:first",
            "opening": "9f2c4e81b07d35aa:order-api:1763764859+300:first",
            "reason": "first",
            "held": "",
            "fingerprint": "9f2c4e81b07d35aa",
            "coarse": "0b1d",
            "fp_version": 1,
            "service": "order-api",
            "namespace": "shop",
            "team": "",
            "level": "ERROR",
            "severity": "error",
            "kind": "trace",
            "types": ["java.sql.SQLTransientConnectionException"],
            "template": "HikariPool-<*> - Connection is not available, request timed out after <*>ms.",
            "text": TRACE,
            "record_id": "shardId-0-49590-0",
            "trace_id": "",
            "request_id": "",
            "count": 1,
            "total": 1,
            "told": 0,
            "window_start": T0,
            "window_end": T0 + 300,
            "first_seen": T0,
            "last_seen": T0,
            "arrival_ts": T0,
            "absent_s": 0.0,
            "usual": 0.0,
            "place": {"pods": ["order-api-6d9f7c5b8-x2x9p"], "versions": ["1.42.0"], "nodes": []},
            "started_with": "",
            "channel": "",
            "mention": "",
            "parent": "",
            "follows": "",
            "lines": [],
            "explained": False,
        }
        return Alert(**{**alert, **changes})  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def make_line() -> Callable[..., DigestLine]:
    """Builds a line of a digest: a new fault unless told otherwise."""

    def make(**changes: Any) -> DigestLine:
        line: dict[str, Any] = {
            "id": "9f2c4e81b07d35aa:order-api:1763764859+300:first",
            "opening": "9f2c4e81b07d35aa:order-api:1763764859+300:first",
            "reason": "first",
            "fingerprint": "9f2c4e81b07d35aa",
            "service": "order-api",
            "level": "ERROR",
            "severity": "error",
            "template": "HikariPool-<*> - Connection is not available",
            "count": 1,
            "total": 1,
        }
        return DigestLine(**{**line, **changes})  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def make_answer() -> Callable[..., ExplanationView]:
    """Builds an explanation: a sure match written by a model unless told otherwise."""

    def make(**changes: Any) -> ExplanationView:
        answer: dict[str, Any] = {
            "verdict": "match",
            "confidence": 0.934,
            "source": "model",
            "summary": "All 20 connections of the pool were in use.",
            "causes": [{"text": "A long transaction holds connections.", "doc_id": "own/pg-locks", "quote": "q"}],
            "actions": [
                {
                    "text": "Look for idle transactions & end them.",
                    "doc_id": "own/pg-locks",
                    "quote": "q",
                    "risk": "dangerous",
                },
                {"text": "Set leakDetectionThreshold=20000.", "doc_id": "own/hikari-pool", "quote": "q"},
            ],
            "citations": [
                {
                    "doc_id": "own/hikari-pool",
                    "title": "Connection pool exhausted",
                    "section": "Find the leak",
                    "url": "https://wiki.example.com/hikari",
                },
                {"doc_id": "own/pg-locks", "title": "PostgreSQL: long transactions", "section": "", "url": ""},
            ],
            "missing": [],
            "model": "gpt-4o-mini",
            "cached": False,
            "ladder": [{"rung": "cached", "reason": "not_asked_before"}, {"rung": "model", "reason": "used"}],
            "cost": {"usd": 0.0042, "prompt_tokens": 1_700, "completion_tokens": 232},
            "similar": [
                {
                    "fingerprint": "1" * 16,
                    "service": "cart-api",
                    "last_seen": T0 - 86_400 * 18,
                    "count": 12,
                    "resolution": "the leak in 1.39 was mended",
                    "summary": "The pool was empty.",
                    "score": 0.9,
                }
            ],
            "severity": "error",
        }
        return ExplanationView(**{**answer, **changes})  # type: ignore[typeddict-item]

    return make
