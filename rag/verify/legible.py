"""One form for texts that look alike, so that a check sees what a reader sees.

Attacks write a known word in unknown letters: full-width letters, Cyrillic homoglyphs, zero-width or bidirectional
marks within a word. Compatibility forms are folded (NFKC, UAX #15); what then is not a letter of the languages we write
is refused rather than guessed at.
"""

import re
import unicodedata

_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2010": "-", "\u2011": "-"})
"""Typographic variants that models put in place of the runbook's own; each is one character, so offsets stay."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (zero width, bidirectional, tags), surrogates, private use, unassigned: Unicode Standard 4.5."""
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Drawn as nothing though Unicode calls them letters, marks or symbols."""
_OURS = re.compile(
    "[\x20-\x7e"  # ASCII
    "\u00a7\u00b0\u00b1\u00b7\u00bf-\u024f"  # Latin letters with accents, and signs that technical prose uses
    "\u03bc"  # micro, as NFKC writes it
    "\u2013\u2014\u2022\u2190-\u2193\u2248\u2260\u2264\u2265"
    "\u3001\u3002\u300a-\u300f\u3131-\u3163\uac00-\ud7a3]"  # Korean, with the punctuation it borrows
)


def folded(text: str) -> str:
    """Return `text` in compatibility form, with plain quotation marks, and each run of white space as one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_PLAIN).split())


def visible(text: str) -> bool:
    """Say whether a reader can see every character of `text`; line breaks and tabs count as seen."""
    return not any(char not in "\n\t\r" and _is_unseen(char) for char in text)


def legible(text: str, beside: str) -> bool:
    """Say whether every character of a folded text is of our languages, or stands in `beside` (folded too)."""
    return visible(text) and all(_OURS.match(char) or char in beside for char in set(text))


def _is_unseen(char: str) -> bool:
    selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return selector or char in _FILLERS or unicodedata.category(char) in _UNSEEN
