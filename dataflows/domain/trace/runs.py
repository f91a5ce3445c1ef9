"""Runs of lines that recur as a whole: the indented ones of a trace, below headers that vary from event to event."""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from dataflows.domain.trace.line import Line

_BARRED = re.compile(r"^ *[|+] ", re.MULTILINE)


class Run(NamedTuple):
    """Lines that follow each other and each begin with a space or a tab, understood. A function of their text alone."""

    kind: Literal["frames", "python", "mixed"]
    """`frames`: frames and lines that say nothing, a frame first; `python`: frames of a traceback with their source,
    a frame first; `mixed`: anything else."""
    lines: tuple[Line, ...]
    frames: tuple[Line, ...] = ()
    """As printed; empty for `mixed`."""
    names: tuple[str, ...] = ()
    """What `names_of` says of the frames, innermost first; empty for `mixed`."""


def run_of(text: str, lines: Sequence[Line]) -> Run:
    """Make a run of a text and its lines, one or more."""
    kinds = {line[0] for line in lines}
    first = lines[0][0]
    frames = tuple([line for line in lines if line[0] == first])
    if first == "frame" and kinds <= {"frame", "skip"}:
        return Run("frames", tuple(lines), frames, names_of(frames))
    # Behind a bar the header of a member of a group may follow its frames.
    if first == "python_frame" and kinds <= _OF_PYTHON and not _is_barred(text):
        return Run("python", tuple(lines), frames, names_of(frames[::-1]))
    return Run("mixed", tuple(lines))


_OF_PYTHON: Final = frozenset({"python_frame", "skip", "text", "head"})


def _is_barred(text: str) -> bool:
    return ("| " in text or "+ " in text) and _BARRED.search(text) is not None


def names_of(frames: Sequence[Line]) -> tuple[str, ...]:
    """Return the names of frames in their order, repeats dropped; in-app ones only where there is any in-app."""
    names = [name for _, name, _, ours in frames if ours] or [name for _, name, _, _ in frames]
    return tuple(dict.fromkeys(names))
