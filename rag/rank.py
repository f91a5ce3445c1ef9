"""Orders the runbooks that two searches found, by three measures on a common scale.

Reciprocal ranks forget by how much a document was better; on the same logs the measures themselves do better. Source of
the weights: 121 labelled logs over 976 runbooks (2026-11), pairwise logistic regression, rounded. Cross-validated ten
times tenfold with the bundled vectors: hit@1 0.76 and hit@3 0.92 (reciprocal ranks 1:1 0.71 and 0.85; spread 0.01),
Korean logs hit@3 0.77. The same weights with a multilingual model (e5-small): 0.73, 0.83, Korean 0.77. They need no
change for another model because the cosines are measured in units of their own spread.
"""

import statistics
from collections.abc import Callable, Sequence

LEXICAL = 3.0
"""Weight of the BM25 score as a share of the best one."""
DENSE = 1.0
"""Weight of the distance to the best cosine, in standard deviations of the cosines found; 0 or negative."""
TITLE = 3.3
"""Weight of how well the title fits, as a share of the best one among the candidates."""
_NO_SPREAD = 1e-6


def rank(
    lexical: Sequence[tuple[str, float]], dense: Sequence[tuple[str, float]], title_fit: Callable[[str], float]
) -> list[tuple[str, float]]:
    """Return every document of either search with its score, best first; equal scores keep the order of `lexical`.

    Both searches come best first. A document that only one of them found gets nothing for the other: a BM25 score of 0,
    the lowest cosine of the list.
    """
    scores, cosines = dict(lexical), dict(dense)
    best_score = lexical[0][1] if lexical else 1.0
    best_cosine, last_cosine = (dense[0][1], dense[-1][1]) if dense else (0.0, 0.0)
    spread = max(statistics.pstdev(cosines.values()), _NO_SPREAD) if dense else 1.0
    titles = {doc_id: title_fit(doc_id) for doc_id in [*scores, *cosines]}
    best_title = max(titles.values(), default=0.0) or 1.0
    ranked = [
        (
            doc_id,
            LEXICAL * scores.get(doc_id, 0.0) / best_score
            + DENSE * (cosines.get(doc_id, last_cosine) - best_cosine) / spread
            + TITLE * fit / best_title,
        )
        for doc_id, fit in titles.items()
    ]
    return sorted(ranked, key=lambda item: -item[1])
