"""JSON modes: one line out per line in, in order, whatever comes."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from dataflows.cli.ndjson import LineError, run, text_field


def answers(given: bytes) -> list[dict[str, Any]]:
    """What an upper-casing command answers."""

    def shout(line: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": text_field(line, "text").upper(), "tone": text_field(line, "tone", "loud")}

    out = io.BytesIO()
    run(shout, io.BytesIO(given), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_answer_a_line_in_order() -> None:
    """Every line is answered in its place, the last one without a line end too."""
    assert [{"text": "A", "tone": "loud"}, {"text": "한", "tone": "low"}] == answers(
        '{"text":"a"}\n{"text":"한","tone":"low","more":1}'.encode()
    )


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"  ",
        b"plain",
        b"[]",
        b"null",
        b'{"text":1}',
        b"{}",
        b'{"text":"a"',
        b'{"text":"\xff"}',
        b'{"text":null}',
        b'{"text":"a","n":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda line: str(line[:20]),
)
def test_a_line_that_is_no_such_object_is_an_error_in_its_place(line: bytes) -> None:
    """A bad line, an empty one too, gives one `error` and the next is answered as ever."""
    bad, good = answers(line + b'\n{"text":"a"}\n')
    assert (["error"], {"text": "A", "tone": "loud"}) == (list(bad), good)


def test_no_line_no_answer() -> None:
    """An empty input has an empty output."""
    assert [] == answers(b"")


def test_what_is_missing_is_named() -> None:
    """The error names the field and whether it is missing or of a wrong type."""
    with pytest.raises(LineError, match=r'^"a" is missing$'):
        text_field({}, "a")
    with pytest.raises(LineError, match=r'^"a" must be a text$'):
        text_field({"a": 1}, "a")


def test_an_answer_is_there_before_the_next_question() -> None:
    """Each answer is flushed: a program may write a line and wait."""
    seen: list[int] = []

    class Out(io.BytesIO):
        def flush(self) -> None:
            seen.append(self.getvalue().count(b"\n"))

    run(dict, io.BytesIO(b'{"a":1}\n{"a":2}\n'), Out())
    assert [1, 2] == seen[:2]
