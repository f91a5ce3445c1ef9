"""What arrives: Fluent Bit's wire format in its three shapes, validated into one `LogRecord`.

The shapes: the log as text (`log`), as fields that a parser made (`timestamp`, `level`, `service`, `log_content` with
the full original), or as JSON that Fluent Bit merged under `log_json`. Bad data is a value: see `Rejected`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dataflows.domain.duplicates import has_duplicate_keys
from dataflows.domain.levels import Level, infer, level_of

MAX_PIECE_BYTES = 1_048_576
"""Largest piece that is read: the size limit of a Kinesis record (AWS service quota, 1 MiB)."""


_NUMBER_AT_END = re.compile(rb"[:,\[]\s*-?\d+(?:\.\d*)?(?:[eE][+-]?)?$|[:,\[]\s*-$")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half of a character outside the basic plane, as a shipper leaves it that cuts an emoji in two: no valid JSON text."""


class RejectReason(StrEnum):
    """Why a piece is a dead letter: file field, log field and metric label."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    BAD_COMPRESSION = "bad_compression"
    BAD_UTF8 = "bad_utf8"
    CUT_OFF = "cut_off"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_LEVEL = "unknown_level"
    WRONG_TYPE = "wrong_type"
    POSSIBLE_LOSS = "possible_loss"
    """No piece at all: a note that records before this place may never have been read."""
    FAULT = "fault"
    """CALI itself failed on it: a bug, told in the log. Replayable once it is mended."""


class Rejected(NamedTuple):
    """One piece that could not be read, whole, with its place of origin."""

    shard: str
    sequence: str
    sub: int
    arrival_ts: float
    reason: RejectReason
    detail: str
    """What was wrong, for a person; never part of the record."""
    raw: bytes


class RejectionError(ValueError):
    """Raised inside triage only, to leave a piece's parsing; it becomes a `Rejected`."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def _to_level(value: object) -> Level:
    if isinstance(value, Level):
        return value
    level = level_of(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if level is None:
        msg = "level is not a known level name or number"
        raise ValueError(msg)
    return level


_OLDEST = 1e9
_YOUNGEST = 1e11
"""Seconds since the epoch (2001 and 5138) between which a time is believed. Outside are a zero time
(`0001-01-01`, Go), seconds since a program's start, and what no calendar or index name holds."""


def _to_epoch(value: object) -> float | None:
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


MAX_SERVICE_CHARS = 100
"""A service's name is part of document ids, which OpenSearch bounds at 512 bytes; Kubernetes allows names of 63.
It is cut once it is redacted: half a token has no shape that a rule would know."""


def _side_text(value: object) -> str:
    """A side field as text: it must never cost the record its alert. ECS nests names: `{"service":{"name":"a"}}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = value.get("name", "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


SideText = Annotated[str, BeforeValidator(_side_text)]
"""A field that helps but does not make a record: what is no text or number is left out of it."""


def _labels(value: object) -> dict[str, str]:
    return {str(k): _side_text(v) for k, v in value.items()} if isinstance(value, dict) else {}


class Kubernetes(BaseModel):
    """Where the log came from, as Fluent Bit's kubernetes filter tells it."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    namespace_name: str = ""
    pod_name: str = ""
    container_name: str = ""
    host: str = ""
    labels: Annotated[dict[str, str], BeforeValidator(_labels)] = Field(default_factory=dict)


_LEVEL_NAMES = ("level", "severity", "levelname", "loglevel", "log_level", "log.level", "lvl")
_MESSAGE_NAMES = ("log_content", "log", "message", "msg", "event")
_TIME_NAMES = ("timestamp", "@timestamp", "time", "ts")
_TRACE_NAMES = ("stack_trace", "stacktrace", "exc_info", "exception", "traceback", "stack", "error.stack_trace")
_ID_NAMES = ("trace_id", "traceId", "traceid", "trace.id", "dd.trace_id", "otelTraceID")
_REQUEST_NAMES = ("request_id", "requestId", "x_request_id", "correlation_id")
_SERVICE_NAMES = ("service", "service_name", "service.name", "app", "application")
_VERSION_NAMES = ("version", "service_version", "service.version", "app_version")
_MEANINGS: dict[str, tuple[str, int]] = {
    name: (meaning, rank)
    for meaning, names in (
        *(("level", _LEVEL_NAMES), ("message", _MESSAGE_NAMES), ("time", _TIME_NAMES), ("trace", _TRACE_NAMES)),
        *(("trace_id", _ID_NAMES), ("request_id", _REQUEST_NAMES), ("service", _SERVICE_NAMES)),
        *(("version", _VERSION_NAMES), ("", ("kubernetes", "log_json", "stream", "_p", "file", "offset"))),
    )
    for rank, name in enumerate(names)
}
"""What a field of this name means, and its rank among the names for that: the first one that says something counts."""


class LogRecord(BaseModel):
    """One WARN+ log record, whichever of the three shapes it came in. Immutable."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    level: Annotated[Level, BeforeValidator(_to_level)] = Field(validation_alias=AliasChoices(*_LEVEL_NAMES))
    message: str
    """The full original text, with its stack trace."""
    service: SideText = Field(validation_alias=AliasChoices(*_SERVICE_NAMES))
    event_ts: float
    """Seconds since the epoch, as the record says; the arrival time where it says nothing readable."""
    trace_id: SideText = ""
    request_id: SideText = ""
    version: SideText = ""
    kubernetes: Kubernetes = Kubernetes()
    fields: dict[str, Any] = Field(default_factory=dict)
    """Fields that CALI does not know, kept for search."""


_TRACE_ID = re.compile(r"(?i)trace(?:[_-]?id)?[\"']?\s?[=:]\s?[\"']?(?P<id>[0-9a-f]{16,32})\b")
_TRACE_PAIR = re.compile(r"\[(?P<id>[0-9a-f]{32})-[0-9a-f]{16}\]")
"""As loggers put it into the line: `trace_id=...`, `[traceId=...`, `[<trace>-<span>]` (Spring, Micrometer)."""
_REQUEST_ID = re.compile(r"(?i)request(?:[_-]?id)?[\"']?\s?[=:]\s?[\"']?(?P<id>[0-9a-f][0-9a-f-]{7,63})\b")
_HEAD = 600
"""Characters of a message in which ids are looked for: past any log prefix."""


def _spoken_ids(message: object) -> tuple[str, str]:
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


def _first(names: tuple[str, ...], place: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON may hold anything
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


def _flatten(outer: Mapping[str, Any], arrival_ts: float) -> dict[str, Any]:
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
        or _first(("app.kubernetes.io/name", "app", "k8s-app"), labels)
        or (kubernetes.get("container_name") if isinstance(kubernetes, dict) else None)
        or "unknown"
    )
    spoken = ("", "") if told.get("trace_id") and told.get("request_id") else _spoken_ids(message)
    return {
        "level": infer(message if isinstance(message, str) else "") if level is None else level,
        "message": _spoken(fields) if message is None else message,
        "service": service,
        "event_ts": _to_epoch(within.get("time")) or _to_epoch(without.get("time")) or arrival_ts,
        "trace_id": told.get("trace_id") or spoken[0],
        "request_id": told.get("request_id") or spoken[1],
        "version": told.get("version") or _first(("app.kubernetes.io/version", "version"), labels) or "",
        "kubernetes": kubernetes,
        "fields": fields,
    }


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON may hold anything
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def _spoken(fields: Mapping[str, Any]) -> str:
    """A message for a record that has none: its unknown fields, as JSON."""
    return msgspec.json.encode(fields).decode() if fields else ""


class Parsed(NamedTuple):
    """A valid record, and whether its JSON named a key twice (the last value won)."""

    record: LogRecord
    duplicate_keys: bool


def parse(piece: bytes, arrival_ts: float) -> Parsed:
    """Validate one WARN+ piece.

    Raises:
        RejectionError: the piece is not a record, with the reason.
    """
    try:
        outer = msgspec.json.decode(_LONE_SURROGATE.sub(rb"\\ufffd", piece) if has_surrogates(piece) else piece)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as err:
        raise why_unreadable(piece, err) from err
    if not isinstance(outer, dict):
        raise RejectionError(RejectReason.NOT_AN_OBJECT, f"a JSON {type(outer).__name__} where an object is expected")
    try:
        record = LogRecord.model_validate(_flatten(outer, arrival_ts))
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        reason = RejectReason.UNKNOWN_LEVEL if where in _LEVEL_NAMES else RejectReason.WRONG_TYPE
        raise RejectionError(reason, f"{where}: {first['msg']}") from err
    return Parsed(record, has_duplicate_keys(piece, outer))


def told_time(piece: bytes) -> float | None:
    """When a record says it happened, seconds since the epoch; None if it says nothing readable. Never raises."""
    try:
        outer = msgspec.json.decode(piece)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    inner = outer.get("log_json") if isinstance(outer, dict) else None
    places = [place for place in (inner, outer) if isinstance(place, dict)]
    return next((ts for place in places if (ts := _to_epoch(_first(_TIME_NAMES, place))) is not None), None)


def is_text(raw: bytes) -> bool:
    """True if bytes are UTF-8."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def has_surrogates(piece: bytes) -> bool:
    r"""True if the JSON text spells characters in halves (`\ud83d\ude00`), of which one may be missing."""
    return _SURROGATE.search(piece) is not None


def why_unreadable(piece: bytes, err: Exception) -> RejectionError:  # noqa: PLR0911 - one return per reason
    """Tell which of the reasons a piece that does not decode has."""
    text = str(err)
    if not piece.strip():
        return RejectionError(RejectReason.EMPTY, "nothing but white space")
    if isinstance(err, RecursionError):
        return RejectionError(RejectReason.TOO_DEEP, "nested deeper than the decoder goes")
    if isinstance(err, msgspec.DecodeError) and "invalid number" in text and _NUMBER_AT_END.search(piece):
        return RejectionError(RejectReason.CUT_OFF, "the JSON text ends inside a number")
    try:
        piece.decode()
    except UnicodeDecodeError as bad:
        if bad.reason == "unexpected end of data":
            return RejectionError(RejectReason.CUT_OFF, "the JSON text ends inside a character")
        return RejectionError(RejectReason.BAD_UTF8, f"invalid UTF-8 at byte {bad.start}")
    if "truncated" in text:
        return RejectionError(RejectReason.CUT_OFF, "the JSON text ends before the object does")
    if piece.lstrip()[:1] == b"[" or "Expected `object`" in text:
        return RejectionError(RejectReason.NOT_AN_OBJECT, "a JSON value where an object is expected")
    if isinstance(err, msgspec.ValidationError):
        return RejectionError(RejectReason.WRONG_TYPE, text)
    return RejectionError(RejectReason.NOT_JSON, text)
