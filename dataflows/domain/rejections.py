"""Bad data is a value: what could not be read, and why."""

import re
from enum import StrEnum
from typing import NamedTuple

import msgspec

_NUMBER_AT_END = re.compile(rb"[:,\[]\s*-?\d+(?:\.\d*)?(?:[eE][+-]?)?$|[:,\[]\s*-$")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


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
