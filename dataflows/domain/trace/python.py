"""Read Python's tracebacks: causes are printed first, calls outermost first, members of groups behind bars."""

import re
from typing import Final

from dataflows.domain.trace.line import Line
from dataflows.domain.trace.raised import Open, Raised
from dataflows.domain.trace.runs import Run

MAX_DEPTH: Final = 10
"""Groups within groups; `traceback` prints no more either (`max_group_depth`)."""

_TYPE = re.compile(r"(?P<name>[A-Za-z_][\w.]{0,199})(?=:|\s*$|[\"'\\])")


class PythonErrors:
    """The exceptions of one text, while its lines are read."""

    def __init__(self) -> None:
        self._errors: list[Open] = []
        self._members = 0
        self.reading = False
        """Whether a traceback is being read: what comes may be its header."""

    def start(self, raw: str) -> None:
        """Take a line that says that a traceback follows."""
        if not (self._errors and _is_empty(self._errors[-1])):
            self._open(_depth(raw))
        self.reading = True

    def frame(self, line: Line, raw: str) -> None:
        """Take a frame; a traceback whose beginning was cut off starts with one."""
        if not self._errors:
            self.start(raw)
        self._errors[-1].frames.append(line)

    def frames(self, run: Run) -> bool:
        """Take frames and source lines as a whole; False, and nothing taken, unless a traceback is being read."""
        if not self.reading:
            return False
        error = self._errors[-1]
        if not error.frames:
            error.run = run
        error.frames.extend(run.frames)
        return True

    def member(self, raw: str) -> None:
        """Take a line between the members of a group."""
        self._members += 1
        self._open(_depth(raw) + ("+-+" in raw))
        self.reading = True

    def text(self, line: Line, raw: str) -> None:
        """Take a line that may be the header below the frames. A traceback is being read."""
        error = self._errors[-1]
        body = _body(raw)
        if (error.frames or error.member) and body[:1] not in {" ", "\t", ""}:
            found = _TYPE.match(body)
            if found:
                error.head = Line("head", found["name"], body[found.end() :].lstrip(": "))
            elif line.kind == "head":
                error.head = line
            self.reading = not error.head.name

    def result(self) -> list[Raised]:
        """Return the chain, outermost first, each group followed by its members; empty where there was no traceback."""
        if not self._errors or not any(error.frames for error in self._errors):
            return []
        return _outermost_first([error for error in self._errors if error.frames or error.head.name])

    def _open(self, depth: int) -> None:
        self._errors.append(Open(Line("head"), depth=min(depth, MAX_DEPTH), member=self._members))


def _is_empty(error: Open) -> bool:
    return not error.frames and not error.head.name


def _depth(raw: str) -> int:
    bare = raw.lstrip(" ")
    return max(0, (len(raw) - len(bare)) // 2 - 1) if bare[:1] in {"|", "+"} else 0


def _body(raw: str) -> str:
    bare = raw.lstrip(" ")
    return bare[2:] if bare.startswith(("| ", "+ ")) else raw


def _outermost_first(errors: list[Open]) -> list[Raised]:
    units: list[list[Open]] = []
    for error in errors:
        if units and error.depth > units[-1][0].depth:
            units[-1].append(error)
        else:
            units.append([error])
    chain: list[Raised] = []
    for outer, *below in reversed(units):
        chain.append(outer.close(innermost_last=True))
        chain.extend(_members(below))
    return chain


def _members(errors: list[Open]) -> list[Raised]:
    """Return the members of a group, whatever their order and number: equal ones once, sorted by type and frames."""
    if not errors:
        return []
    top = min(error.depth for error in errors)
    members: list[list[Open]] = []
    for error in errors:
        if not members or (error.depth == top and error.member != members[-1][0].member):
            members.append([])
        members[-1].append(error)
    chains = [_outermost_first(member) for member in members]
    known = {tuple([(raised.type, raised.frames) for raised in chain]): chain for chain in chains}
    return [raised for key in sorted(known) for raised in known[key]]
