"""The lines of a stack trace that a person reads first."""

HEAD_LINES = 8
"""Message, exception and the innermost frames of a Java trace."""

MAX_LINES = 16
"""Shown whole up to here: as much as Slack shows without folding on a phone. Our choice."""


def excerpt(lines: list[str], left_out: str) -> list[str]:
    """At most `MAX_LINES` lines: the head, each `Caused by:` with its first frame, and the end of a Python traceback.

    `left_out` is the text for a gap, with a place `{count}`.
    """
    if len(lines) <= MAX_LINES:
        return lines
    wanted = set(range(HEAD_LINES))
    ends = [n for n, line in enumerate(lines) if line.lstrip().startswith("Caused by:")]
    # The deepest cause is the last one, and worth most. A Python traceback ends with its exception, unindented.
    for n in reversed(ends):
        wanted |= _if_room(wanted, {n, n + 1})
    last = len(lines) - 1
    if not lines[last].startswith((" ", "\t")):
        wanted |= _if_room(wanted, {last - 2, last - 1, last})
    shown: list[str] = []
    before = -1
    for n in sorted(wanted & set(range(len(lines)))):
        if n > before + 1:
            shown.append(left_out.format(count=n - before - 1))
        shown.append(lines[n])
        before = n
    if before < last:
        shown.append(left_out.format(count=last - before))
    return shown


def _if_room(wanted: set[int], more: set[int]) -> set[int]:
    gaps = 1 + len({n for n in wanted | more if n - 1 not in wanted | more})
    return more if len(wanted | more) + gaps <= MAX_LINES else set()
