"""Calls to S3 that are made one by one: reading back, probing, creating."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import uuid4

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors.errors import TerminalError, TransientError
from connectors.s3.config import S3Config


def client(config: S3Config) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """An S3 client with CALI's time-outs; the SDK retries throttling and 5xx itself, three times."""
    import boto3  # noqa: PLC0415 - half a second that only those who connect should pay

    return boto3.session.Session().client(  # a session of its own: the default one keeps the credentials it saw first
        "s3",
        region_name=config.region,
        endpoint_url=config.endpoint_url,
        config=Config(
            connect_timeout=config.timeout_s,
            read_timeout=config.timeout_s,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path"} if config.endpoint_url else {},
        ),
    )


@lru_cache(maxsize=4)
def _reader(config: S3Config) -> Any:  # noqa: ANN401 - boto3 client
    """One client for many reads: making one takes some 50 ms."""
    return client(config)


def keys(config: S3Config, bucket: str, prefix: str) -> Iterator[str]:
    """Keys below a prefix, in order."""
    for page in _reader(config).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield str(entry["Key"])


def fetch(config: S3Config, bucket: str, key: str) -> tuple[bytes, float]:
    """The bytes of one object, and when it was written, seconds since the epoch."""
    answer = _reader(config).get_object(Bucket=bucket, Key=key)
    return answer["Body"].read(), answer["LastModified"].timestamp()


def create_bucket(config: S3Config) -> None:
    """Make the bucket. For emulators: a real bucket is made by Terraform. Raises as `probe` does."""
    elsewhere = config.region not in {None, "us-east-1"}  # the one region that must not be named (AWS API reference)
    where = {"CreateBucketConfiguration": {"LocationConstraint": config.region}} if elsewhere else {}
    with _sorted_errors():
        client(config).create_bucket(Bucket=config.bucket, **where)


def probe(config: S3Config) -> None:
    """Write and delete one tiny object below `<prefix>check/`: what the pipeline must be allowed to do.

    Raises:
        TerminalError: the bucket refused, or does not exist; the message is the service's error code.
        TransientError: it could not be reached.
    """
    key = f"{config.prefix}check/{uuid4()}"
    with _sorted_errors():
        s3 = client(config)
        s3.put_object(Bucket=config.bucket, Key=key, Body=b"cali check\n")
        s3.delete_object(Bucket=config.bucket, Key=key)


@contextmanager
def _sorted_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as err:
        raise TerminalError(reason(err)) from err
    except (BotoCoreError, OSError) as err:
        raise TransientError(reason(err)) from err


def reason(err: Exception) -> str:
    """The AWS error code or the exception's name: no body, no key."""
    if isinstance(err, ClientError):
        return str(err.response.get("Error", {}).get("Code", "unknown"))
    return type(err).__name__
