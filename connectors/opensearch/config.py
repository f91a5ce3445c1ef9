"""Settings of the search index."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.urls import is_base_url

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")
"""https://docs.opensearch.org/latest/api-reference/index-apis/create-index/#index-naming-restrictions; an index name is
at most 255 bytes long, and a date and the kind of document come behind the prefix."""


class OpenSearchConfig(BaseModel):
    """Where documents go and how fast."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    url: str = "http://127.0.0.1:9200"
    """Base URL of the cluster, `https://` in production, without user and password."""
    username: str | None = None
    """User for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""
    ca_file: str | None = None
    """CA bundle, if the cluster's certificate is not publicly trusted."""
    index_prefix: str = "cali"
    """Records go to `<prefix>-logs-YYYY.MM.DD`, alerts to `<prefix>-alerts-YYYY.MM`."""
    linger_s: float = Field(default=1.0, gt=0)
    """How long documents wait for company before a bulk call, seconds."""
    bulk_bytes: int = Field(default=5_000_000, gt=0)
    """A bulk call is at most about this large, bytes."""
    timeout_s: float = Field(default=20.0, gt=0)
    """Time-out of one bulk call, seconds."""
    pending_bytes: int = Field(default=32_000_000, gt=0)
    """Unacknowledged documents kept in memory and state, bytes in all; the rest goes to the spool."""
    close_timeout_s: float = Field(default=4.0, ge=0)
    """How long a stop waits for acknowledgements; what is left is in the state and goes out after the next start."""

    @field_validator("url")
    @classmethod
    def _url_is_one(cls, value: str) -> str:
        if "@" in value:
            msg = (
                "a URL must hold no user and password; "
                "set CALI_OPENSEARCH__USERNAME and CALI_OPENSEARCH__PASSWORD instead"
            )
            raise ValueError(msg)
        if not is_base_url(value, underscores=True):
            msg = "must be a base URL such as https://search.example.com:9200: http or https, a host, no query"
            raise ValueError(msg)
        return value

    @field_validator("index_prefix")
    @classmethod
    def _index_prefix_can_begin_an_index(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            msg = "must be 1 to 200 of a-z (lower case), 0-9, '_', '.' and '-', and begin with a letter or digit"
            raise ValueError(msg)
        return value
