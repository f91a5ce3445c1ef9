"""Decides claim by claim, and for free text, what of a model's answer is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.models import Claim, Document
from rag.verify import commands, parts, wording
from rag.verify.grades import risk_of
from rag.verify.legible import folded, legible, visible
from rag.verify.quotes import Passage, passage
from rag.verify.weight import weighty

MAX_TEXT = 600
"""Longest statement shown, characters; longer ones are not cut but dropped, because half a step can be dangerous."""
_KINDS = {"diagnosis": "check", "mitigation": "fix"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a statement may use besides its runbook."""

    log: str = ""
    """Names and measured values (`30000 ms`) of the fault, in causes and in the summary; nothing else of it."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts, in lower case, that may be linked."""


def supported(
    claims: Sequence[Claim],
    documents: Mapping[str, Document],
    bounds: Bounds | None = None,
    *,
    as_actions: bool = False,
) -> list[Claim]:
    """Return the claims that `documents` (by `doc_id`) support, in order, each with the runbook's own text as `quote`.

    A claim is dropped if its document was not retrieved or does not hold the quotation; if its text has characters
    that hide or imitate, a mention, or a link, address, path, command, option, number or name that the document has
    not; if it names an act with consequences that the quotation does not name, orders what it forbids, is about
    something else, or claims certainty. Actions get `kind` and `risk`; names and values of the log are for causes.
    """
    limits = bounds or Bounds()
    kept = []
    for claim in claims:
        document = documents.get(claim["doc_id"])
        found = passage(document, claim["quote"]) if document else None
        text = folded(claim["text"])
        if document is None or found is None or not visible(claim["text"]):
            continue
        log = "" if as_actions else limits.log
        if _says_no_more(text, found, document, Bounds(log, limits.allow_hosts)):
            kept.append(_shown(claim, text, found, as_actions=as_actions))
    return kept


def harmless(text: str, texts: Sequence[str], quotes: Sequence[str], bounds: Bounds | None = None) -> bool:
    """Say whether a free text (a summary) says no more than runbooks do.

    Links, commands, numbers and the like must stand in `texts`, runbooks that begin with their title. Acts with
    consequences must be named by `quotes`, the quotations of the claims that it sums up; it must be about them.
    """
    plain, sources = folded(text), [folded(source) for source in texts]
    return (
        visible(text)
        and _is_within(plain, sources, bounds or Bounds())
        and not weighty(plain, folded(" ".join(quotes)))
        and wording.shares(plain, folded(" ".join([*quotes, *(text.split("\n", 1)[0] for text in texts)])))
    )


def inert(text: str) -> bool:
    """Say whether a sentence of a runbook can be quoted as it is: nothing in it calls people, hides or runs."""
    return visible(text) and not parts.loud(folded(text).replace("](", " "))  # a Markdown link loses its target later


def _says_no_more(text: str, found: Passage, document: Document, bounds: Bounds) -> bool:
    quote = folded(found.text)
    return (
        _is_within(text, [folded(f"{document.title}\n{document.text}")], bounds)
        and not weighty(text, quote)
        and not wording.turned(text, quote)
        and wording.shares(text, quote)
    )


def _is_within(text: str, sources: Sequence[str], bounds: Bounds) -> bool:
    log = folded(bounds.log)
    named = [*sources, log]
    known = set().union(*(parts.numbers(source) for source in sources))
    return (
        0 < len(text) <= MAX_TEXT
        and legible(text, "".join(sources))
        and not parts.loud(text)
        and not wording.certain(text)
        and all(parts.stands(p, sources) or parts.links_to(p, bounds.allow_hosts) for p in parts.strict(text))
        and all(parts.stands(part, named) for part in parts.loose(text))
        and any(commands.borrowed(text, source) for source in sources)
        and parts.numbers(parts.without_measures(text, log)) <= known
    )


def _shown(claim: Claim, text: str, found: Passage, *, as_actions: bool) -> Claim:
    shown: Claim = {"text": text, "doc_id": claim["doc_id"], "quote": found.text, "section": found.section}
    if as_actions:
        kind = _KINDS.get(found.kind, "")
        shown["kind"] = kind
        shown["risk"] = risk_of(claim.get("risk", ""), kind, text, found.text)
    return shown
