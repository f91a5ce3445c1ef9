"""Calls that fail, are refused, or answer what nobody expects."""

import json
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from scripted_calls import FIRST, fault

from connectors import metrics
from connectors.errors import ConnectorError
from connectors.kinesis import KinesisConfig, fast_parser
from connectors.kinesis import reader as module
from connectors.kinesis import stream as probe
from connectors.kinesis.client import ThrottledError
from connectors.kinesis.reader import ShardReader
from connectors.kinesis.shards import new_shard
from dataflows.steps.triage import RejectedBatch, Triage

pytestmark = pytest.mark.slow


def test_throttle_backs_off_with_jitter(scripted: Any, reading: Any) -> None:
    """Throttled reads come at growing, uneven distances, never more than five a second, and nothing is lost."""
    stream, url = scripted
    stream.add(0, records=3)
    fault(stream, "GetRecords", "ProvisionedThroughputExceededException", times=4)
    r = reading(url)
    done = r.until(lambda: len(r.data) == 3)
    times = [at for at, operation, _, _ in stream.calls if operation == "GetRecords"][:5]
    gaps = [b - a for a, b in pairwise(times)]

    assert done
    assert all(gap >= 0.2 for gap in gaps)
    assert len({round(gap, 3) for gap in gaps}) > 1
    assert 1 == stream.count("GetShardIterator")


@pytest.mark.parametrize("what", ["500", "reset", "malformed", "InternalFailure", "KMSThrottlingException"])
def test_network_faults_are_tried_again(scripted: Any, reading: Any, what: str) -> None:
    """A 5xx, a reset or an answer that is no JSON is tried again; nothing is lost, nothing read twice."""
    stream, url = scripted
    stream.add(0, records=3)
    fault(stream, "GetRecords", what)
    fault(stream, "ListShards", what)
    r = reading(url)
    done = r.until(lambda: len(r.data) == 3)

    assert done
    assert ["0:0", "0:1", "0:2"] == r.data


@pytest.mark.parametrize("end_with", ["null", "missing"])
def test_next_iterator_missing_and_null(scripted: Any, reading: Any, end_with: str) -> None:
    """A closed shard ends whether its last answer has a null iterator or none at all."""
    stream, url = scripted
    stream.end_with = end_with
    stream.add(0, records=2, closed=True)
    r = reading(url)
    done = r.until(lambda: r.state(FIRST) is not None and r.state(FIRST)["done"])

    assert done
    assert ["0:0", "0:1"] == r.data


@pytest.mark.parametrize("told", [253_402_300_800.0, 1e300, -1e15])
def test_an_arrival_that_no_calendar_shows_is_none(scripted: Any, reading: Any, told: float) -> None:
    """The folder of the archive is named by it: such a record comes with time 0, and the one beside it with its own."""
    stream, url = scripted
    stream.add(0, records=2)
    sequence, data, arrived = stream.shards[FIRST].records[0]
    stream.shards[FIRST].records[0] = (sequence, data, told)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 2)

    assert [0.0, pytest.approx(arrived, abs=5.0)] == [ts for batch in r.batches for ts in batch.arrivals]


@pytest.mark.parametrize("fast", [True, False])
def test_an_arrival_before_1970_is_none(scripted: Any, reading: Any, *, fast: bool) -> None:
    """Whichever parser read it."""
    stream, url = scripted
    stream.add(0, records=1)
    sequence, data, _ = stream.shards[FIRST].records[0]
    stream.shards[FIRST].records[0] = (sequence, data, -5.0)
    r = reading(url, fast_parser=fast)
    assert r.until(lambda: len(r.data) == 1)

    assert [0.0] == [ts for batch in r.batches for ts in batch.arrivals]


def test_an_open_shard_does_not_end(scripted: Any, reading: Any) -> None:
    """An answer without an iterator of a shard that the list calls open is a fault: it is asked again, once read."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 2)
    fault(stream, "GetRecords", "no_iterator")
    assert r.until(lambda: not stream.faults)
    stream.put(0, 2)
    done = r.until(lambda: len(r.data) == 4, seconds=30)

    assert done
    assert ["0:0", "0:1", "0:2", "0:3"] == r.data
    assert not r.state(FIRST)["done"]


def test_a_closed_shard_does_not_end_before_its_last_record(scripted: Any, reading: Any) -> None:
    """That it is closed says nothing of where the reader is: an answer without an iterator is asked for again."""
    stream, url = scripted
    stream.page_size = 1
    stream.add(0, records=5, closed=True)
    fault(stream, "GetRecords", "no_iterator")
    r = reading(url)
    r.until(lambda: len(r.data) == 5, seconds=30)

    assert ["0:0", "0:1", "0:2", "0:3", "0:4"] == r.data
    assert r.until(lambda: r.state(FIRST)["done"])


def test_a_list_that_is_refused_is_not_asked_for_sooner(scripted: Any, reading: Any) -> None:
    """Shards that call for it, again and again, wait for its second: and each of them asks less and less often."""
    stream, url = scripted
    for number in range(20):
        stream.add(number)
    r = reading(url)
    assert r.until(lambda: stream.count("GetRecords") >= 20)
    reads = stream._GetRecords
    stream._GetRecords = lambda request: (200, {**reads(request)[1], "NextShardIterator": None})
    stream._ListShards = lambda _: (400, {"__type": "AccessDeniedException", "message": "scripted"})
    before = stream.count("ListShards"), stream.count("GetRecords")
    assert not r.until(lambda: False, seconds=4)
    lists, asked = stream.count("ListShards") - before[0], stream.count("GetRecords") - before[1]

    assert (True, True) == (lists <= 6, asked <= 20 * 9), (lists, asked)


def test_poison_goes_to_dead_letters(scripted: Any, reading: Any) -> None:
    """Bad records are dead letters with their place, and the records around them live."""
    stream, url = scripted
    stream.add(0)
    good = json.dumps({"level": "ERROR", "log": "boom"}).encode()
    for data in (good, b"\x1f\x8bbroken", b'{"level":"ERROR","lo', good):
        stream.put(0, 1, data=data)
    r = reading(url)
    assert r.until(lambda: sum(len(batch.data) for batch in r.batches) == 4)
    out = Triage(None)(r.batches)
    rejected = [piece for item in out if isinstance(item, RejectedBatch) for piece in item.pieces]
    alarms = [alarm for item in out if not isinstance(item, RejectedBatch) for alarm in item.alarms]

    assert ["10000000000", "10000000003"] == [alarm.sighting.record_id.split("-")[2] for alarm in alarms]
    assert [("10000000001", "bad_compression"), ("10000000002", "cut_off")] == [
        (piece.sequence, piece.reason.value) for piece in rejected
    ]


ODD = [
    *(b"[]", b"null", b'"x"', b'{"Records": 5}', b'{"Records": [null]}', b"", b"<html>502</html>"),
    b'{"Records":[{"SequenceNumber":"1","Data":"YQ==","ApproximateArrivalTimestamp":"never"}]}',
    b'{"Records":[],"MillisBehindLatest":1e999}',
]


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        *(("GetRecords", 200, body) for body in ODD),
        *((operation, 200, b"[]") for operation in ("GetShardIterator", "ListShards", "DescribeStreamSummary")),
        *(("GetRecords", status, b"null") for status in (400, 503)),
    ],
    ids=repr,
)
def test_no_answer_ends_the_process(
    scripted: Any, reading: Any, operation: str, status: int, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of any shape is a fault that is tried again, and nothing is lost."""
    stream, url = scripted
    died: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    stream.add(0, records=3)
    real, left = stream.answer, [1]

    def answer(op: str, request: dict[str, Any]) -> Any:
        if op == operation and left[0]:
            left[0] -= 1
            stream.calls.append((time.monotonic(), op, "", request))
            return status, body
        return real(op, request)

    stream.answer = answer
    r = reading(url)
    done = r.until(lambda: len(r.data) == 3, seconds=30)

    assert done
    assert ["0:0", "0:1", "0:2"] == r.data
    assert [] == died, died[0].exc_value


def test_describe_proves_that_records_may_be_read(scripted: Any) -> None:
    """`cali check` says "may be read": a role without kinesis:GetRecords must not pass."""
    stream, url = scripted
    stream.add(0)
    told = {"RetentionPeriodHours": 24, "StreamStatus": "ACTIVE", "OpenShardCount": 1}
    stream._DescribeStreamSummary = lambda _: (200, {"StreamDescriptionSummary": told})
    stream._GetRecords = lambda _request: (400, {"__type": "AccessDeniedException", "message": "no"})
    with pytest.raises(ConnectorError):
        probe.describe(KinesisConfig(stream="logs", endpoint_url=url, region="eu-central-1"))


def test_back_off_has_full_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause is drawn between 0.2 s and a ceiling that doubles to 10 s; the gap between reads is drawn too."""
    asked: list[tuple[float, float]] = []

    class Random:
        def uniform(self, low: float, high: float) -> float:
            """The lower bound; both are kept."""
            asked.append((low, high))
            return low

    monkeypatch.setattr(module, "_random", Random())
    r = ShardReader(FIRST, ("TRIM_HORIZON", 0.0), new_shard(None), _NoShared())
    for _ in range(8):
        begun = time.monotonic()
        r._failed(ThrottledError("x"))
        assert begun + 0.2 <= r._due <= time.monotonic() + 0.2
    ceilings = [high for _, high in asked]

    assert all(low == 0 for low, _ in asked)
    assert ceilings == sorted(ceilings)
    assert (0.8, 1.6, 10.0) == (ceilings[0], ceilings[1], ceilings[-1])


class _NoShared:
    """What a reader that reads nothing does not use."""

    topology = config = None


def test_the_fast_parser_is_on_falls_back_and_can_be_off(
    scripted: Any, reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Msgspec parses where the self-test agrees; else botocore does, a metric says so, and the records are the same."""
    stream, url = scripted
    stream.add(0, records=2)
    for setting, agrees, slow in ((True, True, 0), (True, False, 1), (False, True, 1)):
        with monkeypatch.context() as patch:
            if not agrees:
                patch.setattr(fast_parser, "_agrees", lambda *_: False)
            r = reading(url, fast_parser=setting)
            told = metrics.KINESIS_SLOW_PARSER._value.get()
            assert r.until(lambda r=r: r.data == ["0:0", "0:1"])
        assert slow == told
