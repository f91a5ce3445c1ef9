"""Brings runbooks into the store: reads, compares, embeds what is new, removes what is gone. Idempotent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.documents import Reading, read
from rag.embed import Embedder, card
from rag.milvus import MilvusStore
from rag.store import Row, RunbookStore, content_hash

_EMBED_AT_ONCE = 64
"""Documents embedded and written together: an ingestion that is interrupted goes on from there."""


@dataclass(slots=True)
class IngestReport:
    """What an ingestion did, in documents."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    notices: list[str] = field(default_factory=list)
    """One sentence for each thing that was skipped or looks wrong."""


def ingest(paths: Sequence[Path], store: RunbookStore, embedder: Embedder) -> IngestReport:
    """Bring the runbooks of `paths` into `store`; raise `StoreError` if the store fails.

    What was ingested from one of the paths before and is no longer there is removed, unless something of that path
    could not be read, or it holds no runbook at all (an unmounted folder must not empty the knowledge base).
    """
    return ingest_readings([read(path) for path in paths], store, embedder)


def ingest_readings(readings: Sequence[Reading], store: RunbookStore, embedder: Embedder) -> IngestReport:
    """Do the same for what was read already, from files or from elsewhere."""
    report = IngestReport()
    stored = store.stored()
    changed = _changed(readings, stored, report)
    for start in range(0, len(changed), _EMBED_AT_ONCE):
        rows = changed[start : start + _EMBED_AT_ONCE]
        store.upsert(rows, embedder.embed([card(row.document) for row in rows]))
    gone = _gone(readings, stored, report)
    store.remove(gone)
    report.removed = len(gone)
    if changed or gone:
        store.flush()
    return report


def reindex(store: MilvusStore, embedder: Embedder) -> int:
    """Embed all stored runbooks anew, for a changed embedding model; return how many.

    Open the store with `any_model=True`. It needs no files: the store holds the texts.
    """
    return store.rebuild(lambda documents: embedder.embed([card(document) for document in documents]))


def _changed(readings: Sequence[Reading], stored: dict[str, tuple[str, str]], report: IngestReport) -> list[Row]:
    rows: list[Row] = []
    taken: dict[str, str] = {}
    for reading in readings:
        report.notices += reading.notices
        root = reading.root
        for document in reading.documents:
            doc_id, digest = document.doc_id, content_hash(document)
            if doc_id in taken:
                if taken[doc_id] != root:
                    report.notices.append(f"{root!r}: id {doc_id!r} was already read from {taken[doc_id]!r}: skipped")
                continue
            taken[doc_id] = root
            old_digest, old_root = stored.get(doc_id, ("", ""))
            if old_digest == digest:
                report.unchanged += 1
            elif old_digest:
                report.updated += 1
                if old_root != root:
                    report.notices.append(f"{root!r}: id {doc_id!r} replaces the one from {old_root!r}")
            else:
                report.added += 1
            if (old_digest, old_root) != (digest, root):
                rows.append(Row(document, digest, root))
    return rows


def _gone(readings: Sequence[Reading], stored: dict[str, tuple[str, str]], report: IngestReport) -> list[str]:
    present = {document.doc_id for reading in readings for document in reading.documents}
    gone: dict[str, None] = {}
    for reading in readings:
        root = reading.root
        missing = [doc_id for doc_id, (_, old_root) in stored.items() if old_root == root and doc_id not in present]
        if reading.complete and reading.documents:
            gone.update(dict.fromkeys(missing))
        elif missing:
            report.notices.append(
                f"{root!r}: {len(missing)} runbooks that were ingested from it were not found now and are kept, "
                "because it could not be read completely: repair it and ingest again"
            )
    return list(gone)
