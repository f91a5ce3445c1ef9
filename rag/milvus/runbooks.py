"""Keeps runbooks and their vectors in Milvus.

One physical collection for each embedding model (`runbooks__<model>__v<n>`), reached through the alias `runbooks`:
vectors of two models are never mixed. A row's identity is `sha256(tenant, doc_id)`, so writing is idempotent. Every
read carries the tenant.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.circuit import Guard, unguarded
from rag.config import RagConfig
from rag.milvus.connection import Connection, row_id, slug
from rag.models import Document
from rag.store import ModelMismatchError, Row, StoreError

ALIAS = "runbooks"
_NAME = re.compile(r"^runbooks__(?P<slug>\w+)__v(?P<version>\d+)$")
_FIELDS = ("doc_id", "title", "text", "source", "licence", "url")
_VERSION = "version"
"""Newest field: a collection without it has an older schema."""
_BATCH = 200
"""Rows a call: 200 of the longest texts stay below the 64 MB of one gRPC message."""
_MOST_ROWS = 16_384
"""Most rows of one Milvus query (offset plus limit, Milvus limits page)."""
_STRONG: dict[str, Any] = {"consistency_level": "Strong"}
"""Said with every read: what was ingested a moment ago is found, whatever the server's default is."""
_WRITE_TIMEOUT_S = 60.0
"""Ingestion may wait: a flush of a busy server takes seconds."""


class MilvusStore:
    """A `RunbookStore` over pymilvus, thread-safe. Opening it blocks for a second (Lite) or up to the timeout (server).

    Milvus Lite allows one process at a time: a second one gets a `StoreError` that says so. `any_model=True` opens a
    collection of another embedding model, for `rebuild` alone.
    """

    def __init__(
        self, config: RagConfig, *, model: str, dim: int, any_model: bool = False, guard: Guard = unguarded
    ) -> None:
        """`guard` is entered around each call of the server, which then may raise `CircuitOpenError`."""
        self._tenant, self._timeout = config.tenant, config.milvus_timeout_s
        self._model, self._dim = model, dim
        self._connection = Connection(config, guard)
        self.place, self._client, self._errors = (
            self._connection.place,
            self._connection.client,
            self._connection.errors,
        )
        try:
            self._collection = self._open_collection(any_model=any_model)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back: with the last one of this process Milvus Lite may be opened by another."""
        self._connection.close()

    def documents(self) -> list[Document]:
        """Return all documents of the tenant, ordered by `doc_id`."""
        rows = [row for page in self._pages(self._collection, _FIELDS, self._mine) for row in page]
        return sorted((_document(row) for row in rows), key=lambda document: document.doc_id)

    def stored(self) -> dict[str, tuple[str, str]]:
        """Return `content_hash` and `root` of each `doc_id`."""
        pages = self._pages(self._collection, ("doc_id", "content_hash", "root"), self._mine)
        return {row["doc_id"]: (row["content_hash"], row["root"]) for page in pages for row in page}

    def upsert(self, rows: Sequence[Row], vectors: NDArray[np.float32]) -> None:
        """Write documents with their vectors; each batch of 200 is written whole or not at all."""
        self._write(self._collection, rows, vectors, [self._tenant] * len(rows))

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Delete documents; unknown ids are ignored."""
        for start in range(0, len(doc_ids), _BATCH):
            ids = [row_id(self._tenant, doc_id) for doc_id in doc_ids[start : start + _BATCH]]
            with self._errors("delete from"):
                self._client.delete(self._collection, ids=ids, timeout=_WRITE_TIMEOUT_S)

    def flush(self) -> None:
        """Make what was written durable; Milvus Lite searches 10 to 30 times faster afterwards."""
        with self._errors("flush"):
            self._client.flush(self._collection, timeout=_WRITE_TIMEOUT_S)

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        """Return up to `k` `doc_id`s with their cosine similarity, best first."""
        with self._errors("search"):
            hits = self._client.search(
                self._collection,
                data=[vector.tolist()],
                anns_field="vector",
                limit=k,
                filter=self._mine,
                output_fields=["doc_id"],
                timeout=self._timeout,
                **_STRONG,
            )
        return [(hit["entity"]["doc_id"], float(hit["distance"])) for hit in hits[0]]

    def rebuild(self, vectors_of: Callable[[Sequence[Document]], NDArray[np.float32]]) -> int:
        """Make all vectors anew with this model in a new collection, switch the alias to it, drop the old one.

        Searches go on in the old collection until the switch; all tenants are carried over. Returns how many documents.
        """
        old = self._collection
        match = _NAME.match(old)
        new = _collection_name(self._model, int(match["version"]) + 1 if match else 1)
        self._drop(new)  # left by a rebuild that died
        self._create(new)
        count = 0
        for page in self._pages(old, (*_FIELDS, "content_hash", "root", "tenant"), 'tenant != ""'):
            rows = [Row(_document(row), row["content_hash"], row["root"]) for row in page]
            vectors = vectors_of([row.document for row in rows])
            self._write(new, rows, vectors, [row["tenant"] for row in page])
            count += len(rows)
        with self._errors("switch"):
            self._client.flush(new, timeout=_WRITE_TIMEOUT_S)
            self._client.alter_alias(new, ALIAS, timeout=_WRITE_TIMEOUT_S)
        self._collection = new
        self._drop(old)
        return count

    @property
    def _mine(self) -> str:
        return f'tenant == "{self._tenant}"'  # RagConfig allows no quotation mark in a tenant

    def _open_collection(self, *, any_model: bool) -> str:
        with self._errors("open"):
            exists = self._client.has_collection(ALIAS, timeout=self._timeout)
        if not exists:
            name = _collection_name(self._model, 1)
            self._create(name)
            with self._errors("open"):
                self._client.create_alias(name, ALIAS, timeout=self._timeout)
            return name
        with self._errors("open"):
            name = str(self._client.describe_alias(ALIAS, timeout=self._timeout)["collection_name"])
            fields = self._client.describe_collection(name, timeout=self._timeout)["fields"]
            complete = _VERSION in {field["name"] for field in fields}
            dim = next((int(f["params"]["dim"]) for f in fields if f["name"] == "vector"), 0)
            self._client.load_collection(name, timeout=_WRITE_TIMEOUT_S)
        match = _NAME.match(name)
        stored_model = match["slug"] if match else name
        if not complete and not any_model:
            msg = f"the knowledge base {self.place!r} was made by an older CALI: run `cali kb reindex`"
            raise ModelMismatchError(msg)
        if (stored_model, dim) != (slug(self._model), self._dim) and not any_model:
            msg = (
                f"the knowledge base {self.place!r} was made with the embedding model {stored_model!r} ({dim} "
                f"numbers), the settings name {self._model!r} ({self._dim}): run `cali kb reindex`, or set "
                "CALI_RAG__EMBEDDING_MODEL back"
            )
            raise ModelMismatchError(msg)
        return name

    def _create(self, name: str) -> None:
        from pymilvus import DataType  # noqa: PLC0415 - importing it takes a second

        with self._errors("create a collection in"):
            if self._client.has_collection(name, timeout=self._timeout):
                return
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=32)
            # No partition key: upserts of Milvus 2.3.5 land in another partition than the one that reads then look in.
            schema.add_field("tenant", DataType.VARCHAR, max_length=64)
            for field, length in (("doc_id", 512), ("title", 1024), ("text", 65_535), ("source", 1024)):
                schema.add_field(field, DataType.VARCHAR, max_length=length)
            for field, length in (("licence", 1024), ("url", 1024), ("content_hash", 32), ("root", 4096)):
                schema.add_field(field, DataType.VARCHAR, max_length=length)
            schema.add_field("model", DataType.VARCHAR, max_length=256)
            schema.add_field("dim", DataType.INT64)
            schema.add_field(_VERSION, DataType.INT64)
            schema.add_field("updated_at", DataType.INT64)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
            index = self._client.prepare_index_params()
            # Exact: at the most rows there can be, comparing all of them costs milliseconds, and a graph misses some.
            index.add_index("vector", index_type="FLAT", metric_type="COSINE")
            self._client.create_collection(
                name, schema=schema, index_params=index, consistency_level="Strong", timeout=_WRITE_TIMEOUT_S
            )

    def _drop(self, name: str) -> None:
        with self._errors("drop a collection of"):
            if self._client.has_collection(name, timeout=self._timeout):
                self._client.drop_collection(name, timeout=_WRITE_TIMEOUT_S)

    def _write(
        self, collection: str, rows: Sequence[Row], vectors: NDArray[np.float32], tenants: Sequence[str]
    ) -> None:
        if vectors.shape != (len(rows), self._dim):
            msg = f"expected {len(rows)} vectors of {self._dim} numbers, got the shape {vectors.shape}"
            raise ValueError(msg)
        now = int(time.time())
        match = _NAME.match(collection)
        version = int(match["version"]) if match else 0
        records = [
            {
                **asdict(row.document),
                "id": row_id(tenant, row.document.doc_id),
                "tenant": tenant,
                "content_hash": row.content_hash,
                "root": row.root,
                "model": self._model,
                "dim": self._dim,
                _VERSION: version,
                "updated_at": now,
                "vector": vector.tolist(),
            }
            for row, vector, tenant in zip(rows, vectors, tenants, strict=True)
        ]
        for start in range(0, len(records), _BATCH):
            with self._errors("write to"):
                self._client.upsert(collection, records[start : start + _BATCH], timeout=_WRITE_TIMEOUT_S)

    def _pages(self, collection: str, fields: Sequence[str], wanted: str) -> Iterator[list[dict[str, Any]]]:
        """Read rows by their ids, a batch a call: Milvus Lite logs an error for each use of the SDK's iterator."""
        with self._errors("read"):
            found = self._client.query(
                collection, filter=wanted, output_fields=["id"], limit=_MOST_ROWS, timeout=self._timeout, **_STRONG
            )
        ids = sorted(row["id"] for row in found)
        if len(ids) == _MOST_ROWS:
            msg = (
                f"the knowledge base {self.place!r} holds {_MOST_ROWS:,} runbooks or more: split it by CALI_RAG__TENANT"
            )
            raise StoreError(msg)
        for start in range(0, len(ids), _BATCH):
            with self._errors("read"):
                page = self._client.query(
                    collection,
                    ids=ids[start : start + _BATCH],
                    output_fields=list(fields),
                    timeout=self._timeout,
                    **_STRONG,
                )
            yield list(page)


def _document(row: dict[str, Any]) -> Document:
    return Document(**{name: row[name] for name in _FIELDS})


def _collection_name(model: str, version: int) -> str:
    return f"runbooks__{slug(model)}__v{version}"
