"""JSON modes: one JSON object a line in, one a line out, in order.

A line that is not such an object, an empty one too, gives `{"error": ...}`. Each answer is flushed: a program may
write a line and wait for its answer.
"""

import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

import msgspec

_encode = msgspec.json.Encoder().encode


class LineError(ValueError):
    """What is wrong with one line, for its `error` field."""


def text_field(line: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text field of a line; with no default it must be there."""
    value = line.get(name, default)
    if not isinstance(value, str):
        msg = f'"{name}" must be a text' if name in line else f'"{name}" is missing'
        raise LineError(msg)
    return value


def _object(line: bytes) -> Mapping[str, Any]:
    given = msgspec.json.decode(line)
    if not isinstance(given, dict):
        msg = "not a JSON object"
        raise LineError(msg)
    return given


def run(
    answer: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> None:
    """Answer every line of standard input on standard output."""
    source, sink = stdin or sys.stdin.buffer, stdout or sys.stdout.buffer
    for line in source:
        try:
            out = answer(_object(line))
        except LineError as err:
            out = {"error": str(err)}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
            out = {"error": f"not a JSON object: {err}"}
        sink.write(_encode(out) + b"\n")
        sink.flush()
