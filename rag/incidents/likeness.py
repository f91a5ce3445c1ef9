"""When a past incident may be shown beside a new fault: only if it says nearly the same.

Measured in November 2026 with the bundled vectors, for the one most alike, each log from a service of its own: 388 logs
of known kind against a memory of 865, once each half of them with a twin in it. LogHub messages: of the twins .39 and
.48 were found, of what was shown .89 and .91 was right; synthetic traces .52 and .46 found, .95 and .96 right. By
cosine alone, three shown, .52 of messages and .20 of traces were right. Logs that merely have a runbook in common (7
pairs of 10,585 in 146 labelled logs) are too unlike for any threshold: none of them is shown, and no wrong pair either.
"""

from rag.tokens import masked, words

WORDS = 0.7
"""Least share of search words that two logs must have in common (Jaccard). With 0.6 one sample of messages fell to .79
right; with 0.7 the worst of five was .83."""
COSINE = 0.8
"""Least cosine of their vectors: of 0.8, 0.85 and 0.9 the one that finds most, at the same precision."""
FEWEST = 3
"""Words below which nothing is like anything: `connection failed` is said of everything."""


def vocabulary(log: str) -> frozenset[str]:
    """Return the words by which logs are compared: those of the whole log, frames included."""
    return frozenset(words(masked(log)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the words in both as a share of the words in either, 0 to 1."""
    return len(one & other) / len(one | other) if one or other else 0.0


def alike(one: frozenset[str], other: frozenset[str], cosine: float) -> bool:
    """Say whether one may be shown for the other."""
    return min(len(one), len(other)) >= FEWEST and cosine >= COSINE and overlap(one, other) >= WORDS
