"""Finds a model's quotation in a runbook and gives the runbook's own text of it, with the section it stands in."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from rag.models import Document
from rag.sections import Kind, split
from rag.verify.legible import folded

MIN_QUOTE = 8
"""Shortest quotation, characters: a shorter one occurs by chance."""
MAX_QUOTE = 800
"""Longest quotation, characters: who quotes a whole runbook has pointed at nothing."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of a runbook."""

    text: str
    section: str
    kind: Kind


def passage(document: Document, quote: str) -> Passage | None:
    """Return the slice of `document` that `quote` copies, widened to whole words; None if there is none.

    White space, typographic quotation marks and compatibility forms may differ, nothing else. A heading alone is no
    passage: it states nothing.
    """
    wanted = folded(quote)
    if not MIN_QUOTE <= len(wanted) <= MAX_QUOTE:
        return None
    words = list(_WORD.finditer(document.text))
    forms = [folded(word[0]) for word in words]
    starts = [0, *accumulate(len(form) + 1 for form in forms)]
    at = " ".join(forms).find(wanted)
    if at < 0:
        return None
    first, last = bisect_right(starts, at) - 1, bisect_right(starts, at + len(wanted) - 1) - 1
    begin, end = words[first].start(), words[last].end()
    inside = [section for section in split(document.text) if section.start < end and begin < section.end]
    if not inside:
        return None
    return Passage(document.text[begin:end], inside[0].title, inside[0].kind)
