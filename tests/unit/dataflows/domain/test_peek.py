"""The cheap look at a level agrees with the full parse."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.domain.levels import Level
from dataflows.domain.peek import peek
from dataflows.domain.records import parse
from dataflows.domain.rejections import RejectionError, RejectReason

TRACE = "Traceback (most recent call last):\n  File x\nValueError: y"


def level(**record: Any) -> Level | None:
    """What a look at one JSON object tells."""
    return peek(json.dumps(record).encode())


@pytest.mark.parametrize("name", ["level", "severity", "levelname", "loglevel", "log_level", "log.level", "lvl"])
def test_every_name_of_a_level_is_seen(name: str) -> None:
    """All aliases count, in the record and under `log_json`, where they win."""
    assert (Level.ERROR, Level.ERROR, Level.WARN) == (
        level(**{name: "error", "log": "x"}),
        level(log_json={name: "error"}, log="x"),
        level(log_json={name: "warn"}, level="INFO"),
    )


def test_severity_zero_is_an_emergency() -> None:
    """Syslog's 0 is the worst severity, not a missing one."""
    assert (Level.FATAL, Level.FATAL) == (level(level=0, log="x"), level(log_json={"severity": 0}))


@pytest.mark.parametrize(
    "record",
    [
        {"log": "ERROR x"},
        {"log_content": "ERROR x", "log": "fine"},
        {"message": "ERROR x"},
        {"msg": "ERROR x"},
        {"event": "ERROR x"},
        {"log_json": {"msg": "ERROR x"}, "log": "fine"},
        {"log_json": {"log": "ERROR x"}},
        {"log_json": {"message": ""}, "log": "ERROR x"},
        {"log_json": {"message": None}, "log": "ERROR x"},
        {"level": "", "log": "ERROR x"},
        {"level": None, "log": "ERROR x"},
        {"log": f"boom\n{TRACE}"},
    ],
    ids=str,
)
def test_without_a_level_the_message_tells(record: dict[str, Any]) -> None:
    """The message that the record will have is the one that is looked at."""
    assert Level.ERROR == level(**record)


def test_only_a_full_parse_can_judge_odd_shapes() -> None:
    """A trace beside the message, a message that is no text, a level of a strange type: None, never a guess."""
    assert [None] * 4 == [
        level(log="boom", stack_trace=TRACE),
        level(log={"a": 1}),
        level(level=["ERROR"]),
        level(level="INFO", log_json="text"),
    ]


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (b"", RejectReason.EMPTY),
        (b"[]", RejectReason.NOT_AN_OBJECT),
        (b'{"level":"LOUD"}', RejectReason.UNKNOWN_LEVEL),
        (b'{"level":"' + b"9" * 5_000 + b'"}', RejectReason.UNKNOWN_LEVEL),
        (b'{"level":99999999999999999999}', RejectReason.UNKNOWN_LEVEL),
        (b'{"level":"INFO","log":"\xff"}', RejectReason.BAD_UTF8),
        (b'{"level":"INFO","unread":"\xff"}', RejectReason.BAD_UTF8),
        (b'{"level":"INFO","log":"x', RejectReason.CUT_OFF),
        (b"\x00\x01", RejectReason.NOT_JSON),
        (b'{"level":"INFO","n":' + b"[" * 10_000 + b"]" * 10_000 + b"}", RejectReason.TOO_DEEP),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_record_is_refused_below_warn_too(piece: bytes, reason: RejectReason) -> None:
    """A piece that is no JSON object with a known level is refused, whatever its level."""
    with pytest.raises(RejectionError) as caught:
        peek(piece)
    assert reason == caught.value.reason


_MESSAGES = st.sampled_from(["", "fine", "ERROR x", "[WARN] y", f"no\n{TRACE}", "결제 실패", None, 7, ["x"]])
_LEVELS = st.sampled_from(["info", "WARN", "error", "", None, 0, 3, 30, 50, "9", "LOUD", True, 1.5])
_PART = st.dictionaries(
    st.sampled_from(["log_content", "log", "message", "msg", "event", "exc_info", "stack_trace", "error.stack_trace"]),
    _MESSAGES,
    max_size=3,
)
_NAMED = st.dictionaries(st.sampled_from(["level", "severity", "levelname", "log.level", "lvl"]), _LEVELS, max_size=2)


@settings(max_examples=120, deadline=None)
@given(_PART, _NAMED, st.none() | st.tuples(_PART, _NAMED))
def test_the_look_and_the_parse_agree(
    part: dict[str, Any], named: dict[str, Any], inner: tuple[dict[str, Any], dict[str, Any]] | None
) -> None:
    """Whatever a record holds, a level that the look tells is the parsed record's, and a refusal is one in both."""
    record = part | named | ({"log_json": inner[0] | inner[1]} if inner else {})
    piece = json.dumps(record).encode()
    try:
        seen = peek(piece)
    except RejectionError:
        with pytest.raises(RejectionError):
            parse(piece, 0.0)
        return
    if seen is None:
        return
    try:
        parsed = parse(piece, 0.0).record.level
    except RejectionError:
        return  # the look reads only the level; the parse found another fault
    assert parsed == seen
