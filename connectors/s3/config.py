"""Settings of the object store."""

from pydantic import BaseModel, ConfigDict, Field


class S3Config(BaseModel):
    """Where objects go."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    bucket: str = "cali-logs"
    """Bucket of the archive and of the dead letters."""
    prefix: str = ""
    """Put in front of every key, for example `prod/`."""
    endpoint_url: str | None = None
    """Only for S3-compatible stores and emulators."""
    region: str | None = None
    """AWS region; empty: the SDK's own chain."""
    timeout_s: float = Field(default=20.0, gt=0)
    """Connect and read time-out of one call, seconds."""
    close_timeout_s: float = Field(default=10.0, ge=0)
    """How long a stop waits for uploads; what is left goes up after the next start."""
