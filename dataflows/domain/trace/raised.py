"""One exception of a trace: while its lines are read, and after."""

from dataclasses import dataclass, field
from typing import NamedTuple

from dataflows.domain.trace.line import Line
from dataflows.domain.trace.runs import Run, names_of


class Raised(NamedTuple):
    """One exception of a chain."""

    type: str
    """As written, qualified; `panic` for Go and Rust; empty when the header is missing."""
    message: str
    """First line of the message, without the type."""
    frames: tuple[str, ...]
    """Frame names without line numbers, innermost first, repeats dropped; in-app only where there is any in-app."""
    detail: str = ""
    """What stands for a type in languages without one: Go's `runtime error: ...` class."""


@dataclass(slots=True)
class Open:
    """An exception while its lines are still being read."""

    head: Line
    frames: list[Line] = field(default_factory=list)
    """As printed. Only ever added to."""
    run: Run | None = None
    """The run that the first frames came from as a whole: mostly all of them, and its names are known."""
    parent: "Open | None" = None
    """The exception that this one is a cause of."""
    place: str = ""
    """Source file of a Rust panic: its only frame where it printed no other."""
    depth: int = 0
    """How many groups of Python enclose it."""
    member: int = 0
    """Counts the members of groups printed so far."""

    def close(self, *, innermost_last: bool = False) -> Raised:
        """Return what was read. `innermost_last`: the frames were printed outermost call first."""
        if self.run is not None and len(self.run.frames) == len(self.frames):
            names = self.run.names
        else:
            names = names_of(self.frames[::-1] if innermost_last else self.frames)
        if self.place and not names:
            names = (self.place,)
        head = self.head
        if head.kind == "panic":
            return Raised("panic", head.rest, names, head.name)
        return Raised(head.name, head.rest, names)
