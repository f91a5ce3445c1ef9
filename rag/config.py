"""Settings of rag: where the knowledge base lives, how far retrieval is trusted, and which model may write.

Both models are nested in the program's settings (`CALI_RAG__*`, `CALI_OPENAI__*`); nothing here reads the environment.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


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

    allow_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that an answer may link to though no cited runbook does, a JSON list; names are exact.",
    )

    max_tokens_per_hour: int = Field(
        default=400_000,
        ge=0,
        description="Most tokens in any 60 minutes, in and out; 0: no limit. A question first takes its worst case, "
        "some 45,000 in English and up to 130,000 in Korean, so a limit below that lets no question through.",
    )
    max_tokens_per_day: int = Field(
        default=2_000_000, ge=0, description="Most tokens in any 24 hours, in and out; 0: no limit."
    )
    max_usd_per_hour: float = Field(
        default=0.0, ge=0, description="Most US dollars in any 60 minutes, by the prices below; 0: no limit."
    )
    max_usd_per_day: float = Field(
        default=0.0, ge=0, description="Most US dollars in any 24 hours, by the prices below; 0: no limit."
    )
    usd_per_million_input_tokens: float | None = Field(
        default=None, ge=0, description="Price of the model; absent: cards say tokens only, no limit in dollars."
    )
    usd_per_million_output_tokens: float | None = Field(
        default=None, ge=0, description="Price of the model; absent: cards say tokens only, no limit in dollars."
    )
    cache_s: float = Field(
        default=604_800.0,
        ge=0,
        description="How long an answer of the model is given again for the same fault, runbooks and language, seconds;"
        " 0: it is asked each time.",
    )

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        """A secret that was written with `echo` ends with a line break; no header can carry it."""
        plain = key.get_secret_value().strip() if key else ""
        if not plain.isascii() or not plain.isprintable():
            msg = "the key holds characters that no key has: copy it again"
            raise ValueError(msg)
        return SecretStr(plain) if key else None

    @model_validator(mode="after")
    def _limits_in_dollars_have_prices(self) -> Self:
        limits = {"max_usd_per_hour": self.max_usd_per_hour, "max_usd_per_day": self.max_usd_per_day}
        limit = next((name for name, usd in limits.items() if usd), None)
        if limit and None in {self.usd_per_million_input_tokens, self.usd_per_million_output_tokens}:
            msg = (
                f"{limit} is {limits[limit]:g} and a price is unknown: set usd_per_million_input_tokens and "
                "usd_per_million_output_tokens, or limit tokens instead"
            )
            raise ValueError(msg)
        return self

    @property
    def enabled(self) -> bool:
        """Whether a model may be asked at all."""
        return bool(self.base_url or (self.api_key and self.api_key.get_secret_value()))
