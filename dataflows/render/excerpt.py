"""The lines of a stack trace that a person reads first."""

from dataflows.domain.trace.frames import FRAMEWORKS
from dataflows.domain.trace.lines import classify
from dataflows.render.catalogue import Counted

HEAD_LINES = 8
"""Message, exception and the innermost frames of a Java trace."""

MAX_LINES = 16
"""Shown whole up to here: as much as Slack shows without folding on a phone. Our choice."""

_SURE_LINES = 4
"""Of the head: kept whatever else there is."""
_OWN_FRAMES = 3
"""Frames of the team's own code nearest to where it was raised: where a person starts to look."""


def excerpt(lines: list[str], left_out: Counted) -> list[str]:
    """At most `MAX_LINES` lines, in order, each gap counted by `left_out`.

    By weight: the first lines, each `Caused by:` with its first frame (the deepest is worth most), the end of a Python
    traceback, the nearest own frames, then more of the head.
    """
    if len(lines) <= MAX_LINES:
        return lines
    wanted = set(range(_SURE_LINES))
    for n in reversed([n for n, line in enumerate(lines) if line.lstrip().startswith("Caused by:")]):
        wanted |= _if_room(wanted, {n, min(n + 1, len(lines) - 1)})
    last = len(lines) - 1
    if not lines[last].startswith((" ", "\t")):  # a Python traceback ends with its exception, unindented
        wanted |= _if_room(wanted, {last - 2, last - 1, last})
    for frame in _own(lines):
        wanted |= _if_room(wanted, frame)
    for n in range(_SURE_LINES, HEAD_LINES):
        wanted |= _if_room(wanted, {n})
    shown: list[str] = []
    before = -1
    for n in sorted(wanted):
        if n > before + 1:
            shown.append(left_out.of(n - before - 1))
        shown.append(lines[n])
        before = n
    if before < last:
        shown.append(left_out.of(last - before))
    return shown


def _own(lines: list[str]) -> list[set[int]]:
    """Lines of the nearest frames of the team's own code, the nearest first; a frame may take two lines."""
    found: list[set[int]] = []
    is_python = False
    for n, line in enumerate(lines):
        kind, _, _, ours = classify(line, FRAMEWORKS)
        is_python |= kind == "python_frame"
        if ours and kind == "python_frame":
            found.append({n, n + 1} if n + 1 < len(lines) and lines[n + 1].startswith("    ") else {n})
        elif ours:
            found.append({n - 1, n} if kind == "go_file" and n else {n})
    return found[: -_OWN_FRAMES - 1 : -1] if is_python else found[:_OWN_FRAMES]  # Python has the nearest last


def _if_room(wanted: set[int], more: set[int]) -> set[int]:
    gaps = 1 + len({n for n in wanted | more if n - 1 not in wanted | more})
    return more if len(wanted | more) + gaps <= MAX_LINES else set()
