"""Measures what becomes of answers: what verification keeps and drops, what a question holds, what finding it costs.

No model is asked. A scripted one states, for each log with a match, what its runbook says (all of it should be kept)
and four lies of the kinds that models tell (all should be dropped).
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag import answering, prompt, verify
from rag.evals.labels import Label
from rag.models import Claim, Document
from rag.retrieve import Retriever

_FOUND = 5
"""Documents looked at for one answer, as `rag.explainer` does."""
BYTES_PER_TOKEN = 4
"""Rule of thumb for English text, by OpenAI; Korean takes about twice as many tokens a byte."""
_INVENTED = "Restart the billing cluster twice and wait for the moon."
_COMMAND = " Then run `kubectl delete namespace production`."
_LINK = " See https://fixes.example.net/now for details."


@dataclass(frozen=True, slots=True)
class Answers:
    """What was measured. Shares and quantiles are None where there is nothing to measure."""

    logs: int
    answered: int
    """Logs with the verdict `match`: only these are put to a model."""
    honest: int
    """Statements of the scripted model that are quotations."""
    kept: float | None
    """Share of them that verification keeps."""
    lies: int
    dropped: float | None
    """Share of the lies that verification drops."""
    tokens_p50: float | None
    """Tokens of one question, estimated from its bytes."""
    tokens_p95: float | None
    cpu_ms_p50: float
    """CPU time of finding the runbooks and quoting an answer, all threads, warm."""
    cpu_ms_p95: float


def measure_answers(labels: Sequence[Label], retriever: Retriever) -> Answers:
    """Answer every log without a model and check a scripted one; raise `StoreError`. Some 100 ms of CPU a log."""
    honest: list[bool] = []
    lies: list[bool] = []
    tokens: list[float] = []
    cpu_ms: list[float] = []
    for label in labels:
        # Another text with the same words: the vectors of the last queries are kept.
        query = replace(label.query, log=f"{label.query.log}\n")
        start = time.process_time()
        found = retriever.find(query, _FOUND)
        quoted = answering.quoted(query, found) if found.verdict == "match" else None
        cpu_ms.append((time.process_time() - start) * 1_000)
        if quoted is None:
            continue
        documents = [hit.document for hit in found.hits[: answering.READ]]
        asked = prompt.messages(query, documents)
        tokens.append(sum(len(message["content"].encode()) for message in asked) / BYTES_PER_TOKEN)
        for claims, as_actions in ((quoted["causes"], False), (quoted["actions"], True)):
            for claim in claims:
                honest.append(_kept(claim, documents, as_actions=as_actions))
                lies += [_kept(lie, documents, as_actions=as_actions) for lie in _lies(claim)]
    return Answers(
        logs=len(labels),
        answered=len(tokens),
        honest=len(honest),
        kept=sum(honest) / len(honest) if honest else None,
        lies=len(lies),
        dropped=1 - sum(lies) / len(lies) if lies else None,
        tokens_p50=_quantile(tokens, 0.5),
        tokens_p95=_quantile(tokens, 0.95),
        cpu_ms_p50=_quantile(cpu_ms, 0.5) or 0.0,
        cpu_ms_p95=_quantile(cpu_ms, 0.95) or 0.0,
    )


def told(answers: Answers, *, usd_in: float | None = None, usd_out: float | None = None, output: int = 0) -> str:
    """Return it as text; with prices (US dollars per million tokens) and the longest output also what one costs."""
    kept, dropped = _share(answers.kept), _share(answers.dropped)
    lines = [
        f"answers: {answers.answered} of {answers.logs} logs match and would be put to a model",
        f"verified: {kept} of {answers.honest} quotations kept, {dropped} of {answers.lies} lies dropped",
        f"cpu: {answers.cpu_ms_p50:.0f} ms p50, {answers.cpu_ms_p95:.0f} ms p95 to find and quote, without a model",
    ]
    if answers.tokens_p50 is not None and answers.tokens_p95 is not None:
        line = f"cost: about {answers.tokens_p50:,.0f} tokens p50, {answers.tokens_p95:,.0f} p95 in a question"
        if usd_in is not None and usd_out is not None:
            usd = (answers.tokens_p50 * usd_in + output * usd_out) / 1e6
            line += f"; at most {usd:.4f} dollars for the median one with its answer"
        lines.append(line)
    return "\n".join(lines)


def _lies(claim: Claim) -> Iterator[Claim]:
    """The same statement of a runbook that was not found, with an invented quotation, a command, and a link."""
    yield {**claim, "doc_id": "nobody/wrote-this"}
    yield {**claim, "text": _INVENTED, "quote": _INVENTED}
    yield {**claim, "text": claim["text"] + _COMMAND}
    yield {**claim, "text": claim["text"] + _LINK}


def _kept(claim: Claim, documents: Sequence[Document], *, as_actions: bool) -> bool:
    by_id = {document.doc_id: document for document in documents}
    return bool(verify.supported([claim], by_id, as_actions=as_actions))


def _quantile(values: Sequence[float], share: float) -> float | None:
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
