"""A knowledge base of the shipped runbooks, and a scripted model to ask; `scripted_model` is made importable."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rag.circuit import Guard, unguarded
from rag.config import OpenAIConfig, RagConfig
from rag.embed import SentenceTransformerEmbedder
from rag.explainer import Explainer
from rag.ingest import ingest
from rag.knowledge import Knowledge
from rag.milvus import MilvusStore

sys.path.insert(0, str(Path(__file__).parent))

from scripted_model import Model

RUNBOOKS = Path(__file__).parents[3] / "runbooks"


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> RagConfig:
    """A knowledge base of the shipped runbooks."""
    config = RagConfig(milvus_uri=str(tmp_path_factory.mktemp("kb") / "m.db"))
    embedder = SentenceTransformerEmbedder()
    with MilvusStore(config, model=embedder.name, dim=embedder.dim) as store:
        ingest([RUNBOOKS], store, embedder)
    return config


@pytest.fixture
def model() -> Iterator[Model]:
    """A scripted model."""
    made = Model()
    yield made
    made.close()


@pytest.fixture(scope="session")
def loaded(knowledge: RagConfig) -> Knowledge:
    """The knowledge base as an explainer holds it."""
    return Knowledge(knowledge)


@pytest.fixture
def explaining(knowledge: RagConfig, loaded: Knowledge, model: Model) -> Iterator[Callable[..., Explainer]]:
    """Makes explainers that ask the scripted model; one at a time, since Milvus Lite allows one.

    They share the embedding model, which takes long to load; the store is opened anew each time.
    """
    made: list[Explainer] = []

    def make(guard: Guard = unguarded, state: Path | None = None, clock: Any = None, **openai: Any) -> Explainer:
        for one in made:
            one.close()
        given = {"api_key": SecretStr("k" * 8), "base_url": model.url, "max_tokens_per_hour": 0, **openai}
        made.append(Explainer(knowledge, OpenAIConfig(**given), state=state, model_guard=guard))
        made[-1]._knowledge = Knowledge(knowledge, clock) if clock else loaded
        return made[-1]

    yield make
    made[-1].close()
