"""Keeps of a model's answer only what a retrieved runbook says: checked in code, whatever the model was told.

The model is not trusted: a log can carry orders for it. A claim survives if its runbook was retrieved, its quotation
stands there, and every link, command and mention in its text stands there too.
"""

import re
from collections.abc import Mapping, Sequence

from rag.models import Claim

MIN_QUOTE = 8
"""Shortest quotation, characters: a shorter one occurs by chance."""
MAX_TEXT = 600
"""Longest statement shown, characters; longer ones are not cut but dropped, because half a step can be dangerous."""
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>|)\]\"']+|\b[\w.-]+\.[a-z]{2,}/[^\s<>|)\]\"']*", re.IGNORECASE
)
_COMMAND = re.compile(r"`+([^`]+)`+")
_MENTION = re.compile(r"<[!@#][^>]*>|@(?:channel|here|everyone)\b", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def supported(claims: Sequence[Claim], texts: Mapping[str, str]) -> list[Claim]:
    """Return the claims that `texts` (by `doc_id`) support, in order."""
    return [claim for claim in claims if claim["doc_id"] in texts and _holds(claim, texts[claim["doc_id"]])]


def harmless(text: str, texts: Sequence[str]) -> bool:
    """Say whether all links, commands and mentions of a free text stand in one of `texts`."""
    if not text.strip() or len(text) > MAX_TEXT or _UNPRINTABLE.search(text):
        return False
    loud = [m[0] for m in _MENTION.finditer(text)]
    foreign = [m[0] for m in _LINK.finditer(text)] + [m[1] for m in _COMMAND.finditer(text)]
    plain = [normalised(t) for t in texts]
    return not loud and all(any(normalised(part) in t for t in plain) for part in foreign)


def normalised(text: str) -> str:
    """Return `text` with each run of white space as one blank."""
    return " ".join(text.split())


def _holds(claim: Claim, document: str) -> bool:
    quote = normalised(claim["quote"])
    return len(quote) >= MIN_QUOTE and quote in normalised(document) and harmless(claim["text"], [document])
