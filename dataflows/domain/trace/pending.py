"""Which of the lines before a frame is the header of the exception that the frame belongs to."""

from collections.abc import Sequence

from dataflows.domain.trace.headers import dart_header, header, loose_header
from dataflows.domain.trace.line import Line


def pending_heads(pending: Sequence[tuple[Line, str]], *, strict: bool, loose: bool) -> list[Line]:
    """Choose the header among lines: the first that starts with an exception type, or names one; more within one line.

    `strict`: an exception is being read, so an indented line is no header. `loose`: what follows is a frame beyond
    doubt, so the first or the last line names a type, even an odd one.
    """
    named: list[Line] = []
    for position, (line, raw) in enumerate(pending):
        outer, *inner = raw.split(" ---> ") if " ---> " in raw else (raw,)
        head = _any_header(outer.strip()) if inner else line if line.kind == "head" else None
        if head is not None and not (strict and outer[:1].isspace()):
            heads = [head, *[found for part in inner if (found := _any_header(part)) is not None]]
            if raw.lstrip().startswith(head.name):
                return heads
            named = named or heads
        if raw.startswith("Unhandled exception:") and position + 1 < len(pending):
            return named or [dart_header(pending[position + 1][1])]
    if named:
        return named
    if loose and not strict and pending:
        for _, raw in (pending[-1], pending[0]):
            head = loose_header(raw.strip())
            if head is not None:
                return [head]
    return []


def _any_header(text: str) -> Line | None:
    return header(text) or loose_header(text)
