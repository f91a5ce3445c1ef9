"""Joins the lines of a stack trace into the record they belong to, as the log shipper does. Pure.

Used where lines come raw, from container log files; what Fluent Bit ships is joined already.
"""

import re
from collections.abc import Iterable, Iterator

MAX_LINES = 400
MAX_CHARS = 256_000
"""Bounds of one joined record: a file of nothing but indented lines must not become one record."""

_CONTINUES = re.compile(
    r"""(?x)
    \s+\S                                        # an indented line: frames, details, "... 12 more"
    | Caused\ by: | Suppressed: | \s*\.\.\.\ \d+
    | Traceback\ \(most\ recent\ call\ last\):   # after the log line that announces it
    | During\ handling\ of | The\ above\ exception
    | (?:[a-zA-Z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable|Failure|Interrupt)\b   # java.lang.X: message
    | goroutine\ \d+\ \[ | \[signal\  | created\ by\  | panic:[ ]
    """
)
_GOROUTINE = re.compile(r"goroutine \d+ \[")
_GO_CALL = re.compile(r"[\w./%\-]+\.[\w.()*\[\]{}-]*\(.*\)$|exit status \d+$")
"""A frame of a goroutine, which is not indented: `main.(*Server).handle(0xc000010000, 0x1)`."""
_TRACEBACK = "Traceback (most recent call last):"


def join(lines: Iterable[str]) -> Iterator[str]:
    """Records of one container's lines, in order; a trace is in the record of the line before it."""
    held: list[str] = []
    size = 0
    python = False
    """Inside a Python traceback, whose last line is not indented."""
    goroutine = False
    """Inside the frames of a goroutine, half of which are not indented."""
    for line in lines:
        blank = not line.strip()
        continues = bool(held) and (blank or _CONTINUES.match(line) is not None)
        if python and not blank and not line[0].isspace() and not line.startswith(_TRACEBACK):
            continues, python = True, False  # the exception itself: the last line of the traceback
        if held and goroutine and not continues:
            continues = goroutine = _GO_CALL.match(line) is not None
        if not continues or len(held) >= MAX_LINES or size > MAX_CHARS:
            yield from _flush(held)
            held, size = [], 0
        python = python or line.startswith(_TRACEBACK)
        goroutine = goroutine or _GOROUTINE.match(line) is not None
        held.append(line)
        size += len(line)
    yield from _flush(held)


def _flush(held: list[str]) -> Iterator[str]:
    text = "\n".join(held).rstrip()
    if text:
        yield text
