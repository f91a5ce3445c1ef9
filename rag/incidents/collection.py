"""The incidents in Milvus, to be searched by vector: derived from the notebook, made anew whenever that is needed.

One physical collection for each embedding model (`incidents__<model>__v<schema>`), reached through the alias
`incidents`, beside the runbooks. A row's identity is `sha256(tenant, fingerprint)`; every read carries the tenant.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rag.config import RagConfig
from rag.incidents.notebook import Incident
from rag.milvus import Connection, row_id, slug

ALIAS: Final = "incidents"
_MAKE_TIMEOUT_S: Final = 30.0
"""Making and loading a collection, and a flush, may take a busy server seconds; they are rare."""
_SCHEMA_VERSION: Final = 1
"""Raise it with any change of the fields: the rows are then written again from the notebook."""
_TEXTS: Final = {"service": 512, "text": 65_535, "severity": 32, "summary": 4_096, "cited_doc_id": 512}
_RESOLUTION_BYTES: Final = 8_192
_TIMES: Final = ("first_seen", "last_seen")
_FIELDS: Final = ("fingerprint", *_TEXTS, "resolution", *_TIMES, "count", "feedback")


class IncidentCollection:
    """A searchable copy of incidents. Thread-safe, with a connection of its own. Raises `StoreError`.

    In one process it may open a Milvus Lite that is open already; `fresh` says that it holds nothing yet.
    """

    def __init__(self, connection: Connection, config: RagConfig, *, model: str, dim: int) -> None:
        self._connection, self._tenant, self._model, self._dim = connection, config.tenant, model, dim
        self._name = f"{ALIAS}__{slug(model)}_{dim}__v{_SCHEMA_VERSION}"
        self.fresh = self._open()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def upsert(self, incident: Incident, vector: NDArray[np.float32]) -> None:
        """Write an incident, in the place of an earlier state of it."""
        row: dict[str, Any] = {name: getattr(incident, name) for name in _FIELDS}
        row |= {name: _cut(row[name], length) for name, length in _TEXTS.items()}
        row |= {name: int(row[name]) for name in _TIMES}
        row |= {
            "id": row_id(self._tenant, incident.fingerprint),
            "tenant": self._tenant,
            "resolution": _cut(incident.resolution, _RESOLUTION_BYTES),
            "expires_at": int(incident.expires_at),
            "model": self._model,
            "vector": vector.tolist(),
        }
        self._connection.call("write to", "upsert", self._name, [row])

    def nearest(self, vector: NDArray[np.float32], k: int, now: float) -> list[tuple[Incident, float]]:
        """Return up to `k` incidents that have not expired, with their cosine, best first."""
        hits = self._connection.call(
            "search",
            "search",
            self._name,
            data=[vector.tolist()],
            anns_field="vector",
            limit=k,
            filter=f"{self._mine} and expires_at >= {int(now)}",
            output_fields=list(_FIELDS),
            consistency_level="Strong",
        )
        return [
            (Incident(**{name: hit["entity"][name] for name in _FIELDS}), float(hit["distance"])) for hit in hits[0]
        ]

    def remove(self, fingerprints: Sequence[str]) -> None:
        """Delete incidents; unknown ones are ignored."""
        if fingerprints:
            ids = [row_id(self._tenant, fingerprint) for fingerprint in fingerprints]
            self._connection.call("delete from", "delete", self._name, ids=ids)

    def expire(self, now: float) -> None:
        """Delete what has expired: also what another notebook wrote. Milvus Lite does not enforce a time to live."""
        self._connection.call("delete from", "delete", self._name, filter=f"{self._mine} and expires_at < {int(now)}")
        self.flush()

    def flush(self) -> None:
        """Make what was written fast to search."""
        self._connection.call("flush", "flush", self._name, timeout=_MAKE_TIMEOUT_S)

    @property
    def _mine(self) -> str:
        return f'tenant == "{self._tenant}"'  # RagConfig allows no quotation mark in a tenant

    def _open(self) -> bool:
        """Make or load the collection and point the alias to it; say whether it is new."""
        call = self._connection.call
        is_new = not call("open", "has_collection", self._name)
        if is_new:
            self._create()
        else:
            call("open", "load_collection", self._name, timeout=_MAKE_TIMEOUT_S)
        if not call("open", "has_collection", ALIAS):
            call("open", "create_alias", self._name, ALIAS)
        elif (old := str(call("open", "describe_alias", ALIAS)["collection_name"])) != self._name:
            call("open", "alter_alias", self._name, ALIAS)
            call("open", "drop_collection", old)  # of another model or schema: the notebook has it all
        return is_new

    def _create(self) -> None:
        from pymilvus import DataType, MilvusClient  # noqa: PLC0415 - importing it takes a second

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=32)
        for field, length in {"tenant": 64, "fingerprint": 128, "model": 256, **_TEXTS}.items():
            schema.add_field(field, DataType.VARCHAR, max_length=length)
        schema.add_field("resolution", DataType.VARCHAR, max_length=_RESOLUTION_BYTES)
        for field in (*_TIMES, "count", "feedback", "expires_at"):
            schema.add_field(field, DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="COSINE")
        self._connection.call(
            "create a collection in",
            "create_collection",
            self._name,
            schema=schema,
            index_params=index,
            consistency_level="Strong",
            timeout=_MAKE_TIMEOUT_S,
        )


def _cut(text: str, most: int) -> str:
    """Shorten to bytes: Milvus counts them, not characters."""
    return text.encode()[:most].decode(errors="ignore")
