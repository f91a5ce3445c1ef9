"""The record model: three shapes, one record; everything else a reason."""

import json
from typing import Any

import pytest

from dataflows.domain.levels import Level
from dataflows.domain.records import LogRecord, Parsed, parse
from dataflows.domain.rejections import RejectionError, RejectReason

ARRIVAL = 1_763_764_859.0
KUBERNETES = {
    "namespace_name": "shop",
    "pod_name": "order-api-6d9f7c5b8-x2x9p",
    "container_name": "app",
    "host": "node-1",
    "labels": {"app.kubernetes.io/name": "order-api", "app.kubernetes.io/version": "1.42.0"},
    "annotations": {"anything": ["goes"]},
}


def read(**record: Any) -> LogRecord:
    """The record of one JSON object."""
    return parse(json.dumps(record).encode(), ARRIVAL).record


def refused(piece: bytes) -> RejectReason:
    """Why a piece is refused."""
    with pytest.raises(RejectionError) as caught:
        parse(piece, ARRIVAL)
    return caught.value.reason


TEXT = {"@timestamp": "2025-11-21T22:40:59Z", "log": "ERROR boom\n", "stream": "stderr", "kubernetes": KUBERNETES}
FIELDS = {
    "@timestamp": "2025-11-21T22:41:00Z",
    "timestamp": "2025-11-21 22:40:59,000",
    "level": "error",
    "service": "order-api",
    "log_content": "ERROR boom",
    "message": "boom",
    "kubernetes": KUBERNETES,
}
MERGED = {
    "@timestamp": "2025-11-21T22:41:00Z",
    "log_json": {"ts": 1_763_764_859_000, "lvl": 50, "msg": "ERROR boom", "app": "order-api"},
    "kubernetes": KUBERNETES,
}


@pytest.mark.parametrize("shape", [TEXT, FIELDS, MERGED], ids=["text", "fields", "merged"])
def test_the_three_shapes_are_one_record(shape: dict[str, Any]) -> None:
    """Text, parsed fields and merged JSON of one event give the same record."""
    record = read(**shape)
    assert (Level.ERROR, "ERROR boom", "order-api", ARRIVAL, "1.42.0", "node-1") == (
        record.level,
        record.message,
        record.service,
        record.event_ts,
        record.version,
        record.kubernetes.host,
    )


def test_unknown_fields_are_kept_and_known_ones_are_not_repeated() -> None:
    """What the model does not know is kept for search, from both levels; the inner one wins."""
    record = read(level="ERROR", log="x", a=1, log_json={"b": [1], "a": 2}, stream="stderr")
    assert {"a": 2, "b": [1]} == record.fields


@pytest.mark.parametrize("name", ["stack_trace", "exc_info", "exception", "traceback", "stack", "error.stack_trace"])
def test_a_trace_in_its_own_field_joins_the_message(name: str) -> None:
    """A stack trace that a logger put beside the message is part of it, once."""
    trace = "java.lang.IllegalStateException: no\n\tat com.acme.A.b(A.java:7)\n"
    assert f"boom\n{trace.rstrip()}" == read(level="ERROR", message="boom", **{name: trace}).message
    assert f"boom {trace.rstrip()}" == read(level="ERROR", message=f"boom {trace}", **{name: trace}).message


def test_a_trace_that_is_an_object_is_kept_for_search() -> None:
    """A structured exception cannot join the message, and is not lost either."""
    exception = {"class": "IllegalStateException", "frames": [1, 2]}
    assert {"exception": exception} == read(level="ERROR", message="boom", exception=exception).fields


def test_a_missing_level_is_guessed_with_the_trace() -> None:
    """Without a level the message and its trace tell."""
    trace = "Traceback (most recent call last):\n  File x"
    assert (Level.ERROR, Level.INFO) == (read(msg="no", exc_info=trace).level, read(msg="no").level)


def test_a_record_without_a_message_speaks_its_fields() -> None:
    """A record of unknown fields only has them as its message."""
    assert '{"code":7}' == read(level="ERROR", code=7).message


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ARRIVAL, ARRIVAL),
        (int(ARRIVAL * 1e3), ARRIVAL),
        (int(ARRIVAL * 1e6), ARRIVAL),
        (int(ARRIVAL * 1e9), ARRIVAL),
        ("2025-11-21T22:40:59Z", ARRIVAL),
        ("2025-11-22T07:40:59.000000000+09:00", ARRIVAL),
        ("2025-11-21 22:40:59,000", ARRIVAL),
        ("2025-11-21 22:40:58", ARRIVAL - 1),
    ],
)
def test_times_are_read(given: object, expected: float) -> None:
    """Epoch numbers in s, ms, us and ns and ISO 8601 texts are seconds since the epoch; without a zone it is UTC."""
    assert pytest.approx(expected, abs=1e-3) == read(level="ERROR", log="x", time=given).event_ts


@pytest.mark.parametrize(
    "given",
    [
        "yesterday",
        "",
        True,
        [],
        12.5,
        -1e300,
        1e300,
        0,
        int("9" * 400),
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+09:00",
        "9999-12-31T23:59:59-12:00",
    ],
    ids=lambda value: str(value)[:30],
)
def test_times_that_cannot_be_are_the_arrival(given: object) -> None:
    """A time that is none, Go's zero time, or seconds since a start: the arrival time stands in."""
    assert ARRIVAL == read(level="ERROR", log="x", time=given).event_ts


def test_nulls_are_absent() -> None:
    """A null says nothing, in a record as in its kubernetes part."""
    record = read(level="ERROR", log="x", service=None, trace_id=None, kubernetes={"host": None, "labels": None})
    assert ("unknown", "", "") == (record.service, record.trace_id, record.kubernetes.host)


def test_a_service_s_name_is_whole() -> None:
    """It is cut once it is redacted (see triage): half a secret would not be known for one."""
    assert "가" * 5_000 == read(level="ERROR", log="x", service="가" * 5_000).service


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"level": "LOUD", "log": "x"}, RejectReason.UNKNOWN_LEVEL),
        ({"level": ["ERROR"], "log": "x"}, RejectReason.UNKNOWN_LEVEL),
        ({"level": True, "log": "x"}, RejectReason.UNKNOWN_LEVEL),
        ({"level": 3.5, "log": "x"}, RejectReason.UNKNOWN_LEVEL),
        ({"level": "ERROR", "log": 5}, RejectReason.WRONG_TYPE),
        ({"level": "ERROR", "log": "x", "kubernetes": "k"}, RejectReason.WRONG_TYPE),
        ({"level": "ERROR", "log_json": ["text"]}, RejectReason.WRONG_TYPE),
    ],
    ids=str,
)
def test_wrong_types_at_error_level_are_refused(record: dict[str, Any], reason: RejectReason) -> None:
    """A value that contradicts the model is a reason, never a guess."""
    assert reason == refused(json.dumps(record).encode())


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (b"", RejectReason.EMPTY),
        (b" \t\r", RejectReason.EMPTY),
        (b"[1,2]", RejectReason.NOT_AN_OBJECT),
        (b'"text"', RejectReason.NOT_AN_OBJECT),
        (b"null", RejectReason.NOT_AN_OBJECT),
        (b"plain text", RejectReason.NOT_JSON),
        (b'{"a":1}{"b":2}', RejectReason.NOT_JSON),
        (b"{'a':1}", RejectReason.NOT_JSON),
        (b'{"a":.5}', RejectReason.NOT_JSON),
        (bytes(range(128, 256)), RejectReason.BAD_UTF8),
        (b'{"level":"ERROR","log":"\xff"}', RejectReason.BAD_UTF8),
        (b'{"level":"ERROR","log":"x","n":' + b"[" * 10_000 + b"]" * 10_000 + b"}", RejectReason.TOO_DEEP),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_record_has_its_reason(piece: bytes, reason: RejectReason) -> None:
    """Every kind of broken piece has the reason that names it."""
    assert reason == refused(piece)


WHOLE = '{"level":"ERROR","log":"x\\ud83d\\ude00 \\" y","n":[1.5e3,-7,true,null],"k":{"a":"한글 🙂"}}'.encode()


def test_every_cut_is_told_as_one() -> None:
    """Wherever a record is cut off, inside a number or a character too, the reason is `cut_off`."""
    assert [] == [WHOLE[:end] for end in range(1, len(WHOLE)) if refused(WHOLE[:end]) is not RejectReason.CUT_OFF]


def test_half_an_emoji_is_mended() -> None:
    """A character that a shipper cut in two is replaced, not refused; a whole one is kept."""
    assert ("a\ufffdb", "a🙂b") == (
        parse(b'{"level":"ERROR","log":"a\\ud83db"}', ARRIVAL).record.message,
        parse(b'{"level":"ERROR","log":"a\\ud83d\\ude42b"}', ARRIVAL).record.message,
    )


def test_of_a_double_key_the_last_value_wins_and_is_told() -> None:
    """`duplicate_keys` says that a key came twice; the record has its last value."""
    parsed: Parsed = parse(b'{"level":"INFO","log":"a","level":"ERROR","log":"b"}', ARRIVAL)
    assert (Level.ERROR, "b", True) == (parsed.record.level, parsed.record.message, parsed.duplicate_keys)


def test_a_reason_never_tells_the_record() -> None:
    """The detail of a refusal names the place, not the value."""
    with pytest.raises(RejectionError) as caught:
        parse(b'{"level":"ERROR","log":"x","kubernetes":"hunter2"}', ARRIVAL)
    assert "kubernetes" in caught.value.detail
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize(
    ("extra", "field", "value"),
    [
        ({"version": 2}, "version", "2"),
        ({"request_id": 12345}, "request_id", "12345"),
        ({"trace_id": {"a": 1}}, "trace_id", ""),
        ({"service": {"name": "pay"}}, "service", "pay"),
        ({"service": ["a"]}, "service", ""),
        ({"kubernetes": {"labels": {"beta": True, "n": 3, "gone": None}}}, "service", "unknown"),
        ({"kubernetes": {"labels": [1]}}, "service", "unknown"),
    ],
    ids=str,
)
def test_a_side_field_never_costs_an_alert(extra: dict[str, Any], field: str, value: str) -> None:
    """A number, a nested name or nonsense in a field that only helps is used as far as it can be."""
    record = parse(json.dumps({"level": "ERROR", "log": "boom", **extra}).encode(), ARRIVAL).record
    assert ("boom", value) == (record.message, getattr(record, field))


def test_nested_fields_of_ecs_are_understood() -> None:
    """`{"log":{"level":...}}` is a level, and a text under `log_json` is a message."""
    ecs = parse(b'{"log":{"level":"error","logger":"a.B"},"message":"boom","service":{"name":"pay"}}', ARRIVAL).record
    text = parse(b'{"level":"ERROR","log_json":"boom"}', ARRIVAL).record
    assert (Level.ERROR, "boom", "pay", "boom") == (ecs.level, ecs.message, ecs.service, text.message)
