"""A stream as a whole: whether it can be read, and, for emulators, making one. For checks and local runs."""

import time
from typing import NamedTuple

from botocore.exceptions import BotoCoreError

from connectors.errors import ConnectorError, TerminalError, TransientError
from connectors.kinesis.client import GoneError, KinesisClient
from connectors.kinesis.config import KinesisConfig

_ACTIVE_S = 30.0
_POLL_S = 0.1


class StreamState(NamedTuple):
    """What a reader needs to know of a stream."""

    status: str
    """`ACTIVE` when it can be read; else `CREATING`, `UPDATING` or `DELETING`."""
    open_shards: int


def describe(config: KinesisConfig) -> StreamState:
    """Ask for the state of the stream and read once from its end, which proves the permission; emits nothing.

    IAM: what the source needs and `kinesis:DescribeStreamSummary`.

    Raises:
        TerminalError: the stream does not exist.
        TransientError: it cannot be reached, or the caller is not allowed; the message is the service's error code.
    """
    try:
        client = KinesisClient(config)
        summary = client.summary()
        shards = client.list_shards()
        if shards:
            client.get(
                client.iterator(list(shards)[-1], ("LATEST", 0.0), None)
            )  # the newest: the oldest may expire meanwhile
    except GoneError as err:
        msg = f"stream {config.stream!r} does not exist in this account and region"
        raise TerminalError(msg) from err
    except BotoCoreError as err:  # making the client: no region, for example
        raise TransientError(type(err).__name__) from err
    return StreamState(str(summary["StreamStatus"]), int(summary["OpenShardCount"]))


def create(config: KinesisConfig, shards: int) -> None:
    """Make a stream and wait until it can be written. For emulators: a real stream is made by Terraform.

    Raises:
        ConnectorError: it was refused, or is not `ACTIVE` after half a minute.
    """
    KinesisClient(config).create(shards)
    deadline = time.monotonic() + _ACTIVE_S
    while describe(config).status != "ACTIVE":
        if time.monotonic() > deadline:
            msg = f"stream {config.stream!r} is not ACTIVE after {_ACTIVE_S:g} s"
            raise ConnectorError(msg)
        time.sleep(_POLL_S)
