"""What transports do to a message is undone."""

import json

import pytest

from dataflows.domain.normalise import normalise

TRACE = 'shop.Drained: pool "a" is empty\n\tat shop.Pool.take(Pool.java:3)\n\tat shop.Api.call(Api.java:9)'


def test_json_once_and_twice() -> None:
    """A trace within JSON, and within JSON within JSON, has its line ends, tabs and quotes back."""
    once = json.dumps({"stack": TRACE})
    twice = json.dumps({"log": once})
    assert [True, True] == [TRACE in normalise(text) for text in (once, twice)]


def test_one_escaped_line_end_before_a_frame() -> None:
    """A single literal line end counts if a frame follows it."""
    assert "a.B: x\n\tat c.D.e(D.java:1)" == normalise("a.B: x\\n\\tat c.D.e(D.java:1)")


def test_escaped_lines_behind_a_real_one() -> None:
    """A line of a logger before an escaped trace does not hide the escapes."""
    assert ["boom", *TRACE.split("\n")] == normalise("boom\n" + TRACE.replace("\n", "\\n")).split("\n")


@pytest.mark.parametrize("text", ["open C:\\new\\table failed", "two\nlines of C:\\new", "print('\\n')\nx\ny"])
def test_paths_and_code_stay(text: str) -> None:
    r"""A literal `\n` in a path or in source code is no line end."""
    assert text == normalise(text)


def test_windows_paths_within_json_stay() -> None:
    """An escaped backslash before an `n` is a backslash, not a line end."""
    trace = "System.Exception: x\n   at A.b() in C:\\new\\A.cs:line 3\n   at A.c() in C:\\new\\A.cs:line 4"
    assert trace in normalise(json.dumps({"e": trace}))
