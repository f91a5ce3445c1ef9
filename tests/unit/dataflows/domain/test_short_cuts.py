"""A short cut says what the long way says: of levels, and of texts with nothing to hide."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.kinesis import BadPiece, unpack
from dataflows.domain.levels import Level, _inferred, infer
from dataflows.domain.peek import are_quiet, peek
from dataflows.domain.redaction import redact
from dataflows.domain.redaction.fields import redact_fields
from dataflows.domain.rejections import RejectionError
from dataflows.domain.shapes import spoken_ids

_LEVELS = st.sampled_from(
    [
        "INFO",
        "info",
        "Debug",
        "WARN",
        "error",
        "Fatal",
        "notice",
        "banana",
        "",
        " info ",
        10,
        30,
        50,
        3,
        None,
        True,
        1.5,
        [],
    ]
)
_TEXTS = st.sampled_from(
    [
        *(
            "2026-01-01 INFO started",
            "2026-01-01 ERROR down",
            "no level",
            "level=warn x",
            "",
            "E0101 10:00:00.1 a.go:1] x",
        ),
        *("Traceback (most recent call last):\n  x", "여보세요 ERROR 안녕", "\ud83d\ude00 WARN", "[INFO] [a] b"),
    ]
)
_FIELDS = st.dictionaries(
    st.sampled_from(["log", "log_content", "message", "msg", "event", "stack_trace", "exception", "host"]),
    st.one_of(_TEXTS, st.none(), st.integers(), st.just({"level": "error"})),
    max_size=3,
)
_OTHER = st.dictionaries(
    st.sampled_from(["severity", "lvl", "log.level"]), st.sampled_from(["INFO", "ERROR", 40]), max_size=1
)
_NAMES = st.builds(lambda level, other: level | other, st.dictionaries(st.just("level"), _LEVELS), _OTHER)
_STARTS = st.sampled_from([b"", b" ", b"\t\r"])
_ENDS = st.sampled_from([b"", b"\n", b"\n\n", b"\r\n", b" ", b"}", b'\n{"level":"ERROR"}', b"\xff"])


@st.composite
def _records(draw: st.DrawFn) -> bytes:
    outer: dict[str, Any] = draw(_NAMES) | draw(_FIELDS)
    inner = draw(st.one_of(st.just({}), _NAMES, st.none(), st.text(max_size=3)))
    if inner != {}:
        outer["log_json"] = inner | draw(_FIELDS) if isinstance(inner, dict) else inner
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    text = json.dumps(outer, ensure_ascii=draw(st.booleans()), separators=separators)
    return draw(_STARTS) + text.encode("utf-8", "replace") + draw(_ENDS)


def _below_warn(record: bytes) -> bool:
    """The long way: one piece, and its level is below WARN."""
    pieces = list(unpack(record))
    if len(pieces) != 1 or isinstance(pieces[0], BadPiece):
        return False
    try:
        level = peek(pieces[0])
    except RejectionError:
        return False
    return level is not None and level < Level.WARN


@given(_records())
@example(b'{"level":"info","log":"\xff"}')
@example(b'{"level":"info"}\n{"level":"error"}')
@example(b'{"level":"INFO","log_json":{"level":"ERROR"}}')
@example(b'{"log":"fine","severity":"ERROR"}')
@example(b'{"log":"","message":"ERROR: down"}')
@example(b'{"log":"fine","stack_trace":"a"}')
@example(b'{"log":"fine","log":{"level":"error"}}')
def test_a_quiet_record_is_below_warn(record: bytes) -> None:
    """What is called quiet is one piece below WARN, and what is one line in braces below WARN is called quiet."""
    one_line = b"\n" not in record.removesuffix(b"\n")
    assert are_quiet([record])[0] == (_below_warn(record) and one_line)


@given(st.lists(_records(), max_size=4), st.integers(1, 120))
@example([b"\x1f\x8b"], 100)
@example([b'{"level":"info","log":"\xff"}', b'{"level":"error"}'], 99)
@example([b'{"level":"info"}\n{"level":"error"}\n', b'{"level":"info"}'], 1)
def test_records_are_judged_together_as_one_by_one(unusual: list[bytes], usual: int) -> None:
    """What is unusual changes nothing for its neighbours, wherever the batch is cut."""
    batch = [b'{"level":"INFO"}\n'] * usual + unusual + [b'{"log":"ERROR down"}\n', b'{"log":"fine"}\n']
    assert are_quiet(batch) == [are_quiet([record])[0] for record in batch]


_HEADS = st.lists(
    st.sampled_from(
        [
            *("2026-01-01", "12:00:00.123", "T", "Z", "+09:00", " ", "  ", "\t", "\n", "[", "]", ":", "-", "|", "x"),
            *("INFO", "ERROR", "WARN", "WARNING", "TRACE", "DEBUG", "FATAL", "TZT", "level=warn", "I0101 10:00:00.1"),
            *("Traceback (most recent call last)", "error:"),
        ]
    ),
    max_size=8,
).map("".join)


@given(_HEADS)
@example("2026-01-01 INFO")
@example("2026-01-01INFO: x")
@example("I0101 10:00:00.1 ERROR ")
def test_a_level_behind_a_time_is_the_one_that_all_rules_find(text: str) -> None:
    """The short look at the beginning never disagrees with the long one."""
    assert infer(text) == _inferred(text)


_TRACE = re.compile(r"(?i)\btrace(?:[_-]?id)?[\"']?\s?[=:]\s?[\"']?(?P<id>[0-9a-f]{16,32})\b")
_REQUEST = re.compile(r"(?i)\brequest(?:[_-]?id)?[\"']?\s?[=:]\s?[\"']?(?P<id>[0-9a-f][0-9a-f-]{7,63})\b")
_SPOKEN = st.lists(
    st.sampled_from(
        [
            *("trace", "TRACE", "Trace", "request", "ReQuest", "_id", "-ID", "Id", '"', " ", "=", ":", "x", "7", "_"),
            *("0123456789abcdef", "ABCDEF0123456789", "0123456789abcdef" * 2, "안", "\u0130", "\n"),
        ]
    ),
    max_size=12,
).map("".join)


@given(_SPOKEN)
@example("retrace=0123456789abcdef trace=fedcba9876543210")
@example("\u0130 TraceId: 0123456789abcdef")
def test_ids_are_found_where_a_search_finds_them(text: str) -> None:
    """Looking behind each `trace` and `request` finds what one search over the text does."""
    trace, request = _TRACE.search(text), _REQUEST.search(text)
    assert (trace["id"] if trace else "", request["id"] if request else "") == spoken_ids(text)


_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "order",
                "4711",
                "kim@example.com",
                "10.20.30.40",
                "password",
                "=",
                ": ",
                "\n",
                "\\n",
                "%40",
                '"',
                "{",
                "[",
                "'",
            ),
            *("-----BEGIN PRIVATE KEY-----", "abc", "token", "Bearer ", "eyJhbGciOi", "010-1234-5678", " ", "&quot;"),
            *('"', "{", "[", "'", "4111 1111 1111 1111", "secret", "name", "value", "- "),
        ]
    ),
    max_size=6,
).map("".join)


@given(st.lists(_PIECES, max_size=5))
@example(["password:", "hunter" + "2x"])
@example(["- name: DB_PASSWORD", "  value: hunter" + "2x"])
def test_texts_called_harmless_stay_as_they_are(texts: list[str]) -> None:
    """If one walk over several texts finds nothing, none of them has anything to hide."""
    if redact.harmless(texts):
        assert texts == [redact(text).text for text in texts]


@given(
    st.recursive(
        _PIECES | st.integers() | st.none(),
        lambda inner: st.dictionaries(_PIECES, inner, max_size=4) | st.lists(inner, max_size=4),
    )
)
@pytest.mark.parametrize("key", [None, b"0123456789abcdef"])
def test_fields_are_the_same_looked_at_one_by_one(key: bytes | None, value: object) -> None:
    """The walk over all texts of a record at once hides what the walk over each hides."""

    class Unsure(type(redact)):  # type: ignore[misc] # the class of a value
        def harmless(self, texts: object) -> bool:
            del texts
            return False

    assert redact_fields(value, key, Unsure()) == redact_fields(value, key, redact)
