"""The commonest trace: a header, its frames, causes with theirs. Read in a third of the time of all rules."""

from collections.abc import Iterator, Sequence
from typing import Final

from dataflows.domain.trace.line import Line
from dataflows.domain.trace.pending import pending_heads
from dataflows.domain.trace.raised import Raised
from dataflows.domain.trace.runs import Run

Part = tuple[Line, str, Run | None, str]
"""A line and its text; the run of indented lines below it and its text, None and empty without."""

MAX_PENDING: Final = 30
"""Lines before a frame that are looked at for its header."""
NAME_MARKS: Final = frozenset(".@:")
"""A qualified name or a source file: `at noon (sharp)` has neither."""


def plain_chain(parts: Sequence[Part]) -> tuple[Raised, ...] | None:
    """Return the chain, outermost first, as all rules together would; None where one of the others has a say."""
    rest = iter(parts)
    pending: list[tuple[Line, str]] = []
    for line, raw, run, _ in rest:
        if line[0] in _BEFORE:
            pending.append((line, raw))
        elif line[0] != "skip" or run is not None:
            return None
        if run is not None:
            chain = _outer(pending, run) if run.kind == "frames" and len(pending) <= MAX_PENDING else []
            return _with_causes(chain, rest) if chain else None
    return None


def _with_causes(chain: list[Raised], rest: Iterator[Part]) -> tuple[Raised, ...] | None:
    for line, _, run, _ in rest:
        if line[0] == "cause" and (run is None or run.kind == "frames"):
            chain.append(Raised(line.name, line.rest, run.names if run else ()))
        elif line[0] != "skip" or run is not None:
            return None
    for raised in chain:
        if raised.type and raised.frames:
            return tuple(chain)
    return None


_BEFORE: Final = frozenset({"text", "head"})


def _outer(pending: Sequence[tuple[Line, str]], run: Run) -> list[Raised]:
    heads = pending_heads(pending, strict=False, loose=not NAME_MARKS.isdisjoint(run.frames[0].name))
    *outer, last = heads or [Line("head")]
    return [*[Raised(head.name, head.rest, ()) for head in outer], Raised(last.name, last.rest, run.names)]
