"""Turns what was found, and what a model made of it, into the answer that is shown: nothing that cannot be checked."""

from rag import extractive, verify
from rag.llm import ModelError, WireAnswer, WireClaim
from rag.metrics import CLAIMS_DROPPED, CLAIMS_KEPT, Fault
from rag.models import Citation, Claim, Document, Explanation, Found, Hit, Query

READ = 3
"""Documents handed to the model and shown as links at most."""
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


def checked(
    answer: WireAnswer, model: str, found: Found, documents: list[Document], extracted: Explanation
) -> Explanation:
    """What the runbooks support of a model's answer.

    Raises:
        ModelError: nothing of it.
    """
    texts = {document.doc_id: document.text for document in documents}
    causes, actions = _claims(answer.causes), _claims(answer.actions)
    good_causes, good_actions = verify.supported(causes, texts), verify.supported(actions, texts)
    kept = len(good_causes) + len(good_actions)
    CLAIMS_KEPT.inc(kept)
    CLAIMS_DROPPED.inc(len(causes) + len(actions) - kept)
    if not kept:
        raise ModelError(Fault.UNSUPPORTED, "none of its statements stands in a retrieved runbook")
    cited = {claim["doc_id"] for claim in [*good_causes, *good_actions]}
    summary = answer.summary if verify.harmless(answer.summary, list(texts.values())) else extracted["summary"]
    return {
        "verdict": "match",
        "confidence": found.confidence,
        "source": "model",
        "summary": verify.normalised(summary),
        "causes": good_causes[:_MAX_CAUSES],
        "actions": good_actions[:_MAX_ACTIONS],
        "citations": [_citation(hit) for hit in found.hits[:READ] if hit.document.doc_id in cited],
        "missing": [],
        "model": model,
    }


def quoted(query: Query, found: Found) -> Explanation:
    """Return the answer that needs no model: sentences of the best runbook."""
    best = found.hits[0]
    extract = extractive.extract(best.document, query.log)
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
    }


def _claims(wire: list[WireClaim]) -> list[Claim]:
    return [{"text": verify.normalised(c.text), "doc_id": c.doc_id, "quote": c.quote} for c in wire]


def _citation(hit: Hit) -> Citation:
    document = hit.document
    return {"doc_id": document.doc_id, "title": document.title, "section": hit.section, "url": document.url}
