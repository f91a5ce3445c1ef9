"""How sure retrieval may be: a calibrated guess from a few features of one search, and the verdict it leads to.

Cosine alone is a poor gate and raw BM25 scores grow with the collection, so the guess is a logistic regression over
both, with BM25 measured in units of the rarest possible word. `cali kb calibrate` fits the weights; `BUILT_IN` holds
until it has run. They belong to one embedding model and are less sure with another.
"""

import json
import math
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from rag.models import Verdict
from rag.store import StoreError


@dataclass(frozen=True, slots=True)
class Features:
    """What one search looked like. The order of the fields is the order of the weights."""

    lexical_density: float
    """`lexical` divided by the square root of the number of different query words."""
    lexical: float
    """Best BM25 score in units of the idf of an unknown word."""
    cosine: float
    """Best cosine similarity, -1 to 1."""
    cosine_lead: float
    """Best cosine less the mean of the ten best: how much the first one stands out."""
    first_lexical: float
    """BM25 score of the first hit as a share of the best, 0 to 1."""
    first_cosine: float
    """Cosine of the first hit less the best cosine, 0 or negative."""
    first_title: float
    """How well the title of the first hit fits (`LexicalIndex.title_fit`), 0 or more."""
    lead: float
    """Score of the first hit less that of the second, 0 to `MAX_LEAD`."""
    agree: float
    """1 if the first hit is among the first two of both searches, else 0."""
    log_size: float
    """Natural logarithm of the number of documents."""


MAX_LEAD = 2.0
"""A larger lead says no more, and a lone document has no second."""
NAMES = tuple(field.name for field in fields(Features))


@dataclass(frozen=True, slots=True)
class Logistic:
    """One logistic regression over `Features`."""

    bias: float
    weights: tuple[float, ...]
    """One for each of `NAMES`."""

    def __call__(self, features: Features) -> float:
        """Return a probability, 0 to 1."""
        total = self.bias + sum(w * value for w, value in zip(self.weights, astuple(features), strict=True))
        return 1 / (1 + math.exp(-total)) if total > 0 else math.exp(total) / (1 + math.exp(total))


@dataclass(frozen=True, slots=True)
class Gate:
    """Two guesses, fitted on labelled logs."""

    answerable: Logistic
    first: Logistic
    model: str
    """Name of the embedding model whose cosines they were fitted on."""

    def judge(self, features: Features) -> tuple[float, float]:
        """Return the probabilities that the first hit is right, and that any document answers."""
        anything = self.answerable(features)
        return min(self.first(features), anything), anything


BUILT_IN = Gate(
    answerable=Logistic(-6.115, (1.699, 0.432, 3.627, 4.034, -0.668, 7.575, 1.525, -0.122, 0.394, 0.556)),
    first=Logistic(-7.133, (0.1, 0.468, 2.87, 7.14, 0.497, 7.294, 1.265, 0.42, 0.659, 0.389)),
    model="all-minilm-l6-v2",
)


"""Fitted in November 2026 on 146 labelled logs, 25 of them without a runbook, over 976 runbooks with the bundled
vectors, by the functions of `rag.evals.calibrate` on exact cosines. Cross-validated tenfold, three times: AUROC of
`answerable` .951 [.948, .952], a `match` for .63 of the logs, precise in .858 [.848, .867] of them, and .92 of the
logs without a runbook refused."""


def verdict(first: float, anything: float, *, match_at: float, related_at: float) -> Verdict:
    """Say what may be shown, from the two probabilities of `Gate.judge`.

    Several runbooks that fit about equally well make a low first one beside a high second: they are `related`.
    """
    if first >= match_at:
        return "match"
    return "related" if first >= related_at or anything >= match_at else "none"


def save(gate: Gate, path: Path, report: dict[str, Any]) -> None:
    """Write a gate with what was measured of it; replaces the file whole or not at all."""
    content = {
        "model": gate.model,
        **{
            name: {"bias": guess.bias, "weights": dict(zip(NAMES, guess.weights, strict=True))}
            for name, guess in (("answerable", gate.answerable), ("first", gate.first))
        },
        "measured": report,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def load(path: Path | None, model: str) -> Gate:
    """Return the gate of a file, or `BUILT_IN` if there is none or it belongs to another embedding model.

    Raises `StoreError` for a file that is no gate: a threshold that nobody chose is worse than none.
    """
    if path is None or not path.exists():
        return BUILT_IN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        gate = Gate(_logistic(content["answerable"]), _logistic(content["first"]), str(content["model"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        msg = (
            f"the gate file {str(path)!r} cannot be used ({type(err).__name__}): run `cali kb calibrate` again, or "
            "delete it to go back to the built-in constants"
        )
        raise StoreError(msg) from err
    return gate if gate.model == model else BUILT_IN


def _logistic(content: dict[str, Any]) -> Logistic:
    weights = content["weights"]
    if set(weights) != set(NAMES):
        msg = "the weights are not those of this version"
        raise ValueError(msg)
    numbers = [float(content["bias"]), *(float(weights[name]) for name in NAMES)]
    if not all(map(math.isfinite, numbers)):
        msg = "a weight is not finite"
        raise ValueError(msg)
    return Logistic(numbers[0], tuple(numbers[1:]))
