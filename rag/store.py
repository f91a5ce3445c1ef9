"""What retrieval and ingestion need of a store of runbooks, and what goes into it."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.models import Document


class StoreError(Exception):
    """The knowledge base cannot be used; the message says which and what to do, and holds no secret."""


class CollectionGoneError(StoreError):
    """The store answers, and the collection that was open is there no more: a reindex made another."""


class ModelMismatchError(StoreError):
    """The stored vectors come from another embedding model and have to be made anew."""


@dataclass(frozen=True, slots=True)
class Row:
    """One runbook as it is stored."""

    document: Document
    content_hash: str
    root: str
    """The ingested path it came from, absolute."""


class RunbookStore(Protocol):
    """What retrieval and ingestion need of a store. Calls block, within the store's own timeout."""

    def documents(self) -> list[Document]:
        """Return all documents of the tenant, ordered by `doc_id`; raise `StoreError`."""

    def stored(self) -> dict[str, tuple[str, str]]:
        """Return `content_hash` and `root` of each `doc_id`: small, for comparing; raise `StoreError`."""

    def upsert(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        """Write documents with their vectors, replacing those of the same `doc_id`; raise `StoreError`."""

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Delete documents, unknown ids are ignored; raise `StoreError`."""

    def flush(self) -> None:
        """Make what was written durable and fast to search; raise `StoreError`."""

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """Return up to `k` `doc_id`s with their cosine similarity, best first; raise `StoreError`."""


def content_hash(document: Document) -> str:
    """Return what changes when, and only when, any field of the document changes."""
    return hashlib.sha256("\x1f".join(asdict(document).values()).encode()).hexdigest()[:32]
