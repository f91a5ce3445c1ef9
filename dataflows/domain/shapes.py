"""The three shapes of a record as one: Fluent Bit's wire format, brought to the names of `LogRecord`.

The shapes: the log as text (`log`), as fields that a parser made (`timestamp`, `level`, `service`, `log_content` with
the full original), or as JSON that Fluent Bit merged under `log_json`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from dataflows.domain.levels import infer
from dataflows.domain.rejections import RejectionError, RejectReason

LEVEL_NAMES = ("level", "severity", "levelname", "loglevel", "log_level", "log.level", "lvl")
_MESSAGE_NAMES = ("log_content", "log", "message", "msg", "event")
TIME_NAMES = ("timestamp", "@timestamp", "time", "ts")
_TRACE_NAMES = ("stack_trace", "stacktrace", "exc_info", "exception", "traceback", "stack", "error.stack_trace")
_ID_NAMES = ("trace_id", "traceId", "traceid", "trace.id", "dd.trace_id", "otelTraceID")
_REQUEST_NAMES = ("request_id", "requestId", "x_request_id", "correlation_id")
SERVICE_NAMES = ("service", "service_name", "service.name", "app", "application")
_VERSION_NAMES = ("version", "service_version", "service.version", "app_version")
_MEANINGS: dict[str, tuple[str, int]] = {
    name: (meaning, rank)
    for meaning, names in (
        *(("level", LEVEL_NAMES), ("message", _MESSAGE_NAMES), ("time", TIME_NAMES), ("trace", _TRACE_NAMES)),
        *(("trace_id", _ID_NAMES), ("request_id", _REQUEST_NAMES), ("service", SERVICE_NAMES)),
        *(("version", _VERSION_NAMES), ("", ("kubernetes", "log_json", "stream", "_p", "file", "offset"))),
    )
    for rank, name in enumerate(names)
}
"""What a field of this name means, and its rank among the names for that: the first one that says something counts."""


_OLDEST = 1e9
_YOUNGEST = 1e11
"""Seconds since the epoch (2001 and 5138) between which a time is believed. Outside are a zero time
(`0001-01-01`, Go), seconds since a program's start, and what no calendar or index name holds."""


def to_epoch(value: object) -> float | None:
    """Seconds since the epoch of an ISO 8601 text or a number in s, ms, us or ns; None if it is nothing of them."""
    ts = _seconds(value)
    return ts if ts is not None and _OLDEST <= ts <= _YOUNGEST else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        if not 0 <= value < 1e20:  # also what is too large for a float
            return None
        ts = float(value)
        for unit in (1e18, 1e15, 1e12):  # ns, us, ms
            if ts >= unit:
                return ts / (unit / 1e9)
        return ts
    return _iso_seconds(value) if isinstance(value, str) else None


def _iso_seconds(text: str) -> float | None:
    try:
        parsed = datetime.fromisoformat(text.strip().replace(",", "."))
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


_TRACE_ID = re.compile(r"(?i)trace(?:[_-]?id)?[\"']?\s?[=:]\s?[\"']?(?P<id>[0-9a-f]{16,32})\b")
_TRACE_PAIR = re.compile(r"\[(?P<id>[0-9a-f]{32})-[0-9a-f]{16}\]")
"""As loggers put it into the line: `trace_id=...`, `[traceId=...`, `[<trace>-<span>]` (Spring, Micrometer)."""
_REQUEST_ID = re.compile(r"(?i)request(?:[_-]?id)?[\"']?\s?[=:]\s?[\"']?(?P<id>[0-9a-f][0-9a-f-]{7,63})\b")
_HEAD = 600
"""Characters of a message in which ids are looked for: past any log prefix."""


def spoken_ids(message: object) -> tuple[str, str]:
    """The ids of trace and request that stand in the text only; the first of either form."""
    if not isinstance(message, str):
        return "", ""
    head = message[:_HEAD]
    lower = head.lower()
    named = _behind("trace", _TRACE_ID, head, lower)
    pair = _TRACE_PAIR.search(head) if "[" in head else None
    trace = min((match for match in (named, pair) if match), key=lambda match: match.start(), default=None)
    request = _behind("request", _REQUEST_ID, head, lower)
    return trace["id"] if trace else "", request["id"] if request else ""


def _behind(word: str, rule: re.Pattern[str], head: str, lower: str) -> re.Match[str] | None:
    """The first match of a rule that begins with a word; a search would try every character."""
    if len(lower) != len(head):  # a letter that is two in lower case, such as the Turkish I with a dot
        lower = "".join([letter.lower()[:1] for letter in head])
    at = lower.find(word)
    while at >= 0:
        before = head[at - 1 : at]
        if not (before.isalnum() or before == "_") and (found := rule.match(head, at)) is not None:
            return found
        at = lower.find(word, at + 1)
    return None


def first_of(names: tuple[str, ...], place: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON may hold anything
    """Return the first value under one of these names that says something; None if there is none."""
    for name in names:
        if (value := place.get(name)) not in (None, ""):
            return value
    return None


def _told(place: Mapping[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """What the known names of one place say, by meaning; the others are added to `fields`."""
    told: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name, value in place.items():
        if (known := _MEANINGS.get(name)) is None:
            fields[name] = value
        elif value is not None and value != "":
            meaning, rank = known
            if rank < ranks.get(meaning, rank + 1):
                told[meaning], ranks[meaning] = value, rank
    return told


def flattened(outer: Mapping[str, Any], arrival_ts: float) -> dict[str, Any]:
    """The three shapes as one mapping of `LogRecord`'s own names; values keep their types for validation to judge."""
    inner = outer.get("log_json") or {}
    if isinstance(inner, str):  # a message where an object is usual
        inner = {"message": inner}
    if not isinstance(inner, dict):
        raise RejectionError(RejectReason.WRONG_TYPE, "log_json is not an object")
    if isinstance(nested := outer.get("log"), dict):  # ECS: {"log":{"level":"error","logger":"..."},"message":"..."}
        outer = {**{k: v for k, v in outer.items() if k != "log"}, **{f"log.{k}": v for k, v in nested.items()}}
    kubernetes = _without_nulls(outer.get("kubernetes") or {})
    labels = kubernetes.get("labels") or {} if isinstance(kubernetes, dict) else {}
    labels = labels if isinstance(labels, dict) else {}
    fields: dict[str, Any] = {}
    without, within = _told(outer, fields), _told(inner, fields)
    told = {**without, **within}
    message, trace, level = told.get("message"), told.get("trace"), told.get("level")
    if isinstance(message, str):
        message = message.rstrip("\n")
        if isinstance(trace, str) and trace.strip() not in message:
            message = f"{message}\n{trace.rstrip()}"
    if isinstance(trace, dict | list):  # a trace as an object: no part of the message, but not lost to search
        fields["exception"] = trace
    service = (
        told.get("service")
        or first_of(("app.kubernetes.io/name", "app", "k8s-app"), labels)
        or (kubernetes.get("container_name") if isinstance(kubernetes, dict) else None)
        or "unknown"
    )
    spoken = ("", "") if told.get("trace_id") and told.get("request_id") else spoken_ids(message)
    return {
        "level": infer(message if isinstance(message, str) else "") if level is None else level,
        "message": _spoken(fields) if message is None else message,
        "service": service,
        "event_ts": to_epoch(within.get("time")) or to_epoch(without.get("time")) or arrival_ts,
        "trace_id": told.get("trace_id") or spoken[0],
        "request_id": told.get("request_id") or spoken[1],
        "version": told.get("version") or first_of(("app.kubernetes.io/version", "version"), labels) or "",
        "kubernetes": kubernetes,
        "fields": fields,
    }


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON may hold anything
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def _spoken(fields: Mapping[str, Any]) -> str:
    """A message for a record that has none: its unknown fields, as JSON."""
    return msgspec.json.encode(fields).decode() if fields else ""
