"""Settings of the object store."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors.spool import Compression
from connectors.urls import is_base_url

_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)/[\w/-]+|alias/[\w/-]+|[\w-]{36,}")
"""A key's id, ARN, alias or alias ARN: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html"""
PART_BYTES = 8 * 2**20
"""One part of a multipart upload; S3 takes 5 MiB to 5 GiB. The memory of an upload is one part."""

StorageClass = Literal["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]
"""Those whose objects can be read at once: a replay does not wait for a restore."""


class S3Config(BaseModel):
    """Where objects go, and how."""

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
    path_style: bool | None = None
    """Bucket in the path (true) or in the host name (false). Empty: in the path with an endpoint URL, else not."""
    bucket_owner: str | None = Field(default=None, pattern=r"^[0-9]{12}$")
    """AWS account that must own the bucket, 12 digits; a bucket of another's is refused. Empty: not checked."""
    kms_key_id: str | None = None
    """Key for SSE-KMS: id, ARN or alias. Empty: the bucket's own default encryption."""
    storage_class: StorageClass | None = None
    """`STANDARD`, `STANDARD_IA`, `ONEZONE_IA`, `INTELLIGENT_TIERING` or `GLACIER_IR`. Empty: the bucket's default."""
    compression: Compression = "zstd"
    """`zstd`, or `gzip` for readers that cannot do zstd: larger by a third, and dearer to make."""
    multipart_bytes: int = Field(default=64 * 2**20, ge=PART_BYTES, le=5 * 2**30)
    """Objects above this size go up in parts of 8 MiB."""
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

    @field_validator("kms_key_id")
    @classmethod
    def _kms_key_id_is_one(cls, value: str | None) -> str | None:
        if value is not None and not _KMS_KEY.fullmatch(value):
            msg = "must be a KMS key: its id, its ARN, or alias/NAME"
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
