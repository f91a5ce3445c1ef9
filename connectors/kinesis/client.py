"""Three calls to Kinesis, their failures sorted into kinds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connectors import metrics
from connectors.deadline import bound_boto
from connectors.errors import ConnectorError, TransientError
from connectors.kinesis import fast_call, fast_parser
from connectors.kinesis.config import KinesisConfig
from connectors.kinesis.shards import HORIZON, Shard

log = structlog.get_logger(__name__)

_ODD = (KeyError, TypeError, AttributeError, RuntimeError)
"""What botocore raises over an answer that is JSON and no object, has the wrong types in it or is nested too deep, and
over credentials that it renewed and that are expired still."""
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "ThrottlingException",
        "KMSThrottlingException",
    }
)

_CALENDAR_END = 253_402_300_800.0
"""The year 10000, seconds since the epoch."""


class IteratorExpiredError(ConnectorError):
    """The shard iterator is older than five minutes: ask for a new one after the last emitted record."""


class GoneError(ConnectorError):
    """The stream or the shard does not exist (any more)."""


class BadPositionError(ConnectorError):
    """The sequence number or the iterator is not one of this shard (any more)."""


class ThrottledError(TransientError):
    """The shard's or the stream's rate limit was met."""


class Page(NamedTuple):
    """One answer of GetRecords."""

    sequences: list[str]
    data: list[bytes]
    arrivals: list[float]
    next_iterator: str | None
    """None: the shard is closed and this was its last page, unless the answer was not whole."""
    behind_ms: int
    children: bool = False
    """The shards that follow are named, as in the last page of a closed shard."""


class KinesisClient:
    """Blocking calls with a time-out each; used from prefetch threads. botocore clients are thread-safe.

    IAM: `kinesis:ListShards`, `kinesis:GetShardIterator`, `kinesis:GetRecords` and `kinesis:DescribeStreamSummary` on
    the stream, and `kms:Decrypt` on its key where it is encrypted with one.
    """

    def __init__(self, config: KinesisConfig) -> None:
        import boto3  # noqa: PLC0415 - half a second that only those who connect should pay

        self._config = config
        session = boto3.session.Session()
        self._boto: Any = session.client(
            "kinesis",
            region_name=config.region,
            endpoint_url=config.endpoint_url,
            config=Config(
                connect_timeout=config.timeout_s,
                read_timeout=config.timeout_s,
                retries={"mode": "standard", "total_max_attempts": 1},
                max_pool_connections=64,
            ),
        )
        bound_boto(self._boto, config.timeout_s)
        fast = config.fast_parser and fast_parser.install(self._boto)
        metrics.KINESIS_SLOW_PARSER.set(0 if fast else 1)
        self._boto.meta.events.register("before-send.kinesis.GetRecords", _count_slow_call)
        self._get_records = fast_call.get_records(self._boto, session) if fast else self._boto.get_records

    def list_shards(self) -> dict[str, Shard]:
        """All shards of the stream, by id, following every page."""
        shards: dict[str, Shard] = {}
        request: dict[str, Any] = {"StreamName": self._config.stream}
        while True:
            answer = self._call(self._boto.list_shards, **request)
            with _whole():
                shards |= {entry["ShardId"]: _shard(entry) for entry in answer["Shards"]}
            token = answer.get("NextToken")
            if not token:
                return shards
            request = {"NextToken": token}

    def retention_ms(self) -> int | None:
        """How long the stream keeps records; None if that may not be asked."""
        try:
            with _whole():
                return int(self.summary()["RetentionPeriodHours"]) * 3_600_000
        except ConnectorError as err:
            log.warning("kinesis.retention_unknown", error=str(err), effect="a reader stuck at its end is not noticed")
            return None

    def iterator(self, shard_id: str, start: tuple[str, float], after: str | None) -> str:
        """An iterator after a sequence number, at the horizon, or at the start position if there is neither."""
        metrics.KINESIS_RENEWALS.inc()
        where: dict[str, Any] = {"ShardIteratorType": start[0]}
        if after == HORIZON:
            where = {"ShardIteratorType": HORIZON}
        elif after is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        elif start[0] == "AT_TIMESTAMP":
            where["Timestamp"] = start[1]
        answer = self._call(self._boto.get_shard_iterator, StreamName=self._config.stream, ShardId=shard_id, **where)
        with _whole():
            return str(answer["ShardIterator"])

    def get(self, iterator: str) -> Page:
        """One read."""
        answer = self._call(self._get_records, ShardIterator=iterator, Limit=self._config.read_limit)
        with _whole():
            return _page(answer)

    def summary(self) -> Any:  # noqa: ANN401 - boto3 answers
        """The description of the stream, without its shards."""
        with _whole():
            return self._call(self._boto.describe_stream_summary, StreamName=self._config.stream)[
                "StreamDescriptionSummary"
            ]

    def create(self, shards: int) -> None:
        """Make the stream."""
        self._call(self._boto.create_stream, StreamName=self._config.stream, ShardCount=shards)

    def _call(self, method: Callable[..., Any], **request: Any) -> Any:  # noqa: ANN401 - boto3 answers
        try:
            answer = method(**request)
        except ClientError as err:
            code = str(err.response.get("Error", {}).get("Code", "unknown"))
            if code == "ExpiredIteratorException":
                raise IteratorExpiredError(code) from err
            if code in _THROTTLED:
                raise ThrottledError(code) from err
            if code == "ResourceNotFoundException":
                raise GoneError(code) from err
            if code == "InvalidArgumentException":
                raise BadPositionError(code) from err
            raise TransientError(code) from err
        except (BotoCoreError, ResponseParserError, OSError, ValueError, *_ODD) as err:
            raise TransientError(type(err).__name__) from err
        return answer


def _count_slow_call(**_: object) -> None:
    """For botocore's event: `fast_call` sends without it."""
    metrics.KINESIS_SLOW_CALLS.inc()


def _shard(entry: dict[str, Any]) -> Shard:
    parents = tuple(entry[name] for name in ("ParentShardId", "AdjacentParentShardId") if entry.get(name))
    numbers = entry["SequenceNumberRange"]
    return Shard(
        entry["ShardId"], parents, str(numbers["StartingSequenceNumber"]), bool(numbers.get("EndingSequenceNumber"))
    )


def _page(answer: dict[str, Any]) -> Page:
    if (fast := answer.get(fast_parser.RAW)) is not None:
        return Page(
            [record.sequence_number for record in fast.records],
            [record.data for record in fast.records],
            _arrivals([record.approximate_arrival_timestamp for record in fast.records]),
            fast.next_shard_iterator or None,
            fast.millis_behind_latest or 0,
            bool(fast.child_shards),
        )
    records = answer["Records"]
    if not isinstance(records, list):  # without an iterator it would pass for the end of the shard
        msg = "list of records"
        raise TypeError(msg)
    return Page(
        [record["SequenceNumber"] for record in records],
        [record["Data"] for record in records],
        _arrivals([record["ApproximateArrivalTimestamp"].timestamp() for record in records]),
        answer.get("NextShardIterator") or None,
        int(answer.get("MillisBehindLatest") or 0),
        bool(answer.get("ChildShards")),
    )


def _arrivals(told: list[float]) -> list[float]:
    """Arrival times; 0, as for one that is absent, for what no calendar can show: an archive folder is named by it."""
    if told and not (min(told) >= 0.0 and max(told) < _CALENDAR_END):
        return [ts if 0.0 <= ts < _CALENDAR_END else 0.0 for ts in told]
    return told


@contextmanager
def _whole() -> Iterator[None]:
    """An answer that lacks what it must have is a fault of the way here, and is asked for again."""
    try:
        yield
    except (ValueError, ArithmeticError, *_ODD) as err:
        msg = f"an answer without {err}"
        raise TransientError(msg) from err
