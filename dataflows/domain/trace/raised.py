"""One exception of a trace: while its lines are read, and after."""

from dataclasses import dataclass, field
from typing import NamedTuple

from dataflows.domain.trace.line import Line


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
        frames = self.frames[::-1] if innermost_last else self.frames
        ours = [frame.name for frame in frames if frame.ours] or [frame.name for frame in frames]
        if self.place and not ours:
            ours = [self.place]
        is_panic = self.head.kind == "panic"
        kind, detail = ("panic", self.head.name) if is_panic else (self.head.name, "")
        return Raised(kind, self.head.rest, tuple(dict.fromkeys(ours)), detail)
