"""Fits the gate to labelled logs, and says by cross-validation how good it will be on logs it has not seen.

Each log is asked of the whole knowledge base and of random parts of it. In a part the answer is often missing while its
neighbours are there: that is how a log without a runbook looks, and there are never enough labels of those.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from rag import gate
from rag.evals.labels import Label, LabelError
from rag.evals.logistic import Matrix, fit
from rag.evals.measure import Outcome, Row, row
from rag.lexical import LexicalIndex
from rag.retrieve import DEPTH, Retriever, ranked, terms_of

FEWEST = 40
"""Labelled logs below which nothing is fitted: eleven weights from fewer are noise, the built-in constants are not."""
FEWEST_OF_A_KIND = 5
"""Logs with, and logs without a runbook, at least: nothing is learnt from one kind."""
FOLDS = 10
REPEATS = 5
_PARTS = (3, 3, 10, 10, 10, 30, 30, 30, 30)
"""Parts of the knowledge base: a third twice, a tenth three times and so on, if at least `_SMALLEST` documents."""
_SMALLEST = 20
_ANSWERED = 0.5
"""Share of logs with an answer that a part is weighed to. In a random thirtieth hardly any has one; a small knowledge
base that people wrote is not random. With 0.35 not all of the eight sample faults match a shipped runbook.
"""
_WHOLE = 3.0
"""How much the whole knowledge base counts against the parts of one size together."""


@dataclass(frozen=True, slots=True)
class _Example:
    log: int
    whole: bool
    """Asked of the whole knowledge base, not of a part."""
    features: tuple[float, ...]
    answerable: bool | None
    """None: not known."""
    first: bool
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted gate and what was measured of it."""

    gate: gate.Gate
    expected: tuple[Row, ...]
    """One row for each repeat of the cross-validation: the logs of each fold judged by a gate fitted without them."""
    logs: int
    examples: int


def calibrate(
    labels: Sequence[Label], retriever: Retriever, *, model: str, match_at: float, related_at: float
) -> Calibration:
    """Fit a gate; raise `LabelError` for too few labels and `StoreError` for a store that fails. Takes a minute."""
    _check(labels, retriever)
    examples = list(_examples(labels, retriever))
    rows = []
    for repeat in range(REPEATS):
        order = list(range(len(labels)))
        random.Random(repeat).shuffle(order)  # noqa: S311 - the same folds every time
        outcomes: list[Outcome] = []
        for fold in range(FOLDS):
            held = set(order[fold::FOLDS])
            fitted = _fit([example for example in examples if example.log not in held], model)
            for example in examples:
                if example.whole and example.log in held and labels[example.log].complete:
                    first, anything = fitted.judge(gate.Features(*example.features))
                    verdict = gate.verdict(first, anything, match_at=match_at, related_at=related_at)
                    outcomes.append(Outcome(labels[example.log], example.ids, anything, verdict))
        rows.append(row(f"repeat {repeat + 1}", outcomes))
    return Calibration(_fit(examples, model), tuple(rows), len(labels), len(examples))


def spread(rows: Sequence[Row]) -> dict[str, tuple[float, float, float]]:
    """Return mean, lowest and highest of each figure over the repeats; figures that cannot be said are left out."""
    out = {}
    for name in ("hit1", "hit3", "mrr", "auroc", "matched", "precision", "refused"):
        values = [value for r in rows if (value := getattr(r, name)) is not None]
        if values:
            out[name] = (sum(values) / len(values), min(values), max(values))
    return out


def _check(labels: Sequence[Label], retriever: Retriever) -> None:
    present = {document.doc_id for document in retriever.documents}
    able = sum(bool(label.relevant & present) for label in labels)
    unable = sum(label.complete and not label.relevant for label in labels)
    if len(labels) < FEWEST or able < FEWEST_OF_A_KIND or unable < FEWEST_OF_A_KIND:
        msg = (
            f"{len(labels)} labelled logs, {able} with a runbook of this knowledge base and {unable} without any: "
            f"calibrating needs {FEWEST}, and {FEWEST_OF_A_KIND} of each kind; until then the built-in constants hold"
        )
        raise LabelError(msg)


def _examples(labels: Sequence[Label], retriever: Retriever) -> Iterator[_Example]:
    documents = retriever.documents
    asked = [(terms_of(label.query), retriever.nearest(label.query, len(documents))) for label in labels]
    chance = random.Random(len(documents))  # noqa: S311 - the same parts every time
    sizes = [len(documents) // part for part in _PARTS if len(documents) // part >= _SMALLEST]
    for part in [documents, *(chance.sample(documents, size) for size in sizes)]:
        whole = part is documents
        index, present = LexicalIndex(part), {document.doc_id for document in part}
        for number, (label, (terms, near)) in enumerate(zip(labels, asked, strict=True)):
            dense = [(doc_id, cosine) for doc_id, cosine in near if doc_id in present][:DEPTH]
            ranking = ranked(terms, index, dense)
            if ranking.features is None:
                continue
            ids = tuple(doc_id for doc_id, _ in ranking.documents)
            if label.complete:
                known, right = bool(label.relevant & present), ids[0] in label.relevant
            elif ids[0] in label.wrong:
                known, right = None, False
            else:
                continue
            yield _Example(number, whole, astuple(ranking.features), known, right, ids)


def _fit(examples: Sequence[_Example], model: str) -> gate.Gate:
    features = np.array([example.features for example in examples])
    known = np.array([example.answerable is not None for example in examples])
    able = np.array([bool(example.answerable) for example in examples], dtype=float)
    first = np.array([example.first for example in examples], dtype=float)
    weights = _weights(examples)
    return gate.Gate(fit(features[known], able[known], weights[known]), fit(features, first, weights), model)


def _weights(examples: Sequence[_Example]) -> Matrix:
    """Weigh each collection as `_WHOLE` or 1, and within a part the logs so that `_ANSWERED` of them have an answer."""
    collections: dict[float, list[int]] = {}
    for number, example in enumerate(examples):
        collections.setdefault(0.0 if example.whole else example.features[-1], []).append(number)
    logs = len({example.log for example in examples})
    weights = np.ones(len(examples))
    for size, numbers in collections.items():
        if not size:
            weights[numbers] = _WHOLE * logs / len(numbers)
            continue
        for answered, share in ((True, _ANSWERED), (False, 1 - _ANSWERED)):
            kind = [number for number in numbers if bool(examples[number].answerable) is answered]
            weights[kind] = share * logs / max(1, len(kind))
    return weights
