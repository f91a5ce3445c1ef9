"""Finding runbooks: BM25, vectors and their fusion, over a store and an embedder that fit in a test."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.config import RagConfig
from rag.lexical import LexicalIndex
from rag.models import Document, Query
from rag.rank import rank
from rag.retrieve import Retriever, revision
from rag.store import Row, content_hash
from rag.tokens import words

DOCUMENTS = [
    Document(
        "pool", "Connection pool exhausted", "# Pool\n## Meaning\nHikariPool is empty.\n## Mitigation\nRestart it."
    ),
    Document("disk", "Disk full", "# Disk\n## Meaning\nNo space left on device.\n## Mitigation\nDelete files."),
    Document("redis", "Redis refuses connections", "# Redis\n## Meaning\nConnection refused on port 6379."),
]


class BagOfWords:
    """An embedder whose vector counts words by their hash: similar texts, similar vectors."""

    name = "bag"
    dim = 64

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return one vector of length 1 for each text."""
        vectors = np.full((len(texts), self.dim), 1e-6, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in words(text):
                row[sum(word.encode()) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Shelf:
    """A store in a dict."""

    def __init__(self, documents: Sequence[Document] = ()) -> None:
        self.rows: dict[str, tuple[Row, NDArray[np.float32]]] = {}
        rows = [Row(document, content_hash(document), "/kb") for document in documents]
        self.upsert(rows, BagOfWords().embed([row.document.text for row in rows]))

    def documents(self) -> list[Document]:
        """Return all documents."""
        return [self.rows[doc_id][0].document for doc_id in sorted(self.rows)]

    def stored(self) -> dict[str, tuple[str, str]]:
        """Return hashes and roots."""
        return {doc_id: (row.content_hash, row.root) for doc_id, (row, _) in self.rows.items()}

    def upsert(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        """Write documents."""
        self.rows.update({row.document.doc_id: (row, vector) for row, vector in zip(rows, vectors, strict=True)})

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Delete documents."""
        for doc_id in doc_ids:
            self.rows.pop(doc_id, None)

    def flush(self) -> None:
        """Do nothing: a dict is always flushed."""

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """Return the documents by cosine."""
        cosines = [(doc_id, float(other @ vector)) for doc_id, (_, other) in self.rows.items()]
        return sorted(cosines, key=lambda pair: -pair[1])[:k]


def retriever(documents: Sequence[Document] = DOCUMENTS) -> Retriever:
    """Build a retriever of these documents."""
    return Retriever(Shelf(documents), BagOfWords(), RagConfig())


def test_the_document_that_speaks_of_the_fault_comes_first() -> None:
    """A log finds its runbook, no document comes twice, and the section that fits is named."""
    found = retriever().find(Query("java: HikariPool is empty", "orders"), 5)
    ids = [hit.document.doc_id for hit in found.hits]
    assert ids[0] == "pool"
    assert sorted(ids) == ["disk", "pool", "redis"]
    assert found.hits[0].section == "Meaning"
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


def test_probabilities_are_probabilities_and_the_first_needs_an_answer() -> None:
    """0 <= confidence <= answerable <= 1, whatever is asked."""
    for log in ("HikariPool is empty", "zebra", "No space left on device", "연결 실패", "connection " * 500):
        found = retriever().find(Query(log, "s"), 3)
        assert 0.0 <= found.confidence <= found.answerable <= 1.0


@pytest.mark.parametrize("log", ["", "   ", "<NUM> 10.0.0.1", "!!!"])
def test_a_query_without_words_finds_nothing(log: str) -> None:
    """No search word, no answer: verdict none instead of the nearest neighbour of nothing."""
    found = retriever().find(Query(log, ""), 3)
    assert (found.hits, found.verdict) == ((), "none")


def test_an_empty_store_finds_nothing() -> None:
    """Before anything is ingested every verdict is none."""
    found = retriever([]).find(Query("x failed", "s"), 3)
    assert (found.hits, found.confidence, found.answerable, found.verdict) == ((), 0.0, 0.0, "none")


def test_one_document_is_enough() -> None:
    """A knowledge base of one runbook works."""
    assert retriever(DOCUMENTS[:1]).find(Query("HikariPool", "s"), 3).hits[0].document.doc_id == "pool"


def test_k_bounds_the_hits() -> None:
    """At most k documents come back."""
    assert len(retriever().find(Query("connection refused", "s"), 1).hits) == 1


def test_what_both_searches_like_beats_what_one_likes_best() -> None:
    """Nearly best in both comes before best in one and absent from the other."""
    found = rank([("a", 10.0), ("b", 9.0)], [("c", 0.9), ("b", 0.89), ("d", 0.3)], lambda _: 0.0)
    assert found[0][0] == "b"


def test_a_fitting_title_lifts_a_document() -> None:
    """Of two documents that both searches find alike the one whose title names the fault is first."""
    found = rank([("a", 10.0), ("b", 10.0)], [("a", 0.9), ("b", 0.9)], {"a": 0.0, "b": 0.5}.__getitem__)
    assert found == [("b", 3.0 + 3.3), ("a", 3.0)]


def test_ranking_nothing_gives_nothing() -> None:
    """Two empty searches are no error."""
    assert rank([], [], lambda _: 0.0) == []


def test_the_revision_changes_with_the_content_only() -> None:
    """Same documents, same revision; another text, another revision."""
    changed = [Document("pool", "Connection pool exhausted", "other"), *DOCUMENTS[1:]]
    assert revision(Shelf(DOCUMENTS)) == revision(Shelf(reversed(DOCUMENTS)))  # type: ignore[arg-type]
    assert revision(Shelf(DOCUMENTS)) != revision(Shelf(changed))


def test_a_long_document_counts_as_much_as_its_best_chunk() -> None:
    """A fault named once, deep in a long runbook, is found above short ones that do not name it."""
    long = Document("long", "Everything", "filler words here " * 2000 + "quorum lost in zookeeper")
    index = LexicalIndex([*DOCUMENTS, long])
    assert [doc_id for doc_id, _ in index.search(words("zookeeper quorum lost"), 1)] == ["long"]


def test_documents_that_share_no_word_are_not_lexical_hits() -> None:
    """BM25 returns nothing rather than zeros."""
    assert LexicalIndex(DOCUMENTS).search(["zebra"], 5) == []
    assert LexicalIndex([]).search(["pool"], 5) == []
    assert LexicalIndex([Document("x", "!", "?")]).search(["pool"], 5) == []
