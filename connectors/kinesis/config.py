"""Settings of the source."""

import re
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.urls import is_base_url

StartPosition = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]

_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
"""https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html"""


class KinesisConfig(BaseModel):
    """Which stream, from where, how fast."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    stream: str = "cali-logs"
    """Name of the Kinesis Data Stream."""
    region: str | None = None
    """AWS region; empty: the SDK's own chain."""
    endpoint_url: str | None = None
    """Only for emulators and VPC endpoints."""
    start: StartPosition = "TRIM_HORIZON"
    """Where a stream without recovery state is read from: `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`."""
    start_timestamp: datetime | None = None
    """With `AT_TIMESTAMP`: ISO 8601 with a time zone."""
    read_limit: int = Field(default=10_000, ge=1, le=10_000)
    """Records per GetRecords call; 10,000 is the service's limit."""
    behind_gap_s: float = Field(default=0.2, ge=0.2)
    """Pause between reads of a shard that is behind; 0.2 keeps to the service's 5 reads per second and shard."""
    tip_gap_s: float = Field(default=0.2, ge=0.2)
    """Pause after a read that brought the newest record: more of it saves CPU, and an alert may come so much later."""
    idle_gap_s: float = Field(default=1.0, ge=0.2)
    """Pause after a read that brought nothing, at most: an alert from a quiet shard waits no longer for its read."""
    refresh_s: float = Field(default=15.0, ge=1)
    """How often the list of shards is asked for."""
    parent_wait_s: float = Field(default=60.0, ge=0)
    """With several processes: how long a child shard waits for a parent that another process reads, seconds."""
    prefetch_bytes: int = Field(default=134_217_728, gt=0)
    """Bytes fetched ahead of the dataflow over all shards; one shard holds one answer (10 MB) at most."""
    fast_parser: bool = True
    """Send GetRecords and parse its answers without botocore's layers, where tests against it agree; false: never."""
    timeout_s: float = Field(default=20.0, gt=0)
    """Connect and read time-out of one call, seconds."""

    @field_validator("stream")
    @classmethod
    def _stream_is_a_name(cls, value: str) -> str:
        if not _STREAM.fullmatch(value):
            msg = "must be the name of a stream, no ARN: 1 to 128 of a-z, A-Z, 0-9, '_', '.' and '-'"
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

    @model_validator(mode="after")
    def _timestamp_goes_with_start(self) -> Self:
        if self.start == "AT_TIMESTAMP" and (self.start_timestamp is None or self.start_timestamp.tzinfo is None):
            msg = "AT_TIMESTAMP needs start_timestamp with a time zone, for example 2026-11-21T00:00:00+00:00"
            raise ValueError(msg)
        return self
