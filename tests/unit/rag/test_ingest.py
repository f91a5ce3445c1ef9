"""What ingestion removes and what it keeps, over a store in a dict."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.ingest import ingest
from rag.models import Document
from rag.store import Row


class Shelf:
    """A store in a dict that remembers how many documents were written."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.written = 0

    def documents(self) -> list[Document]:
        """Return all documents."""
        return [self.rows[doc_id].document for doc_id in sorted(self.rows)]

    def stored(self) -> dict[str, tuple[str, str]]:
        """Return hashes and roots."""
        return {doc_id: (row.content_hash, row.root) for doc_id, row in self.rows.items()}

    def upsert(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        """Write documents."""
        assert vectors.shape == (len(rows), 2)
        self.written += len(rows)
        self.rows.update({row.document.doc_id: row for row in rows})

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Delete documents."""
        for doc_id in doc_ids:
            del self.rows[doc_id]

    def flush(self) -> None:
        """Do nothing."""

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """Find nothing."""
        return []


class Ones:
    """An embedder that gives the same vector to all."""

    name = "ones"
    dim = 2

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return ones."""
        return np.ones((len(texts), 2), dtype=np.float32)


def books(folder: Path, *names: str) -> Path:
    """Write runbooks."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.md").write_text(f"# {name}\nText of {name}.\n", encoding="utf-8")
    return folder


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    """The second run writes nothing, and more documents than one batch all arrive."""
    store = Shelf()
    folder = books(tmp_path / "kb", *(f"n{number}" for number in range(130)))
    first = ingest([folder], store, Ones())
    second = ingest([folder], store, Ones())
    assert (first.added, second.added, second.unchanged, store.written) == (130, 0, 130, 130)


def test_a_deleted_file_is_removed_and_other_roots_stay(tmp_path: Path) -> None:
    """Only what came from the ingested root is compared with it."""
    store = Shelf()
    one, two = books(tmp_path / "one", "a", "b"), books(tmp_path / "two", "c")
    ingest([one, two], store, Ones())
    (one / "a.md").unlink()
    report = ingest([one], store, Ones())
    assert (report.removed, sorted(store.rows)) == (1, ["b", "c"])


def test_an_unreadable_file_removes_nothing(tmp_path: Path) -> None:
    """A runbook whose file is damaged keeps its last good text, and the report says so."""
    store = Shelf()
    folder = books(tmp_path / "kb", "a", "b")
    ingest([folder], store, Ones())
    (folder / "a.md").write_bytes(b"\xff\xff")
    report = ingest([folder], store, Ones())
    assert (report.removed, sorted(store.rows), len(report.notices)) == (0, ["a", "b"], 2)


def test_an_empty_or_missing_folder_removes_nothing(tmp_path: Path) -> None:
    """A mount that failed must not empty the knowledge base."""
    store = Shelf()
    folder = books(tmp_path / "kb", "a")
    ingest([folder], store, Ones())
    (folder / "a.md").unlink()
    empty = ingest([folder], store, Ones())
    folder.rmdir()
    missing = ingest([folder], store, Ones())
    assert (empty.removed, missing.removed, sorted(store.rows)) == (0, 0, ["a"])
    assert ["are kept" in report.notices[-1] for report in (empty, missing)] == [True, True]


def test_the_same_id_from_two_places_is_said(tmp_path: Path) -> None:
    """In one run the first wins; across runs the last wins; both are reported."""
    store = Shelf()
    one, two = books(tmp_path / "one", "a"), books(tmp_path / "two", "a")
    (two / "a.md").write_text("# a\nOther.\n", encoding="utf-8")
    both = ingest([one, two], store, Ones())
    later = ingest([two], store, Ones())
    assert (both.added, len(both.notices), later.updated, len(later.notices)) == (1, 1, 1, 1)
    assert store.documents()[0].text == "# a\nOther.\n"
