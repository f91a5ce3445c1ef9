"""Calls to S3 that are made one by one: reading back, probing, creating; and what a failed one means."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import uuid4

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors.deadline import bound_boto
from connectors.errors import ConnectorError, TerminalError, TransientError
from connectors.s3.config import S3Config

_PASSING = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
"""Codes that come with a status below 500 here or there, and that time heals:
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""


def client(config: S3Config) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """An S3 client with CALI's time-outs; the SDK retries throttling and 5xx itself, three times."""
    import boto3  # noqa: PLC0415 - half a second that only those who connect should pay

    made = boto3.session.Session().client(  # a session of its own: the default one keeps the credentials it saw first
        "s3",
        region_name=config.region,
        endpoint_url=config.endpoint_url,
        config=Config(
            connect_timeout=config.timeout_s,
            read_timeout=config.timeout_s,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": _style(config)},
        ),
    )
    bound_boto(made, config.timeout_s)
    return made


def _style(config: S3Config) -> str:
    if config.path_style is None:
        return "path" if config.endpoint_url else "auto"
    return "path" if config.path_style else "virtual"


def owner(config: S3Config, bucket: str) -> dict[str, str]:
    """The check of the owner, an argument of every call; only for our own bucket."""
    return {"ExpectedBucketOwner": config.bucket_owner} if config.bucket_owner and bucket == config.bucket else {}


def storage(config: S3Config) -> dict[str, Any]:
    """Encryption and storage class, arguments of every call that makes an object."""
    made: dict[str, Any] = {}
    if config.kms_key_id:
        # A bucket key spares one call to KMS for each object:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
        made |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": config.kms_key_id, "BucketKeyEnabled": True}
    if config.storage_class:
        made |= {"StorageClass": config.storage_class}
    return made


@lru_cache(maxsize=4)
def _reader(config: S3Config) -> Any:  # noqa: ANN401 - boto3 client
    """One client for many reads: making one takes some 50 ms."""
    return client(config)


def keys(config: S3Config, bucket: str, prefix: str) -> Iterator[str]:
    """Keys below a prefix, in order."""
    for page in (
        _reader(config).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **owner(config, bucket))
    ):
        for entry in page.get("Contents", []):
            yield str(entry["Key"])


class Fetched(NamedTuple):
    """One object as it is stored."""

    body: bytes
    written: float
    """Seconds since the epoch."""
    metadata: dict[str, str]
    """The manifest, where there is one: see `connectors.s3.objects`."""


def fetch(config: S3Config, bucket: str, key: str) -> Fetched:
    """One object, whole."""
    answer = _reader(config).get_object(Bucket=bucket, Key=key, **owner(config, bucket))
    return Fetched(answer["Body"].read(), answer["LastModified"].timestamp(), dict(answer.get("Metadata", {})))


def store(config: S3Config, bucket: str, key: str, body: bytes) -> None:
    """Write one small JSON object.

    Raises:
        TerminalError: the bucket refused; the message is the service's error code.
        TransientError: it could not be reached, or is overloaded.
    """
    where = {"Bucket": bucket, "Key": key, **owner(config, bucket)}
    with sorted_errors():
        told_by_s3(_reader(config).put_object(**where, **storage(config), Body=body, ContentType="application/json"))


def create_bucket(config: S3Config) -> None:
    """Make the bucket. For emulators: a real bucket is made by Terraform. Raises as `probe` does."""
    elsewhere = config.region not in {None, "us-east-1"}  # the one region that must not be named (AWS API reference)
    where = {"CreateBucketConfiguration": {"LocationConstraint": config.region}} if elsewhere else {}
    with sorted_errors():
        client(config).create_bucket(Bucket=config.bucket, **where)


def probe(config: S3Config) -> None:
    """Write and delete one tiny object below `<prefix>check/`: what the pipeline must be allowed to do.

    Raises:
        TerminalError: the bucket refused, or does not exist; the message is the service's error code.
        TransientError: it could not be reached, or is overloaded.
    """
    key = f"{config.prefix}check/{uuid4()}"
    with sorted_errors():
        s3 = client(config)
        where = {"Bucket": config.bucket, "Key": key, **owner(config, config.bucket)}
        told_by_s3(s3.put_object(**where, **storage(config), Body=b"cali check\n"))
        s3.delete_object(**where)


def told_by_s3(answer: dict[str, Any]) -> None:
    """Tell S3's answer to a put or a look from a page that a proxy or a login sent with a 200: S3 names an ETag.

    Raises:
        TransientError: it names none, so nothing is known to be there.
    """
    if not answer.get("ETag"):
        msg = "NoETag: something that is not S3 answered; see CALI_S3__ENDPOINT_URL and proxies on the way"
        raise TransientError(msg)


@contextmanager
def sorted_errors() -> Iterator[None]:
    """Sort what the SDK raises. Other errors come out as they are.

    Raises:
        TerminalError: S3 answered and refused this request.
        TransientError: no answer, or one that says to come back: 5xx, 429 and throttling.
    """
    try:
        yield
    except ClientError as err:
        status = err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        passing = status >= 500 or status == 429 or reason(err) in _PASSING
        raise (TransientError if passing else TerminalError)(reason(err)) from err
    except (BotoCoreError, OSError) as err:
        raise TransientError(reason(err)) from err


def reason(err: Exception) -> str:
    """The AWS error code or the exception's name: no body, no key."""
    if isinstance(err, ConnectorError):  # made by `sorted_errors`, or by the breaker
        return str(err)
    if isinstance(err, ClientError):
        return str(err.response.get("Error", {}).get("Code", "unknown"))
    return type(err).__name__
