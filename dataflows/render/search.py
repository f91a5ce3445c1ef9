"""Records and alerts as search documents. Ids are made of data, so that a replay writes the same documents."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from dataflows.domain.alerts import Delivery, ExplanationView
from dataflows.domain.fingerprint import Fingerprint
from dataflows.domain.records import LogRecord

MAX_MESSAGE_BYTES = 32_000
"""A message is indexed up to here (Lucene refuses a term above 32,766 bytes); the archive has the rest."""
MAX_FIELDS_BYTES = 16_000
_MILLION = 1_000_000


def iso(ts: float) -> str:
    """ISO 8601 in UTC with milliseconds; a time no calendar holds becomes the epoch."""
    try:
        second = int(ts // 1)
        micros = round((ts - second) * 1e6)
        if micros == _MILLION:
            second, micros = second + 1, 0
        return f"{_second(second)}.{micros // 1000:03d}Z"
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00.000Z"


@lru_cache(maxsize=4096)
def _second(ts: int) -> str:
    return datetime.fromtimestamp(ts, UTC).isoformat()[:19]


def logs_index(prefix: str, arrival_ts: float) -> str:
    """Index of a record, by arrival day: the same at every replay."""
    return f"{prefix}-logs-{_day(int(arrival_ts // 86_400))}"


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y.%m.%d")


def alerts_index(prefix: str, window_start: float) -> str:
    """Index of an alert, by the month of its window: the same for all its versions."""
    return f"{prefix}-alerts-{datetime.fromtimestamp(window_start, UTC):%Y.%m}"


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8."""
    return text if len(text) * 4 <= limit else text.encode()[:limit].decode(errors="ignore")


def record_document(  # noqa: PLR0913, PLR0917 - a document has this many origins
    record: LogRecord,
    print_: Fingerprint,
    message: str,
    fields: dict[str, Any],
    shard: str,
    sequence: str,
    sub: int,
    arrival_ts: float,
) -> bytes:
    """A record as a document; `message` and `fields` must be redacted already, and `print_` made of that."""
    place = record.kubernetes
    return msgspec.json.encode(
        {
            "@timestamp": iso(record.event_ts),
            "arrived": iso(arrival_ts),
            "level": record.level.name,
            "service": record.service,
            "version": record.version,
            "namespace": place.namespace_name,
            "pod": place.pod_name,
            "container": place.container_name,
            "node": place.host,
            "trace_id": record.trace_id,
            "request_id": record.request_id,
            "fingerprint": print_.fingerprint,
            "coarse": print_.coarse,
            "kind": print_.kind,
            "types": print_.types,
            "template": print_.template,
            "message": _cut(message, MAX_MESSAGE_BYTES),
            "shard": shard,
            "sequence": sequence,
            "sub": sub,
            "fields": _cut(msgspec.json.encode(fields).decode(), MAX_FIELDS_BYTES) if fields else "",
        }
    )


def alert_document(delivery: Delivery) -> bytes:
    """An alert and what became of it, with everything the card had except whom it notified.

    The document id is the alert id, which is made of data: a replay, and each later version of the same alert
    (`waiting`, then `sent`), replaces the document instead of adding one. `opening` joins the alerts of an episode;
    `lines` of a digest holds the ids of the alerts in it, so that a held alert leads to the message that told it.
    `rung` says which answer the card had, `rung_reason` why it had no better one.
    `routed` is where the rules send it (empty: the default), `channel` where it went.
    """
    alert = delivery["alert"]
    told = alert.get("explanation")
    cost = told.get("cost", {}) if told else {}
    return msgspec.json.encode(
        {
            "@timestamp": iso(alert["first_seen"]),
            "first_seen": iso(alert["first_seen"]),
            "last_seen": iso(alert["last_seen"]),
            "window_start": iso(alert["window_start"]),
            "window_end": iso(alert["window_end"]),
            "sent": iso(delivery["sent_ts"]) if delivery["sent_ts"] else None,
            "latency_s": _latency(delivery),
            "status": delivery["status"],
            "channel": delivery["channel"],
            "attempts": delivery["attempts"],
            "detail": delivery["detail"],
            **{name: alert[name] for name in _AS_IT_IS},  # type: ignore[literal-required] # keys of Alert, by a test
            "routed": alert["channel"],
            "lines": [line["id"] for line in alert["lines"]],
            "verdict": told["verdict"] if told else None,
            "explanation_source": told["source"] if told else None,
            "confidence": told["confidence"] if told else None,
            "summary": told["summary"] if told else None,
            "cited": [citation["doc_id"] for citation in told["citations"]] if told else [],
            "missing": told["missing"] if told else [],
            "severity_judged": told.get("severity", "") if told else None,
            "rung": _rung(told),
            "rung_reason": _rung_reason(told),
            "cached": told.get("cached", False) if told else None,
            "cost_usd": cost.get("usd"),
            "prompt_tokens": cost.get("prompt_tokens"),
            "completion_tokens": cost.get("completion_tokens"),
            "similar": [past["fingerprint"] for past in told.get("similar", [])] if told else [],
            "explanation": told,
        }
    )


_AS_IT_IS = (
    *("opening", "reason", "held", "fingerprint", "coarse", "fp_version", "service", "namespace", "team", "level"),
    *("severity", "kind", "types", "template", "text", "record_id", "trace_id", "request_id", "count", "total"),
    *("told", "absent_s", "usual", "place", "started_with", "parent", "follows", "explained"),
)


def _rung(told: ExplanationView | None) -> str | None:
    """Which rung of the ladder answered; None if none did, or an older release wrote it."""
    ladder = told.get("ladder") if told else None
    return ladder[-1]["rung"] if ladder else None


def _rung_reason(told: ExplanationView | None) -> str | None:
    """Why the rung above it did not."""
    ladder = told.get("ladder") if told else None
    return ladder[-2]["reason"] if ladder and len(ladder) > 1 else None


def _latency(delivery: Delivery) -> float | None:
    """Seconds from the record's arrival to the message; None if it was not sent, or if no record caused it."""
    sent, arrived = delivery["sent_ts"], delivery["alert"]["arrival_ts"]
    return round(sent - arrived, 3) if sent and arrived else None
