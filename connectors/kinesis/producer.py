"""Puts records into a stream: for generated logs and tests. Production logs are put by Fluent Bit."""

import time
import uuid
from collections.abc import Sequence
from random import SystemRandom
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors.errors import TerminalError
from connectors.kinesis.config import KinesisConfig

MAX_RECORDS = 500
"""Records of one PutRecords call (AWS API reference)."""
MAX_BYTES = 5 * 1024 * 1024 - 64 * 1024
"""Bytes of one PutRecords call, keys included, with room for them (AWS API reference: 5 MiB)."""
_ATTEMPTS = 8


class Producer:
    """Blocking puts with random partition keys, as Fluent Bit makes them. A throttled record is put again."""

    def __init__(self, config: KinesisConfig) -> None:
        import boto3  # noqa: PLC0415 - half a second that only those who connect should pay

        self._stream = config.stream
        self._boto: Any = boto3.session.Session().client(
            "kinesis",
            region_name=config.region,
            endpoint_url=config.endpoint_url,
            config=Config(connect_timeout=config.timeout_s, read_timeout=config.timeout_s),
        )

    def put(self, records: Sequence[bytes]) -> None:
        """Put every record, in calls that keep to the service's limits.

        Raises:
            TerminalError: a record was still refused after eight attempts, or the call itself is.
        """
        start = 0
        while start < len(records):
            stop, size = start, 0
            while stop < len(records) and stop - start < MAX_RECORDS and (size == 0 or size < MAX_BYTES):
                size += len(records[stop]) + 36
                if size > MAX_BYTES and stop > start:
                    break
                stop += 1
            self._put(list(records[start:stop]))
            start = stop

    def _put(self, left: list[bytes]) -> None:
        for attempt in range(_ATTEMPTS):
            entries = [{"Data": data, "PartitionKey": str(uuid.uuid4())} for data in left]
            try:
                answer = self._boto.put_records(StreamName=self._stream, Records=entries)
            except (ClientError, BotoCoreError) as err:
                msg = f"stream {self._stream!r} took no records: {type(err).__name__}; does it exist, may you put?"
                raise TerminalError(msg) from err
            left = [data for data, item in zip(left, answer["Records"], strict=True) if "ErrorCode" in item]
            if not left:
                return
            time.sleep(SystemRandom().uniform(0, 0.2 * 2**attempt))
        msg = f"stream {self._stream!r} refused {len(left)} records {_ATTEMPTS} times: give it more shards"
        raise TerminalError(msg)
