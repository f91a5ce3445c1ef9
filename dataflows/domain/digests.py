"""Digests: several alerts as one message that names each. Pure."""

from hashlib import blake2b
from typing import Any

from dataflows.domain.alerts import NEWS, Alert, DigestLine, Place, Reason

_SEVERITIES = ("critical", "error", "warning", "info")
_LEVELS = ("FATAL", "ERROR", "WARN")


def importance(alert: Alert) -> tuple[int, int, str]:
    """Sort key: severity, then count."""
    return _SEVERITIES.index(alert["severity"]), -alert["count"], alert["id"]


def _line(alert: Alert) -> DigestLine:
    return DigestLine(
        id=alert["id"],
        opening=alert["opening"],
        reason=alert["reason"],
        fingerprint=alert["fingerprint"],
        service=alert["service"],
        level=alert["level"],
        severity=alert["severity"],
        template=alert["template"],
        count=alert["count"],
        total=alert["total"],
    )


def digest(channel: str, alerts: list[Alert]) -> Alert:
    """One message for several alerts of a channel, given the gravest first. The same alerts make the same id.

    It goes to the default channel of the time if one of them has no route, else where the first of them goes: a route
    may name the default channel too, and that may be another by then.
    """
    name = blake2b("\n".join(sorted(alert["id"] for alert in alerts)).encode(), digest_size=8).hexdigest()
    first = alerts[0]
    made: dict[str, Any] = {
        **first,
        "id": f"digest:{channel}:{name}",
        "opening": f"digest:{channel}:{name}",
        "reason": Reason.DIGEST.value,
        "held": "",
        "fingerprint": "",
        "coarse": "",
        "service": "",
        "namespace": "",
        "team": "",
        "level": min((alert["level"] for alert in alerts), key=_LEVELS.index),
        "kind": "message",
        "types": [],
        "template": "",
        "text": "",
        "record_id": "",
        "trace_id": "",
        "request_id": "",
        "count": sum(alert["count"] for alert in alerts),
        "total": sum(alert["total"] for alert in alerts),
        "told": 0,
        "window_start": min(alert["window_start"] for alert in alerts),
        "window_end": max(alert["window_end"] for alert in alerts),
        "first_seen": min(alert["first_seen"] for alert in alerts),
        "last_seen": max(alert["last_seen"] for alert in alerts),
        "arrival_ts": max(alert["arrival_ts"] for alert in alerts),
        "absent_s": 0.0,
        "usual": 0.0,
        "place": Place(pods=[], versions=[], nodes=[]),
        "started_with": "",
        "channel": first["channel"] if all(alert["channel"] for alert in alerts) else "",
        "mention": next((alert["mention"] for alert in alerts if alert["mention"] and alert["reason"] in NEWS), ""),
        "parent": "",
        "follows": "",
        "lines": [_line(alert) for alert in alerts],
        "explained": True,
    }
    return made  # type: ignore[return-value] # all keys of an Alert
