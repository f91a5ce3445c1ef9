"""Settings of rag: where the knowledge base lives, how far retrieval is trusted, and which model may write.

Both models are nested in the program's settings (`CALI_RAG__*`, `CALI_OPENAI__*`); nothing here reads the environment.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class RagConfig(BaseModel):
    """The knowledge base and how its answers are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    milvus_uri: str = Field(
        default=".cali/milvus.db",
        min_length=1,
        description="A path ending in .db is Milvus Lite (one process at a time); else a server, http://host:19530.",
    )
    milvus_token: SecretStr | None = Field(
        default=None, description="Token of the Milvus server, `user:password` or an API key; not used by Milvus Lite."
    )
    milvus_timeout_s: float = Field(default=5.0, gt=0, le=120, description="Longest wait for one Milvus call, seconds.")
    embedding_model: str = Field(
        default="",
        description="Empty: the bundled MiniLM weights (English); else a folder or a sentence-transformers model name.",
    )
    embedding_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="An OpenAI-compatible server of embeddings, http://host:8000/v1; asked for `embedding_model`.",
    )
    embedding_api_key: SecretStr | None = Field(default=None, description="Key of the server of embeddings.")
    embedding_query_prefix: str = Field(
        default="", description="What the model wants before a question, such as `query: ` for the e5 models."
    )
    embedding_document_prefix: str = Field(
        default="", description="What the model wants before a document, such as `passage: ` for the e5 models."
    )
    tenant: str = Field(
        default="default",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="Runbooks of other tenants in the same Milvus are never read or changed.",
    )
    match_at: float = Field(
        default=0.5, ge=0, le=1, description="Confidence from which a runbook is shown as the answer (`match`)."
    )
    related_at: float = Field(
        default=0.25, ge=0, le=1, description="Confidence from which runbooks are shown as links only (`related`)."
    )
    gate_path: str = Field(
        default="",
        description="Constants that `cali kb calibrate` fitted; empty: beside a Milvus Lite path, as NAME.gate.json.",
    )
    url_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that `cali kb ingest` may fetch runbooks from, a JSON list; empty: no URL is fetched.",
    )
    url_plain_http: bool = Field(default=False, description="Whether runbooks may be fetched by http, unencrypted.")
    refresh_s: float = Field(
        default=300.0, gt=0, description="How often a running pipeline looks for changed runbooks, seconds."
    )

    @model_validator(mode="after")
    def _bands_are_ordered(self) -> Self:
        if self.related_at > self.match_at:
            msg = f"related_at ({self.related_at}) is above match_at ({self.match_at}): lower it to at most match_at"
            raise ValueError(msg)
        return self


class OpenAIConfig(BaseModel):
    """The model that writes explanations. Without a key and without a base URL answers are quoted from runbooks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr | None = Field(
        default=None, description="Absent (and no base_url): no model is asked, answers are quotations from runbooks."
    )
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="An OpenAI-compatible server, for example http://vllm:8000/v1; absent: api.openai.com.",
    )
    model: str = Field(default="gpt-5-mini", min_length=1, description="Name of the model that is asked.")
    timeout_s: float = Field(default=20.0, gt=0, le=300, description="Longest wait for one attempt, seconds.")
    max_output_tokens: int = Field(
        default=800,
        ge=64,
        le=16_000,
        description="Longest answer in tokens; a model that reasons needs more (its thinking counts).",
    )

    @property
    def enabled(self) -> bool:
        """Whether a model may be asked at all."""
        return bool(self.base_url or (self.api_key and self.api_key.get_secret_value()))
