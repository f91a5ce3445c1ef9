"""Settings of the object store."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors.urls import is_base_url

_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""


class S3Config(BaseModel):
    """Where objects go."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )

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
    close_timeout_s: float = Field(default=4.0, ge=0)
    """How long a stop waits for uploads; what is left goes up after the next start."""

    @field_validator("bucket")
    @classmethod
    def _bucket_is_a_name(cls, value: str) -> str:
        if not _BUCKET.fullmatch(value):
            msg = (
                "must be the name of a bucket: 3 to 63 of a-z, 0-9, '.' and '-', "
                "with a letter or digit at both ends and no '..'"
            )
            raise ValueError(msg)
        return value

    @field_validator("endpoint_url")
    @classmethod
    def _endpoint_url_is_one(cls, value: str | None) -> str | None:
        if value is not None and "@" in value:
            msg = "a URL must hold no user and password; AWS credentials come from a role, a profile or AWS_* variables"
            raise ValueError(msg)
        if value is not None and not is_base_url(value):
            msg = "must be a base URL such as http://127.0.0.1:4566: http or https, a host, no query"
            raise ValueError(msg)
        return value
