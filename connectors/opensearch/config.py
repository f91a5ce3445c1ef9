"""Settings of the search index."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class OpenSearchConfig(BaseModel):
    """Where documents go and how fast."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    url: str = "http://127.0.0.1:9200"
    """Base URL of the cluster, `https://` in production."""
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
    close_timeout_s: float = Field(default=10.0, ge=0)
    """How long a stop waits for acknowledgements; what is left is in the state and goes out after the next start."""
