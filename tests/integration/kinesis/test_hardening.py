"""What is easy to get wrong in a Kinesis source; each of these was wrong once, or could have been without a test."""

import threading
import time
from typing import Any

import pytest

from connectors import metrics
from connectors.errors import ConnectorError
from connectors.kinesis import KinesisConfig, KinesisSource, fast_parser
from connectors.kinesis import reader as module
from connectors.kinesis import stream as probe
from connectors.kinesis.client import ThrottledError
from connectors.kinesis.reader import ShardReader
from connectors.kinesis.shards import new_shard
from connectors.slots import slot_of
from connectors.spool import Commits

pytestmark = pytest.mark.slow
FIRST = "shardId-000000000000"


def losses(r: Any) -> list[Any]:
    """Gaps told so far."""
    return [loss for batch in r.batches for loss in batch.losses]


def test_a_shard_whose_records_seem_to_precede_it_is_not_read_again(scripted: Any, reading: Any) -> None:
    """A merged shard may be listed with its parent's first number, above its own records: every list showed it anew."""
    stream, url = scripted
    stream.add(0, records=3)
    listing = stream._ListShards

    def late(request: dict[str, Any]) -> Any:
        status, answer = listing(request)
        answer["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"] = "900000000000"
        return status, answer

    stream._ListShards = late
    first = reading(url)
    assert first.until(lambda: len(first.data) == 3 and stream.count("ListShards") >= 3)
    second = reading(url, first.epoch())
    second.until(lambda: bool(second.data), seconds=1)

    assert ["0:0", "0:1", "0:2"] == first.data
    assert [] == second.data
    assert not losses(first)
    assert not losses(second)


def test_a_stream_that_was_made_anew_under_the_same_name_is_read(scripted: Any, reading: Any) -> None:
    """Shard ids start at 0 again: an id that was finished in the old stream is another shard in the new one."""
    stream, url = scripted
    stream.add(0, records=3, closed=True)
    stream.add(1, 0, records=3)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 6 and first.state(FIRST)["done"])
    states = first.epoch()
    stream.shards.clear()  # deleted, and made again with two shards
    listing = stream._ListShards

    def anew(request: dict[str, Any]) -> Any:
        status, answer = listing(request)
        for shard in answer["Shards"]:
            shard["SequenceNumberRange"]["StartingSequenceNumber"] = "900000000000"
        return status, answer

    stream._ListShards = anew
    stream.add(0)
    stream.add(1)
    with stream.lock:  # other sequence numbers, as a new stream has
        for ordinal in (0, 1):
            stream.shards[f"shardId-{ordinal:012d}"].records = [
                (f"9{ordinal}{n:010d}", f"new {ordinal}:{n}".encode(), time.time()) for n in range(2)
            ]
    second = reading(url, states)
    done = second.until(lambda: len(second.data) == 4, seconds=8)

    assert done, second.data
    assert losses(second)


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
    done = r.until(lambda: len(r.data) == 3, seconds=8)

    assert done
    assert ["0:0", "0:1", "0:2"] == r.data
    assert [] == died, died[0].exc_value


def test_the_byte_cap_holds_while_the_dataflow_stands_still(scripted: Any, reading: Any) -> None:
    """With 40 shards behind and a dataflow that takes nothing, what is fetched stays near the cap."""
    stream, url = scripted
    for ordinal in range(40):
        stream.add(ordinal)
        stream.put(ordinal, 10, data=b"x" * 1000)
    r = reading(url, prefetch_bytes=20_000)
    assert r.until(lambda: len(r.batches) > 0)
    for part in r.parts.values():
        part.next_batch()
    time.sleep(1.0)  # a slow step downstream
    for part in r.parts.values():
        part.next_batch()
    time.sleep(1.0)
    held = r.source._shared.budget._held

    assert held <= 20_000 + 10_000, held


def test_the_byte_cap_holds_at_the_start(scripted: Any, reading: Any) -> None:
    """40 shards of 10 kB each against a cap of 20 kB: at most the cap and one page are held."""
    stream, url = scripted
    for ordinal in range(40):
        stream.add(ordinal)
        stream.put(ordinal, 10, data=b"x" * 1000)
    r = reading(url, prefetch_bytes=20_000)
    deadline = time.monotonic() + 5
    while not r.source._shared.topology.listed()[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    r.poll()  # adopts and submits
    r.poll()
    time.sleep(1.5)  # a slow step downstream: nothing is polled
    held = r.source._shared.budget._held

    assert held <= 20_000 + 10_000, held


def test_a_list_forced_while_one_is_on_its_way_is_asked_again(scripted: Any, reading: Any) -> None:
    """A shard ends while a list is being fetched: the children are looked for at once, not a refresh later."""
    stream, url = scripted
    stream.add(0)
    r = reading(url, refresh_s=30)
    topology = r.source._shared.topology
    assert r.until(lambda: topology.listed()[0] == 1)
    real = topology._client.list_shards
    began = threading.Event()

    def slow() -> Any:
        answer = real()
        began.set()
        time.sleep(0.5)
        return answer

    topology._client.list_shards = slow
    topology.force()
    topology.listed()
    assert began.wait(5)
    topology.force()  # the shard ends now: the answer above is older
    lists = stream.count("ListShards")
    assert r.until(lambda: stream.count("ListShards") > lists, seconds=4)


class SilentTrim:
    """As AWS was seen to answer: an expired sequence number is taken, and reading begins at the oldest record."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.real = stream, stream._GetShardIterator

    def __call__(self, request: dict[str, Any]) -> Any:
        status, answer = self.real(request)
        if status == 400 and answer["__type"] == "InvalidArgumentException":
            return self.real({**request, "ShardIteratorType": "TRIM_HORIZON"})
        return status, answer


def test_an_expired_checkpoint_that_the_service_takes_is_told(scripted: Any, reading: Any) -> None:
    """The position is older than the retention and the service does not say so (gosoline#1124, harlow#98, #125)."""
    stream, url = scripted
    stream.add(0, records=4)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 4)
    states = first.epoch()
    shard = states[slot_of(0)]["shards"][FIRST]
    shard["arrival"] -= 30 * 3600  # the pipeline was down for 30 hours, the retention is 24
    shard["seen"] -= 30 * 3600
    stream.put(0, 6)
    stream.shards[FIRST].trimmed = 8
    stream._GetShardIterator = SilentTrim(stream)
    second = reading(url, states)
    assert second.until(lambda: len(second.data) == 2)

    assert 1 == len(losses(second))


def test_describe_proves_that_records_may_be_read(scripted: Any) -> None:
    """`cali check` says "may be read": a role without kinesis:GetRecords must not pass."""
    stream, url = scripted
    stream.add(0)
    told = {"RetentionPeriodHours": 24, "StreamStatus": "ACTIVE", "OpenShardCount": 1}
    stream._DescribeStreamSummary = lambda _: (200, {"StreamDescriptionSummary": told})
    stream._GetRecords = lambda _request: (400, {"__type": "AccessDeniedException", "message": "no"})
    with pytest.raises(ConnectorError):
        probe.describe(KinesisConfig(stream="logs", endpoint_url=url, region="eu-central-1"))


def test_a_stuck_shard_is_one_that_does_not_move(scripted: Any, reading: Any) -> None:
    """Empty pages near the horizon that come nearer to the tip are no loss: Kinesis walks over empty time."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 2)
    day = 24 * 3_600_000
    for step in range(14):
        stream.shards[FIRST].behind_ms = day - step * 2_000
        calls = stream.count("GetRecords")
        assert r.until(lambda calls=calls: stream.count("GetRecords") > calls)

    assert [] == losses(r)


def test_a_longer_retention_is_noticed(scripted: Any, reading: Any) -> None:
    """The retention is raised from one day to seven: a reader 30 hours behind has lost nothing."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url)
    assert r.until(lambda: r.source._shared.topology.retention_ms is not None and len(r.data) == 2)
    stream._DescribeStreamSummary = lambda _: (200, {"StreamDescriptionSummary": {"RetentionPeriodHours": 168}})
    r.source._shared.topology._retention_due = 0.0
    r.source._shared.topology.force()
    assert r.until(lambda: r.source._shared.topology.retention_ms == 168 * 3_600_000, seconds=8)


def test_a_shard_that_ends_while_a_list_leaves_it_out_is_read_once(scripted: Any, reading: Any) -> None:
    """Misses count from the end of a shard on: else it is forgotten at once, listed again, and read once more."""
    stream, url = scripted
    stream.add(0, records=3)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 3)
    stream.shards[FIRST].listed = False
    lists = stream.count("ListShards")
    stream.add(1)
    assert r.until(lambda: stream.count("ListShards") >= lists + 4)
    client = r.source._shared.topology._client
    real = client.list_shards

    def slow() -> Any:
        time.sleep(1.0)
        return real()

    client.list_shards = slow
    with stream.lock:
        stream.shards[FIRST].listed = True
        stream.shards[FIRST].closed = True
    r.until(lambda: len(r.data) > 3, seconds=5)

    assert ["0:0", "0:1", "0:2"] == r.data


def test_the_child_is_not_opened_before_the_epoch_of_its_parent_ends(scripted: Any, reading: Any) -> None:
    """The gate is the snapshot: without an epoch's end the child stays closed however often the slots are polled."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 2)
    stream.add(1, 0, records=2)
    with stream.lock:
        stream.shards[FIRST].closed = True
    lists = stream.count("ListShards")
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        r.poll()
        time.sleep(0.005)
    early = [data for data in r.data if data.startswith("1:")]

    assert stream.count("ListShards") > lists
    assert [] == early
    assert r.until(lambda: len(r.data) == 4)


def test_child_waits_for_both_parents_while_it_is_polled(scripted: Any, reading: Any) -> None:
    """Either parent alone holds the child, over several epochs."""
    for open_parent in (0, 1):
        stream, url = scripted
        stream.shards.clear()
        stream.add(0, records=5, closed=open_parent != 0)
        stream.add(1, records=5, closed=open_parent != 1)
        stream.add(2, 0, 1, records=5)
        r = reading(url)
        assert r.until(lambda r=r: len(r.data) == 10)
        assert not r.until(lambda r=r: len(r.data) > 10, seconds=1.5)
        stream.shards[f"shardId-{open_parent:012d}"].closed = True
        assert r.until(lambda r=r: len(r.data) == 15)
        assert [f"2:{n}" for n in range(5)] == r.data[10:]


def test_finished_is_not_read_again_over_epochs(scripted: Any, reading: Any) -> None:
    """A finished shard stays closed when epochs go by after the resume."""
    stream, url = scripted
    stream.add(0, records=5, closed=True)
    stream.add(1, 0, records=5)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 10)
    states = first.epoch()
    stream.calls.clear()
    second = reading(url, states)
    assert not second.until(lambda: len(second.data) > 0, seconds=2)
    assert 0 == stream.count("GetRecords", FIRST)
    assert 0 == stream.count("GetShardIterator", FIRST)


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
        assert 0.2 <= r._due - begun < 0.25
    ceilings = [high for _, high in asked]

    assert all(low == 0 for low, _ in asked)
    assert ceilings == sorted(ceilings)
    assert (0.8, 1.6, 10.0) == (ceilings[0], ceilings[1], ceilings[-1])


class _NoShared:
    """What a reader that reads nothing does not use."""

    topology = config = None


def test_forgotten_after_the_second_list_not_the_first(scripted: Any, reading: Any) -> None:
    """One list without a finished shard forgets nothing."""
    stream, url = scripted
    stream.add(0, records=2, closed=True)
    stream.add(1, 0)
    r = reading(url)
    assert r.until(lambda: r.state(FIRST) is not None and r.state(FIRST)["done"])
    topology = r.source._shared.topology
    stream.shards[FIRST].listed = False
    version = topology.listed()[0]
    assert r.until(lambda: topology.listed()[0] > version)
    while FIRST in topology.listed()[1]:
        time.sleep(0.01)
    topology._due = float("inf")  # no further list
    r.epoch()
    assert r.state(FIRST) is not None
    topology.force()
    assert r.until(lambda: r.state(FIRST) is None)


def test_a_child_of_a_parent_elsewhere_starts_after_the_wait(scripted: Any, reading: Any) -> None:
    """Only the slot of the child is here: after `parent_wait_s`, and not before, it is read, and that is counted."""
    stream, url = scripted
    stream.add(0, records=1)
    stream.add(1, 0, records=2)
    r = reading.__new__(reading)
    r.commits, r.batches = Commits(), []
    config = KinesisConfig(
        stream="logs", endpoint_url=url, region="eu-central-1", idle_gap_s=0.2, refresh_s=1, parent_wait_s=1.5
    )
    r.source = KinesisSource(config, r.commits, lambda: False)
    r.parts = {slot_of(1): r.source.build_part("kinesis_in", slot_of(1), None)}
    before = metrics.KINESIS_UNGATED._value.get()
    assert not r.until(lambda: r.data, seconds=1.2)
    assert r.until(lambda: r.data == ["1:0", "1:1"], seconds=5)
    assert 1 == metrics.KINESIS_UNGATED._value.get() - before


def test_a_parent_of_this_process_is_waited_for_without_end(scripted: Any, reading: Any) -> None:
    """The wait limit is for other processes only."""
    stream, url = scripted
    stream.add(0, records=1)
    stream.add(1, 0, records=2)
    r = reading(url, parent_wait_s=0)
    assert not r.until(lambda: len(r.data) > 1, seconds=2)


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


def test_an_empty_list_changes_nothing(scripted: Any, reading: Any) -> None:
    """A list without any shard loses no position, and reading goes on."""
    stream, url = scripted
    stream.add(0, records=3)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 3)
    lists = stream.count("ListShards")
    stream.shards[FIRST].listed = False
    assert r.until(lambda: stream.count("ListShards") >= lists + 3)
    stream.put(0, 1)
    assert r.until(lambda: len(r.data) == 4)

    assert ["0:0", "0:1", "0:2", "0:3"] == r.data
    assert [] == losses(r)


def test_a_shard_that_is_listed_is_not_given_up(scripted: Any, reading: Any) -> None:
    """A shard that is refused again and again but listed is tried again: no loss, nothing read twice."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 2)
    stream.shards[FIRST].gone = True
    reads = stream.count("GetRecords") + stream.count("GetShardIterator")
    lists = stream.count("ListShards")
    assert r.until(lambda: stream.count("GetRecords") + stream.count("GetShardIterator") > reads + 3)
    assert r.until(lambda: stream.count("ListShards") > lists + 1)
    stream.shards[FIRST].gone = False
    stream.put(0, 1)
    assert r.until(lambda: len(r.data) == 3)

    assert [] == losses(r)
    assert ["0:0", "0:1", "0:2"] == r.data


def test_children_are_looked_for_at_once(scripted: Any, reading: Any) -> None:
    """The end of a shard asks for a list at once, not after the refresh time."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url, refresh_s=60)
    assert r.until(lambda: len(r.data) == 2)
    stream.add(1, 0, records=2)
    stream.shards[FIRST].closed = True

    assert r.until(lambda: len(r.data) == 4, seconds=8)
