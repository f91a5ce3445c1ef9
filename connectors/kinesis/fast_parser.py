"""GetRecords answers parsed by msgspec instead of botocore: a tenth of the CPU.

botocore builds a dict and a datetime for every record; two thirds of its time goes into the timestamps. This module
puts a parser in front of botocore's for one case, a GetRecords answer with status 200, and leaves all else alone. It
uses a private attribute of botocore, so `install` first parses a sample both ways and compares; if anything differs,
botocore stays.
"""

import json
from typing import Any

import msgspec
import structlog

log = structlog.get_logger(__name__)

_SHAPE = "GetRecordsOutput"
RAW = "_cali_records"
"""Key of the parsed answer under which the records stand as `FastRecord`s."""


class FastRecord(msgspec.Struct, rename="pascal", gc=False):
    """One record of the wire answer; unknown fields are skipped."""

    sequence_number: str
    data: bytes
    """Decoded from base64."""
    approximate_arrival_timestamp: float = 0.0


class _Shard(msgspec.Struct, rename="pascal", gc=False):
    shard_id: str
    parent_shards: list[str] = []


class FastAnswer(msgspec.Struct, rename="pascal"):
    """A GetRecords answer."""

    records: list[FastRecord]
    next_shard_iterator: str | None = None
    millis_behind_latest: int | None = None
    child_shards: list[_Shard] | None = None


_decode = msgspec.json.Decoder(FastAnswer).decode


class _Parser:
    """Parses GetRecords answers itself and hands everything else to botocore's parser."""

    def __init__(self, slow: Any) -> None:  # noqa: ANN401 - botocore is untyped
        self._slow = slow

    def parse(self, response: dict[str, Any], shape: Any) -> Any:  # noqa: ANN401 - botocore is untyped
        if response.get("status_code") != 200 or getattr(shape, "name", "") != _SHAPE:
            return self._slow.parse(response, shape)
        try:
            answer = _decode(response["body"])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._slow.parse(response, shape)
        headers = response.get("headers", {})
        return {
            RAW: answer,
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": dict(headers), "RetryAttempts": 0},
        }

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - botocore is untyped
        return getattr(self._slow, name)


class _Factory:
    """Makes parsers that try msgspec first."""

    def __init__(self, slow: Any) -> None:  # noqa: ANN401 - botocore is untyped
        self._slow = slow

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401 - botocore is untyped
        return _Parser(self._slow.create_parser(protocol_name))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - botocore is untyped
        return getattr(self._slow, name)


def install(client: Any) -> bool:  # noqa: ANN401 - boto3 client
    """Put the parser into a Kinesis client; False (and nothing changed) if it does not do what botocore's does."""
    try:
        endpoint = client._endpoint  # noqa: SLF001 - tested below, and left alone if it is not what we know
        factory = endpoint._response_parser_factory  # noqa: SLF001 - likewise
        if not _agrees(client, factory):
            log.warning("kinesis.fast_parser_off", error="disagrees", effect="botocore parses: ten times the CPU")
            return False
        endpoint._response_parser_factory = _Factory(factory)  # noqa: SLF001 - likewise
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        log.warning("kinesis.fast_parser_off", error=type(err).__name__, effect="botocore parses: ten times the CPU")
        return False
    return True


_SAMPLE = {
    "Records": [
        {
            "SequenceNumber": "49590338271490256608559692538361571095921575989136588898",
            "ApproximateArrivalTimestamp": 1763764000.123,
            "Data": "eyJsZXZlbCI6ICJFUlJPUiJ9Cg==",
            "PartitionKey": "k",
            "EncryptionType": "KMS",
        }
    ],
    "NextShardIterator": "AAAA",
    "MillisBehindLatest": 17,
    "ChildShards": [{"ShardId": "shardId-1", "ParentShards": ["shardId-0"], "HashKeyRange": {}}],
}


def _agrees(client: Any, factory: Any) -> bool:  # noqa: ANN401 - botocore is untyped
    """Parse a sample with both parsers and compare what the source uses."""
    shape = client.meta.service_model.operation_model("GetRecords").output_shape
    slow = factory.create_parser(client.meta.service_model.resolved_protocol)
    response = {"status_code": 200, "headers": {}, "body": json.dumps(_SAMPLE).encode()}
    told, fast = slow.parse(response, shape), _Parser(slow).parse(response, shape)[RAW]
    return [
        (r["SequenceNumber"], r["Data"], r["ApproximateArrivalTimestamp"].timestamp()) for r in told["Records"]
    ] == [(r.sequence_number, r.data, r.approximate_arrival_timestamp) for r in fast.records] and (
        told["NextShardIterator"],
        told["MillisBehindLatest"],
        [child["ShardId"] for child in told["ChildShards"]],
    ) == (fast.next_shard_iterator, fast.millis_behind_latest, [child.shard_id for child in fast.child_shards])
