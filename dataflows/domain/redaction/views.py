r"""A text as it reads once its escapes are undone, and where each piece of it stands in the text as it is.

A secret may stand in JSON within JSON (`\\\"password\\\":...`), in a part of a URL (`password%3D...`) or behind a
line end that a logger wrote as `\n`. All rules look at such a text a second time, with one level of escapes undone.
"""

import re
from bisect import bisect_left
from typing import Final, NamedTuple

MAX_LEVELS: Final = 3
"""Levels that are undone: JSON in JSON in JSON. Each costs one walk over the text."""

_ESCAPE: Final = re.compile(
    r"\\(?:[\"'/\\nrt]|u00[2-7][0-9A-Fa-f])|%[2-7][0-9A-Fa-f]|&(?:quot|amp|apos|lt|gt|#(?:3[49]|61|64|38|58));"
)
_NAMED: Final = {"quot": '"', "amp": "&", "apos": "'", "lt": "<", "gt": ">"}
_CONTROLS: Final = {"n": "\n", "r": "\n", "t": "\t"}


class View(NamedTuple):
    """A text without its escapes."""

    text: str
    ends: list[int]
    """Places in `text` behind each character that was an escape, in order."""
    grown: list[int]
    """Characters by which the text as it is has run ahead there."""

    def place(self, at: int) -> int:
        """Say where in the text as it is a place of this view lies."""
        passed = bisect_left(self.ends, at + 1)
        return at + (self.grown[passed - 1] if passed else 0)


def unescaped(text: str) -> View | None:
    """Undo one level of escapes; None where there is none."""
    if "\\" not in text and "%" not in text and "&" not in text:
        return None
    out: list[str] = []
    ends: list[int] = []
    grown: list[int] = []
    done = size = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        out += (text[done:start], _meant(match[0]))
        size += start - done + 1
        done = end
        ends.append(size)
        grown.append(end - size)
    return View("".join((*out, text[done:])), ends, grown) if out else None


def blanked(text: str) -> str:
    r"""Write form feeds for a literal `\n` or `\r` and blanks for `\t`: of the same length, and words end there."""
    if "\\" not in text:
        return text
    return text.replace("\\n", "\f\f").replace("\\r", "\f\f").replace("\\t", "  ")


def _meant(escape: str) -> str:
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    if escape[0] == "&":
        name = escape[1:-1]
        return chr(int(name[1:])) if name[0] == "#" else _NAMED[name]
    return chr(int(escape[4:], 16)) if escape[1] == "u" else _CONTROLS.get(escape[1], escape[1])
