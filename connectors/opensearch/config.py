"""Settings of the search index."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.urls import is_base_url

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,199}")
"""https://docs.opensearch.org/latest/api-reference/index-apis/create-index/#index-naming-restrictions; an index name is
at most 255 bytes long, and a date and the kind of document come behind the prefix."""

_AWS = re.compile(
    r"(?:.+\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.(?:es|aoss)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
    r"|.+\.aos\.(?P<dual>[a-z]{2}(?:-[a-z]+)+-\d)\.on\.aws"
)
"""Hosts of Amazon OpenSearch Service (`<domain>.<region>.es.amazonaws.com`, dual stack `<domain>.aos.<region>.on.aws`)
and of its serverless collections (`<collection>.<region>.aoss.amazonaws.com`)."""

Auth = Literal["none", "basic", "sigv4"]


class OpenSearchConfig(BaseModel):
    """Where documents go, as whom, how fast, and how long they are kept."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    url: str = "http://127.0.0.1:9200"
    """Base URL of the cluster, `https://` in production, without user and password."""
    auth: Auth | None = None
    """`none`, `basic` (user and password) or `sigv4` (AWS credentials: IRSA, a profile, `AWS_*`). Absent: `basic` if
    there is a user, else `sigv4` if the URL is one of Amazon's, else `none`."""
    username: str | None = None
    """User for basic authentication."""
    password: SecretStr | None = None
    """Password for basic authentication."""
    region: str | None = None
    """AWS region for `sigv4`. Absent: the one in the URL, else the SDK's own chain."""
    service: Literal["es", "aoss"] | None = None
    """Name to sign for: `es` (a domain) or `aoss` (a serverless collection). Absent: by the URL, else `es`."""
    ca_file: str | None = None
    """CA bundle, if the cluster's certificate is not publicly trusted."""
    index_prefix: str = "cali"
    """Records go to `<prefix>-logs-YYYY.MM.DD`, alerts to `<prefix>-alerts-YYYY.MM`."""
    layout: Literal["daily", "stream"] = "daily"
    """Records in an index for each day of arrival (`daily`), or in the data stream `<prefix>-logs-stream`, which the
    cluster cuts by size and age (`stream`; records repeated by a crash across a cut are there twice)."""
    shards: int = Field(default=1, ge=1, le=1024)
    """Primary shards of an index of records: its gigabytes divided by 40."""
    replicas: int = Field(default=1, ge=0, le=10)
    """Copies of each shard; 0 only for one node, which then has all health and no spare."""
    lifecycle: Literal["ism", "none"] = "ism"
    """`ism`: CALI keeps the policies `<prefix>-logs` and `<prefix>-alerts`, which delete old indices. `none`: it has
    none; delete them by other means."""
    logs_days: int = Field(default=30, ge=1)
    """Days until an index of records is deleted."""
    alerts_days: int = Field(default=400, ge=31)
    """Days until an index of alerts is deleted; one holds a month."""
    rollover_gb: int = Field(default=40, ge=1)
    """With `stream`: size at which an index is cut, GB for each primary shard; it is cut after a day anyway."""
    linger_s: float = Field(default=1.0, gt=0)
    """How long documents wait for company before a bulk call, seconds."""
    bulk_bytes: int = Field(default=5_000_000, gt=0)
    """A bulk call is at most about this large, bytes."""
    timeout_s: float = Field(default=20.0, gt=0)
    """Time-out of one bulk call, seconds."""
    max_backoff_s: float = Field(default=10.0, gt=0)
    """Longest pause after a failed call, seconds; the pauses before it are shorter, and all are random."""
    rest_s: float = Field(default=10.0, gt=0)
    """How long OpenSearch is left alone after five failures in a row, seconds; then one call tries."""
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

    @field_validator("service", "region")
    @classmethod
    def _empty_is_absent(cls, value: str | None) -> str | None:
        return value or None

    @model_validator(mode="after")
    def _auth_has_what_it_needs(self) -> Self:
        user, password = bool(self.username), bool(self.password and self.password.get_secret_value())
        name, secret = "CALI_OPENSEARCH__USERNAME", "CALI_OPENSEARCH__PASSWORD"
        msg = ""
        if user != password:
            given, absent = (name, secret) if user else (secret, name)
            msg = f"{given} is set and {absent} is not: set both, or neither"
        elif self.auth == "basic" and not user:
            msg = f"CALI_OPENSEARCH__AUTH is 'basic': set {name} and {secret}"
        elif self.auth in {"none", "sigv4"} and user:
            msg = f"CALI_OPENSEARCH__AUTH is {self.auth!r}, which takes no user: unset {name} and {secret}, or it"
        elif self.service_used == "aoss" and self.layout == "stream":
            msg = "CALI_OPENSEARCH__LAYOUT is 'stream', which serverless collections do not have: set 'daily'"
        if msg:
            raise ValueError(msg)
        return self

    @property
    def auth_used(self) -> Auth:
        """How calls are authenticated."""
        if self.auth is not None:
            return self.auth
        if self.username:
            return "basic"
        return "sigv4" if self._aws() else "none"

    @property
    def service_used(self) -> Literal["es", "aoss"]:
        """Name of the AWS service that calls are signed for."""
        return self.service or ("aoss" if ".aoss." in (urlsplit(self.url).hostname or "") else "es")

    @property
    def region_used(self) -> str | None:
        """AWS region by the setting or the URL; None: the SDK must know."""
        found = self._aws()
        return self.region or (found and (found["region"] or found["dual"]))

    def _aws(self) -> re.Match[str] | None:
        return _AWS.fullmatch(urlsplit(self.url).hostname or "")

    @field_validator("index_prefix")
    @classmethod
    def _index_prefix_can_begin_an_index(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            msg = "must be 1 to 200 of a-z (lower case), 0-9, '_', '.' and '-', and begin with a letter or digit"
            raise ValueError(msg)
        return value
