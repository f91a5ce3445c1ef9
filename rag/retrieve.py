"""Finds the runbooks of one fault: vectors from the store and BM25 in process, ranked together, then judged.

`rank` and `gate` say what was measured. Both are pure; this module asks the store, the index and the embedder for them.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import gate
from rag.config import RagConfig
from rag.embed import Embedder
from rag.lexical import LexicalIndex
from rag.models import Document, Found, Hit, Query
from rag.rank import rank
from rag.sections import split
from rag.store import RunbookStore
from rag.tokens import headlines_first, masked, words

DEPTH = 50
"""Documents taken from each search before they are ranked together."""
_NEIGHBOURS = 10
_KEPT_VECTORS = 16
_TOP = 2


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was found for one query, and what it looked like."""

    documents: tuple[tuple[str, float], ...]
    """`doc_id` and score, best first."""
    features: gate.Features | None
    """None if nothing was found."""


class Retriever:
    """A snapshot of the store, ready to search; thread-safe. Constructing it reads all documents and indexes them.

    `revision` tells whether the store has changed since. Raises `StoreError` for a store or a gate file that cannot be
    read.
    """

    def __init__(self, store: RunbookStore, embedder: Embedder, config: RagConfig) -> None:
        self._store, self._embedder, self._config = store, embedder, config
        self.revision = revision(store)
        self.gate = self._load_gate()
        self.documents = store.documents()
        self._documents = {document.doc_id: document for document in self.documents}
        self._lexical = LexicalIndex(self.documents)
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}

    @property
    def current(self) -> bool:
        """Whether a new retriever would search the same documents with the same gate; raise `StoreError`."""
        return self.revision == revision(self._store) and self.gate == self._load_gate()

    @property
    def version(self) -> str:
        """What changes when an answer may: documents, gate, thresholds, embedding model; the same in every process."""
        bands = (self._config.match_at, self._config.related_at, self._embedder.name)
        return hashlib.sha256(f"{self.revision}{self.gate!r}{bands!r}".encode()).hexdigest()[:16]

    @property
    def size(self) -> int:
        """How many documents can be found."""
        return len(self._documents)

    def find(self, query: Query, k: int) -> Found:
        """Return up to `k` documents, best first, and how far they can be trusted; raise `StoreError`."""
        terms = terms_of(query)
        if not self._documents or not terms:
            return Found((), 0.0, 0.0, "none")
        dense = self.nearest(query, DEPTH)
        ranking = ranked(terms, self._lexical, dense)
        if ranking.features is None:
            return Found((), 0.0, 0.0, "none")
        first, anything = self.gate.judge(ranking.features)
        verdict = gate.verdict(first, anything, match_at=self._config.match_at, related_at=self._config.related_at)
        best = [(self._documents[doc_id], score) for doc_id, score in ranking.documents[:k]]
        hits = tuple(Hit(document, score, _best_section(document, terms)) for document, score in best)
        return Found(hits, first, anything, verdict)

    def nearest(self, query: Query, k: int) -> list[tuple[str, float]]:
        """Return up to `k` documents of the snapshot with their cosine, best first; raise `StoreError`."""
        found = self._store.nearest(self.vector(query), k)
        return [(doc_id, cosine) for doc_id, cosine in found if doc_id in self._documents]

    def vector(self, query: Query) -> NDArray[np.float32]:
        """Return the vector of a query; the last few are kept, because one fault is looked up in several places."""
        key = (query.log, query.service)
        vector = self._vectors.get(key)
        if vector is None:
            log = headlines_first(masked(query.log)).strip()
            vector = self._embedder.embed([f"{log}\n{query.service}"], query=True)[0]
            if len(self._vectors) >= _KEPT_VECTORS:
                self._vectors = {}  # not cleared: another thread may be reading it
            self._vectors[key] = vector
        return vector

    @property
    def model(self) -> str:
        """Name of the embedding model."""
        return self._embedder.name

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return self._embedder.dim

    def _load_gate(self) -> gate.Gate:
        return gate.load(gate_path(self._config), self._embedder.name)


def ranked(terms: Sequence[str], index: LexicalIndex, dense: Sequence[tuple[str, float]]) -> Ranking:
    """Search `index` for `terms`, rank what it finds together with `dense`, and describe the search."""
    lexical = index.search(terms, DEPTH)
    asked = frozenset(terms)
    documents = rank(lexical, dense, lambda doc_id: index.title_fit(doc_id, asked))
    if not documents:
        return Ranking((), None)
    first, score = documents[0]
    rarest = index.idf("")  # no word is empty: the idf of a word that no document has
    best = lexical[0][1] if lexical else 0.0
    cosines = [cosine for _, cosine in dense] or [0.0]
    near = cosines[:_NEIGHBOURS]
    features = gate.Features(
        lexical_density=best / rarest / math.sqrt(len(asked)),
        lexical=best / rarest,
        cosine=cosines[0],
        cosine_lead=cosines[0] - sum(near) / len(near),
        first_lexical=dict(lexical).get(first, 0.0) / best if best else 0.0,
        first_cosine=dict(dense).get(first, cosines[-1]) - cosines[0],
        first_title=index.title_fit(first, asked),
        lead=min(gate.MAX_LEAD, score - documents[1][1]) if len(documents) > 1 else gate.MAX_LEAD,
        agree=float(all(first in [doc_id for doc_id, _ in found[:_TOP]] for found in (lexical, dense))),
        log_size=math.log(index.size),
    )
    return Ranking(tuple(documents), features)


def terms_of(query: Query) -> list[str]:
    """Return the search words of a query: the whole log and the service; cutting it down loses 3 to 6 points."""
    return words(f"{masked(query.log)} {query.service}")


def gate_path(config: RagConfig) -> Path | None:
    """Return where the calibrated gate lies: the setting, or beside a Milvus Lite database; else nowhere."""
    if config.gate_path:
        return Path(config.gate_path).expanduser()
    uri = config.milvus_uri
    return Path(uri).expanduser().with_suffix(".gate.json") if uri.endswith(".db") else None


def revision(store: RunbookStore) -> str:
    """Return what changes when, and only when, the documents of the store change: the same in every process."""
    rows = sorted(f"{doc_id}\x1f{digest}" for doc_id, (digest, _) in store.stored().items())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def _best_section(document: Document, terms: Sequence[str]) -> str:
    asked = set(terms)
    sections = [section for section in split(document.text) if section.title]
    if not sections:
        return ""
    return max(sections, key=lambda section: len(asked & set(words(f"{section.title} {section.body}")))).title
