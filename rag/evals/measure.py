"""Measures retrieval and abstention on labelled logs, beside plain BM25 and plain vectors."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import bm25s
import numpy as np

from rag.evals.labels import Label
from rag.models import Document, Verdict
from rag.retrieve import DEPTH, Retriever
from rag.tokens import masked

_WORD = re.compile(r"\w+")
_FIRST_THREE = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way of searching said of one log."""

    label: Label
    ids: tuple[str, ...]
    """Best first."""
    answerable: float
    """Larger: more likely that any document answers. Only compared within one way of searching."""
    verdict: Verdict | None
    """None for a way of searching that always answers."""

    @property
    def place(self) -> int | None:
        """Place of the first relevant document, from 0; None if it was not found."""
        return next((place for place, doc_id in enumerate(self.ids) if doc_id in self.label.relevant), None)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. None: cannot be said (no such logs, or no verdicts)."""

    name: str
    logs: int
    hit1: float | None
    """Share of the logs with a runbook for which the first document is one; `hit3`: one of the first three."""
    hit3: float | None
    mrr: float | None
    auroc: float | None
    """Probability that a log with a runbook looks more answerable than one without."""
    matched: float | None
    """Share of all logs with the verdict `match`."""
    precision: float | None
    """Share of the matches whose first document is right."""
    refused: float | None
    """Share of the logs without a runbook that were not called a match."""


def measure(labels: Sequence[Label], retriever: Retriever) -> list[Row]:
    """Return the table: CALI, plain BM25 and plain vectors, each over all logs and over the Korean ones.

    Feedback that only says what does not answer is left out. Raises `StoreError`.
    """
    known = [label for label in labels if label.complete]
    tables = {
        "cali": [_cali(label, retriever) for label in known],
        "bm25": _plain_bm25(known, retriever.documents),
        "dense": [_plain_dense(label, retriever) for label in known],
    }
    rows = [row(name, outcomes) for name, outcomes in tables.items()]
    if any(label.korean for label in known):
        rows += [row(f"{name} (ko)", [o for o in outs if o.label.korean]) for name, outs in tables.items()]
    return rows


def missed_verdicts(labels: Sequence[Label], retriever: Retriever) -> list[str]:
    """Return one sentence for each case whose verdict is not the one that its label names."""
    asked = [(label, retriever.find(label.query, 1).verdict) for label in labels if label.verdict]
    return [f"{label.name}: {said}, expected {label.verdict}" for label, said in asked if said != label.verdict]


def row(name: str, outcomes: Sequence[Outcome]) -> Row:
    """Sum outcomes up."""
    able = [outcome for outcome in outcomes if outcome.label.relevant]
    unable = [outcome for outcome in outcomes if not outcome.label.relevant]
    places = [outcome.place for outcome in able]
    judged = all(outcome.verdict for outcome in outcomes)
    matches = [outcome for outcome in outcomes if outcome.verdict == "match"]
    return Row(
        name,
        len(outcomes),
        _mean([place == 0 for place in places]),
        _mean([place is not None and place < _FIRST_THREE for place in places]),
        _mean([0.0 if place is None else 1 / (place + 1) for place in places]),
        auroc([o.answerable for o in able], [o.answerable for o in unable]),
        _mean([o.verdict == "match" for o in outcomes]) if judged else None,
        _mean([o.place == 0 for o in matches]) if judged else None,
        _mean([o.verdict != "match" for o in unable]) if judged else None,
    )


def auroc(good: Sequence[float], bad: Sequence[float]) -> float | None:
    """Return the probability that one of `good` is larger than one of `bad`; a tie counts half."""
    if not good or not bad:
        return None
    wins = sum((g > b) + 0.5 * (g == b) for g in good for b in bad)
    return wins / len(good) / len(bad)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text in columns."""
    head = ["", "logs", "hit@1", "hit@3", "MRR", "AUROC", "match", "precision", "refused"]
    lines = [head, *([f"{v:.3f}" if isinstance(v, float) else str(v or "-") for v in asdict(r).values()] for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(v.ljust(w) if not i else v.rjust(w) for i, (v, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )


def _cali(label: Label, retriever: Retriever) -> Outcome:
    found = retriever.find(label.query, DEPTH)
    return Outcome(label, tuple(hit.document.doc_id for hit in found.hits), found.answerable, found.verdict)


def _plain_dense(label: Label, retriever: Retriever) -> Outcome:
    near = retriever.nearest(label.query, DEPTH)
    return Outcome(label, tuple(doc_id for doc_id, _ in near), near[0][1] if near else 0.0, None)


def _plain_bm25(labels: Sequence[Label], documents: Sequence[Document]) -> list[Outcome]:
    """Search whole documents by plain words: what a search engine does with its defaults."""
    texts = [_plain_words(f"{document.title}\n{document.text}") for document in documents]
    vocabulary = {word for text in texts for word in text}
    if not vocabulary:
        return [Outcome(label, (), 0.0, None) for label in labels]
    index = bm25s.BM25()
    index.index(texts, show_progress=False)
    outcomes = []
    for label in labels:
        terms = dict.fromkeys(_plain_words(f"{masked(label.query.log)} {label.query.service}"))
        asked = [word for word in terms if word in vocabulary]
        scores = index.get_scores(asked) if asked else np.zeros(len(texts))
        best = [int(number) for number in np.argsort(-scores, kind="stable")[:DEPTH] if scores[number] > 0]
        outcomes.append(Outcome(label, tuple(documents[n].doc_id for n in best), float(scores.max()), None))
    return outcomes


def _plain_words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
