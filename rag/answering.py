"""Turns what was found, and what a model made of it, into the answer that is shown: nothing that cannot be checked."""

from collections.abc import Sequence

from rag import extractive, verify
from rag.llm import ModelError, WireAction, WireAnswer, WireClaim
from rag.metrics import CLAIMS_DROPPED, CLAIMS_KEPT, Fault
from rag.models import Citation, Claim, Document, Explanation, Found, Hit, Query

READ = 3
"""Documents handed to the model and shown as links at most."""
_READ_CLAIMS = 100
"""Causes, and actions, of one answer that are checked: the prompt asks for 3 and 5. A check takes milliseconds, 40 with
the longest runbook, and a megabyte of them would take hours."""
_MAX_CAUSES = 3
_MAX_ACTIONS = 5
_SAYS = {
    ("none", "en"): "No runbook found for this error.",
    ("none", "ko"): "이 오류에 맞는 런북을 찾지 못했습니다.",
    ("related", "en"): "No runbook fits for certain; these may be related.",
    ("related", "ko"): "확실히 맞는 런북은 없지만, 관련이 있을 수 있습니다.",
    ("missing", "en"): "The knowledge base could not be asked.",
    ("missing", "ko"): "지식 베이스를 조회하지 못했습니다.",
}


def checked(  # noqa: PLR0913 - the last two narrow what an answer may say, and most callers have none
    answer: WireAnswer,
    model: str,
    found: Found,
    documents: list[Document],
    extracted: Explanation,
    *,
    query: Query | None = None,
    allow_hosts: Sequence[str] = (),
) -> Explanation:
    """What the runbooks support of a model's answer.

    With `query`, causes and summary may use numbers and names of its log. `allow_hosts` may be linked though no runbook
    does. The severity is that of `extracted`, moved by one step at most.

    Raises:
        ModelError: nothing of it.
    """
    told, kept = _checked(answer, model, found, documents, extracted, limits=(query, allow_hosts))
    CLAIMS_KEPT.inc(kept)
    CLAIMS_DROPPED.inc(len(answer.causes) + len(answer.actions) - kept)
    return told


def _checked(  # noqa: PLR0913 - as above
    answer: WireAnswer,
    model: str,
    found: Found,
    documents: list[Document],
    extracted: Explanation,
    *,
    limits: tuple[Query | None, Sequence[str]],
) -> tuple[Explanation, int]:
    """Return what is supported, and how many claims are."""
    query, allow_hosts = limits
    by_id = {document.doc_id: document for document in documents}
    bounds = verify.Bounds(query.log if query else "", tuple(host.lower() for host in allow_hosts))
    causes = verify.supported(_claims(answer.causes[:_READ_CLAIMS]), by_id, bounds)
    actions = verify.supported(_claims(answer.actions[:_READ_CLAIMS]), by_id, bounds, as_actions=True)
    kept = len(causes) + len(actions)
    if not kept:
        CLAIMS_DROPPED.inc(len(answer.causes) + len(answer.actions))
        raise ModelError(Fault.UNSUPPORTED, "none of its statements stands in a retrieved runbook")
    causes, actions = causes[:_MAX_CAUSES], actions[:_MAX_ACTIONS]
    said = [*causes, *actions]
    texts, quotes = [f"{d.title}\n{d.text}" for d in documents], [claim["quote"] for claim in said]
    harmless = verify.harmless(answer.summary, texts, quotes, bounds)
    told: Explanation = {
        "verdict": "match",
        "confidence": found.confidence,
        "source": "model",
        "summary": verify.folded(answer.summary) if harmless else extracted["summary"],
        "causes": causes,
        "actions": actions,
        "citations": [_cited(hit, said) for hit in found.hits[:READ] if _cites(hit, said)],
        "missing": [],
        "model": model,
        "severity": verify.severity_within(extracted.get("severity", ""), answer.severity),
    }
    return told, kept


def again(known: Explanation, found: Found, query: Query, allow_hosts: Sequence[str] = ()) -> Explanation | None:
    """Return what of a model's earlier answer holds for this log, or None if it has to be asked anew.

    One fingerprint may stand for several texts (a service over its cap of new faults has one for all of them), with
    other runbooks or other measured values.
    """
    if found.verdict != "match":
        return None
    hits = found.hits[:READ]
    if known["verdict"] != "match":  # it found that these runbooks do not fit
        same = [c["doc_id"] for c in known["citations"]] == [hit.document.doc_id for hit in hits]
        return {**known, "severity": verify.severity_within(query.severity, "")} if same else None
    answer = WireAnswer(
        summary=known["summary"],
        severity=known.get("severity", ""),
        causes=[WireClaim(text=c["text"], doc_id=c["doc_id"], quote=c["quote"]) for c in known["causes"]],
        actions=[
            WireAction(text=c["text"], doc_id=c["doc_id"], quote=c["quote"], risk=c.get("risk", ""))
            for c in known["actions"]
        ],
        inconclusive=False,
    )
    documents, extracted = [hit.document for hit in hits], quoted(query, found)
    try:
        return _checked(answer, known["model"], found, documents, extracted, limits=(query, allow_hosts))[0]
    except ModelError:
        return None


def quoted(query: Query, found: Found) -> Explanation:
    """Return the answer that needs no model: sentences of the best runbook."""
    best = found.hits[0]
    extract = extractive.extract(best.document, query.log, query.language, usable=verify.inert)
    for action in extract.actions:
        action["risk"] = verify.risk_of("read_only", action.get("kind", ""), action["quote"])
    return {
        "verdict": "match",
        "confidence": found.confidence,
        "source": "extractive",
        "summary": extract.summary,
        "causes": extract.causes,
        "actions": extract.actions,
        "citations": [_citation(best)],
        "missing": [],
        "model": "",
        "severity": verify.severity_within(query.severity, ""),
    }


def bare(says: str, query: Query, found: Found | None) -> Explanation:
    """Return an answer without claims: links if something is related, else nothing."""
    related = says == "related" and found is not None
    return {
        "verdict": "related" if related else "none",
        "confidence": found.confidence if found else 0.0,
        "source": "none",
        "summary": _SAYS[says, query.language],
        "causes": [],
        "actions": [],
        "citations": [_citation(hit) for hit in found.hits[:READ]] if related and found else [],
        "missing": [],
        "model": "",
        "severity": verify.severity_within(query.severity, ""),
    }


def _claims(wire: Sequence[WireClaim]) -> list[Claim]:
    claims: list[Claim] = []
    for said in wire:
        claim: Claim = {"text": said.text, "doc_id": said.doc_id, "quote": said.quote}
        if isinstance(said, WireAction):
            claim["risk"] = said.risk
        claims.append(claim)
    return claims


def _cites(hit: Hit, claims: Sequence[Claim]) -> bool:
    return any(claim["doc_id"] == hit.document.doc_id for claim in claims)


def _cited(hit: Hit, claims: Sequence[Claim]) -> Citation:
    """Name the section that the first quotation stands in, rather than the one that the search liked best."""
    section = next(claim.get("section", "") for claim in claims if claim["doc_id"] == hit.document.doc_id)
    return {**_citation(hit), "section": section or hit.section}


def _citation(hit: Hit) -> Citation:
    document = hit.document
    return {"doc_id": document.doc_id, "title": document.title, "section": hit.section, "url": document.url}
