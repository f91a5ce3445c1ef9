"""Opens Milvus, guards its calls and says what to do about its errors; names rows and collections."""

import hashlib
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.circuit import CircuitOpenError, Guard, unguarded
from rag.config import RagConfig
from rag.milvus.lite import close_lite, open_lite
from rag.store import CollectionGoneError, StoreError

_SLUG_CHARS = 60
_COLLECTION_NOT_FOUND = 100
"""Code of Milvus' errors, from 2.3 on and in Lite."""


class Connection:
    """A client of Milvus whose calls are guarded and whose errors say what to do. Thread-safe.

    Opening it blocks for a second (Lite) or up to the timeout (server). Connections of one process to the same Milvus
    Lite share its server, and what a killed process left there unfinished does not stop the first of them.
    """

    def __init__(self, config: RagConfig, guard: Guard = unguarded) -> None:
        self._timeout, self._guard = config.milvus_timeout_s, guard
        self.place = _without_password(config.milvus_uri)
        self._folder = Path(config.milvus_uri).expanduser() if config.milvus_uri.endswith(".db") else None
        self._closing, self._closed = threading.Lock(), False
        self.client = self._connect(config)

    def close(self) -> None:
        """Give the connection back, once: the last one of a Milvus Lite waits until all is on the disk."""
        with self._closing:
            closed, self._closed = self._closed, True
        if closed:
            return
        if self._folder is None:
            self.client.close()
        else:
            close_lite(self._folder, self.client)

    def call(self, doing: str, method: str, *args: object, **how: object) -> Any:  # noqa: ANN401 - pymilvus has no types
        """Call the client within its `timeout`; raise `StoreError`, or `CircuitOpenError` from the guard."""
        with self.errors(doing):
            return getattr(self.client, method)(*args, **{"timeout": self._timeout, **how})

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Guard a block that calls the client, and turn what it raises into `StoreError`s."""
        try:
            with self._guard():
                yield
        except (StoreError, CircuitOpenError):
            raise
        except Exception as err:  # pymilvus lets errors of grpc through besides its own
            what = str(getattr(err, "message", "")) or type(err).__name__
            msg = (
                f"cannot {doing} the knowledge base {self.place!r}: {what[:200]}; check that Milvus is up and reachable"
            )
            gone = getattr(err, "code", None) == _COLLECTION_NOT_FOUND
            raise (CollectionGoneError if gone else StoreError)(msg) from err

    def _connect(self, config: RagConfig) -> Any:  # noqa: ANN401 - pymilvus has no types
        from pymilvus import MilvusClient  # noqa: PLC0415 - importing it takes a second

        # It logs each error with a trace before raising it; the caller counts and logs it once.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        uri = config.milvus_uri
        if self._folder is not None:
            try:
                return open_lite(self._folder)
            except Exception as err:  # the SDK has no class of its own for a locked directory
                msg = (
                    f"the knowledge base {uri!r} cannot be opened: another process has it open (Milvus Lite allows "
                    "one), or the path cannot be used; point CALI_RAG__MILVUS_URI at a Milvus server, or stop the "
                    "other process"
                )
                raise StoreError(msg) from err
        if "://" not in uri:
            msg = (
                f"CALI_RAG__MILVUS_URI {uri!r} is neither a path ending in .db nor a server such as http://milvus:19530"
            )
            raise StoreError(msg)
        token = config.milvus_token.get_secret_value() if config.milvus_token else ""
        with self.errors("connect to"):
            return MilvusClient(uri=uri, token=token, timeout=self._timeout)


def row_id(tenant: str, doc_id: str) -> str:
    """Return the identity of a row: of a runbook by its `doc_id`, of an incident by its fingerprint."""
    return hashlib.sha256(f"{tenant}|{doc_id}".encode()).hexdigest()[:32]


def slug(model: str) -> str:
    """Return a model's name in the characters that Milvus allows, still different for different models."""
    plain = re.sub(r"\W+", "_", model, flags=re.ASCII).strip("_")
    digest = hashlib.sha256(model.encode()).hexdigest()[:8]
    return f"{plain[:_SLUG_CHARS]}_{digest}"


def _without_password(uri: str) -> str:
    if "://" not in uri:
        return uri
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
