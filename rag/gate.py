"""How sure retrieval may be: a calibrated guess from a few features of one search, and the verdict it leads to.

Cosine alone is a poor gate and raw BM25 scores grow with the collection, so the guess is a logistic regression over
both, with BM25 measured in units of the rarest possible word.

Source of the weights: fitted 2026-11 on 146 labelled error logs (25 of them without any fitting runbook), asked of 14
collections of 20 to 976 runbooks (917 public ones, 59 of our own, those shipped with CALI), each weighted as if half
of the logs had a runbook, with the bundled MiniLM vectors. Cross-validated by log on all 976: AUROC of `answerable`
0.951, precision of a `match` 0.80, no log without a runbook called a match; on our own 59: 0.846, 0.77 and 4 %; on
those shipped 0.914, 0.57 and 6 % (labels incomplete there). Another embedding model needs other weights.
"""

import math
from dataclasses import astuple, dataclass

from rag.models import Verdict


@dataclass(frozen=True, slots=True)
class Features:
    """What one search looked like."""

    lexical_density: float
    """`lexical` divided by the square root of the number of different query words."""
    lexical: float
    """Best BM25 score in units of the idf of an unknown word."""
    cosine: float
    """Best cosine similarity, -1 to 1."""
    cosine_lead: float
    """Best cosine less the mean of the ten best: how much the first one stands out."""
    first_lexical: float
    """BM25 score of the first fused hit as a share of the best, 0 to 1."""
    first_cosine: float
    """Cosine of the first fused hit less the best cosine, 0 or negative."""
    agree: float
    """1 if the first fused hit is among the first two of both rankings, else 0."""
    log_size: float
    """Natural logarithm of the number of documents."""


_ANSWERABLE_BIAS = -5.528
_ANSWERABLE = (2.851, 0.880, 6.115, 2.467, 0.566, 5.049, 0.724, -0.071)
_FIRST_BIAS = -8.888
_FIRST = (0.459, 0.506, 4.870, 10.479, 2.428, 17.626, 0.652, 0.292)


def answerable(features: Features) -> float:
    """Return the estimated probability that any document answers."""
    return _logistic(_ANSWERABLE_BIAS, _ANSWERABLE, features)


def confidence(features: Features) -> float:
    """Return the estimated probability that the first hit is right; never above `answerable`."""
    return min(_logistic(_FIRST_BIAS, _FIRST, features), answerable(features))


def verdict(first: float, anything: float, *, match_at: float, related_at: float) -> Verdict:
    """Say what may be shown, from `confidence` and `answerable`.

    Several runbooks that fit about equally well make a low `confidence` beside a high `answerable`: they are `related`.
    """
    if first >= match_at:
        return "match"
    return "related" if first >= related_at or anything >= match_at else "none"


def _logistic(bias: float, weights: tuple[float, ...], features: Features) -> float:
    total = bias + sum(weight * value for weight, value in zip(weights, astuple(features), strict=True))
    return 1 / (1 + math.exp(-total))
