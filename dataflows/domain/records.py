"""What arrives: a piece of Fluent Bit's wire format, validated into a `LogRecord`. Bad data is a value: `Rejected`."""

import re
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dataflows.domain.duplicates import has_duplicate_keys
from dataflows.domain.levels import Level, level_of
from dataflows.domain.rejections import RejectionError, RejectReason, has_surrogates, why_unreadable
from dataflows.domain.shapes import LEVEL_NAMES, SERVICE_NAMES, TIME_NAMES, first_of, flattened, to_epoch

MAX_PIECE_BYTES = 1_048_576
"""Largest piece that is read: the size limit of a Kinesis record (AWS service quota, 1 MiB)."""


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half of a character outside the basic plane, as a shipper leaves it that cuts an emoji in two: no valid JSON text."""


def _to_level(value: object) -> Level:
    if isinstance(value, Level):
        return value
    level = level_of(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if level is None:
        msg = "level is not a known level name or number"
        raise ValueError(msg)
    return level


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


class LogRecord(BaseModel):
    """One WARN+ log record, whichever of the three shapes it came in. Immutable."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    level: Annotated[Level, BeforeValidator(_to_level)] = Field(validation_alias=AliasChoices(*LEVEL_NAMES))
    message: str
    """The full original text, with its stack trace."""
    service: SideText = Field(validation_alias=AliasChoices(*SERVICE_NAMES))
    event_ts: float
    """Seconds since the epoch, as the record says; the arrival time where it says nothing readable."""
    trace_id: SideText = ""
    request_id: SideText = ""
    version: SideText = ""
    kubernetes: Kubernetes = Kubernetes()
    fields: dict[str, Any] = Field(default_factory=dict)
    """Fields that CALI does not know, kept for search."""


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
        record = LogRecord.model_validate(flattened(outer, arrival_ts))
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        reason = RejectReason.UNKNOWN_LEVEL if where in LEVEL_NAMES else RejectReason.WRONG_TYPE
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
    return next((ts for place in places if (ts := to_epoch(first_of(TIME_NAMES, place))) is not None), None)
