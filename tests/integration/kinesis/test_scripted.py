"""The source against an endpoint that follows a script: what no emulator gives on demand."""

import json
import time
from collections import Counter
from hashlib import md5
from itertools import pairwise
from typing import Any

import pytest

from connectors.kinesis.shards import HORIZON
from connectors.slots import slot_of
from dataflows.domain.records import RejectReason
from dataflows.steps.triage import RejectedBatch, Triage

pytestmark = pytest.mark.slow

FIRST = "shardId-000000000000"


def fault(stream: Any, operation: str, what: str, times: int = 1) -> None:
    """Let the next calls of an operation fail."""
    from dataclasses import make_dataclass  # noqa: PLC0415 - a stand-in for the conftest's own class

    made = make_dataclass("Fault", ["operation", "what", ("shard", str | None, None)])
    stream.faults.extend(made(operation, what) for _ in range(times))


def test_child_waits_for_both_parents(scripted: Any, reading: Any) -> None:
    """After a merge the child is read only when both parents are finished and that is in a snapshot."""
    stream, url = scripted
    stream.add(0, records=5, closed=True)
    stream.add(1, records=5)
    stream.add(2, 0, 1, records=5)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 10)
    r.epoch()
    before = list(r.data)
    stream.shards["shardId-000000000001"].closed = True
    done = r.until(lambda: len(r.data) == 15)

    assert done
    assert not any(data.startswith("2:") for data in before)
    assert [f"2:{n}" for n in range(5)] == r.data[10:]


def test_child_starts_at_trim_horizon_even_if_latest(scripted: Any, reading: Any) -> None:
    """LATEST holds for the shards of the first list; a child that appears later is read from its beginning."""
    stream, url = scripted
    stream.add(0, records=3)
    time.sleep(0.01)
    r = reading(url, start="LATEST")
    assert r.until(lambda: stream.count("GetRecords", FIRST) > 1)
    stream.add(1, 0, records=4)
    stream.shards[FIRST].closed = True
    done = r.until(lambda: len(r.data) == 4)
    asked = [c[3]["ShardIteratorType"] for c in stream.calls if c[1] == "GetShardIterator" and c[2] != FIRST]

    assert done
    assert ["1:0", "1:1", "1:2", "1:3"] == r.data
    assert ["TRIM_HORIZON"] == asked


def test_finished_not_reassigned_on_restore(scripted: Any, reading: Any) -> None:
    """A shard that was finished before the restart is not read again while it is still listed."""
    stream, url = scripted
    stream.add(0, records=5, closed=True)
    stream.add(1, 0, records=5)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 10)
    states = first.epoch()
    stream.calls.clear()
    stream.put(1, 2)
    second = reading(url, states)
    done = second.until(lambda: len(second.data) == 2)

    assert done
    assert ["1:5", "1:6"] == second.data
    assert 0 == stream.count("GetRecords", FIRST)


def test_finished_kept_until_unlisted_then_forgotten(scripted: Any, reading: Any) -> None:
    """A finished shard stays in the state while it is listed, and leaves after two lists without it."""
    stream, url = scripted
    stream.add(0, records=2, closed=True)
    stream.add(1, 0)
    r = reading(url)
    assert r.until(lambda: r.state(FIRST) is not None and r.state(FIRST)["done"])
    lists = stream.count("ListShards")
    assert r.until(lambda: stream.count("ListShards") >= lists + 2)
    kept = r.state(FIRST)
    stream.shards[FIRST].listed = False
    forgotten = r.until(lambda: r.state(FIRST) is None)

    assert kept is not None
    assert forgotten
    assert r.state("shardId-000000000001") is not None


def test_expired_iterator_uses_last_emitted(scripted: Any, reading: Any) -> None:
    """When an iterator expires reading goes on AFTER the last emitted record: none twice, none lost."""
    stream, url = scripted
    stream.page_size = 3
    stream.add(0, records=6)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 6)
    fault(stream, "GetRecords", "ExpiredIteratorException")
    stream.put(0, 4)
    done = r.until(lambda: len(r.data) == 10)
    last = [call[3] for call in stream.calls if call[1] == "GetShardIterator"][-1]

    assert done
    assert [f"0:{n}" for n in range(10)] == r.data
    assert ("AFTER_SEQUENCE_NUMBER", "10000000005") == (last["ShardIteratorType"], last["StartingSequenceNumber"])


def test_expired_before_first_record_keeps_start(scripted: Any, reading: Any) -> None:
    """An iterator that expires before any record was read is renewed at the start position, not at LATEST's now."""
    stream, url = scripted
    stream.add(0, records=2)
    time.sleep(0.01)
    r = reading(url, start="LATEST")
    assert r.until(lambda: stream.count("GetRecords", FIRST) >= 1)
    stream.put(0, 1)
    fault(stream, "GetRecords", "ExpiredIteratorException")
    done = r.until(lambda: len(r.data) == 1)
    stamps = {call[3].get("Timestamp") for call in stream.calls if call[1] == "GetShardIterator"}

    assert done
    assert ["0:2"] == r.data
    assert 1 == len(stamps)


def test_prefetched_not_emitted_is_not_checkpointed(scripted: Any, reading: Any) -> None:
    """A page that is fetched but not yet taken is not in the snapshot: a crash reads it again."""
    stream, url = scripted
    stream.page_size = 4
    stream.add(0, records=8)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 4)
    part = r.parts[slot_of(0)]
    reader = part._readers[FIRST]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not (reader._future is not None and reader._future.done()):
        if reader._future is None:
            reader._due = 0.0
            reader.poll()
        time.sleep(0.01)
    state = part.snapshot()["shards"][FIRST]
    resumed = reading(url, {slot_of(0): part.snapshot()})
    done = resumed.until(lambda: len(resumed.data) == 4)

    assert "10000000003" == state["seq"]
    assert done
    assert [f"0:{n}" for n in range(4, 8)] == resumed.data


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


def test_empty_stream_stays_in_budget(scripted: Any, reading: Any) -> None:
    """An idle shard is read about once an idle gap, and no slot is awake without a reason."""
    stream, url = scripted
    for ordinal in range(8):
        stream.add(ordinal)
    r = reading(url, idle_gap_s=1.0, refresh_s=10)
    assert r.until(lambda: stream.count("GetRecords") >= 8)
    stream.calls.clear()
    begun, turns = time.monotonic(), 0
    awake = {slot: part.next_awake().timestamp() for slot, part in r.parts.items()}
    while time.monotonic() - begun < 3.0:
        for slot, part in r.parts.items():
            if awake[slot] <= time.time():
                part.next_batch()
                awake[slot] = part.next_awake().timestamp()
                turns += 1
        time.sleep(0.002)
    per_shard = Counter(shard for _, operation, shard, _ in stream.calls if operation == "GetRecords")

    assert max(per_shard.values()) <= 4
    assert stream.count("ListShards") <= 1
    assert turns <= 3 * (64 + 8 * 4)


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


def test_last_records_with_null_iterator(scripted: Any, reading: Any) -> None:
    """Records that come WITH the null iterator are emitted before the shard counts as finished."""
    stream, url = scripted
    stream.page_size = 2
    stream.add(0, records=4, closed=True)
    r = reading(url)
    done = r.until(lambda: r.state(FIRST) is not None and r.state(FIRST)["done"])

    assert done
    assert [f"0:{n}" for n in range(4)] == r.data
    assert "10000000003" == r.state(FIRST)["seq"]


def losses(r: Any) -> list[Any]:
    """Gaps told so far."""
    return [loss for batch in r.batches for loss in batch.losses]


def test_trimmed_checkpoint_reports_loss_once(scripted: Any, reading: Any) -> None:
    """A checkpoint that expired is told once, with the place, and reading goes on from the oldest record."""
    stream, url = scripted
    stream.add(0, records=4)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 4)
    states = first.epoch()
    stream.put(0, 6)
    stream.shards[FIRST].trimmed = 8
    second = reading(url, states)
    done = second.until(lambda: len(second.data) == 2)
    stream.put(0, 1)
    assert second.until(lambda: len(second.data) == 3)
    told = losses(second)
    rejected = [
        piece
        for out in Triage(None)(second.batches)
        if isinstance(out, RejectedBatch)
        for piece in out.pieces
        if piece.reason is RejectReason.POSSIBLE_LOSS
    ]

    assert done
    assert ["0:8", "0:9", "0:10"] == second.data
    assert ["10000000003"] == [loss.after for loss in told]
    assert 1 == len(rejected)
    assert "may be lost" in rejected[0].detail


def test_a_loss_is_in_the_state(scripted: Any, reading: Any) -> None:
    """After a loss, a snapshot before any further record does not remember the expired position."""
    stream, url = scripted
    stream.add(0, records=4)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 4)
    states = first.epoch()
    stream.put(0, 2)
    stream.shards[FIRST].trimmed = 6
    second = reading(url, states)
    assert second.until(lambda: losses(second))

    assert HORIZON == second.state(FIRST)["seq"]


def test_stuck_at_retention_reports_loss_once(scripted: Any, reading: Any) -> None:
    """Empty answers at the edge of retention are told once as a loss, and the position is given up."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url, idle_gap_s=0.2)
    assert r.until(lambda: len(r.data) == 2)
    stream.shards[FIRST].trimmed = 2
    stream.shards[FIRST].behind_ms = 24 * 3_600_000
    told = r.until(lambda: losses(r), seconds=30)
    calls = stream.count("GetRecords")
    assert r.until(lambda: stream.count("GetRecords") > calls + 15, seconds=30)

    assert told
    assert 1 == len(losses(r))


def test_vanished_shard_reports_loss_once(scripted: Any, reading: Any) -> None:
    """A shard that is refused and no longer listed is told as a loss and ends; one that is listed is tried again."""
    stream, url = scripted
    stream.add(0, records=2)
    stream.add(1)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 2)
    fault(stream, "GetRecords", "ResourceNotFoundException")
    stream.put(0, 1)
    came_back = r.until(lambda: len(r.data) == 3)
    quiet = losses(r)
    with stream.lock:
        stream.shards[FIRST].listed = False
        stream.shards[FIRST].gone = True
    gone = r.until(lambda: losses(r))

    assert came_back
    assert [] == quiet
    assert gone
    assert 1 == len(losses(r))


def test_list_shards_paginates(scripted: Any, reading: Any) -> None:
    """Every page of the list is followed."""
    stream, url = scripted
    stream.list_page = 3
    for ordinal in range(10):
        stream.add(ordinal, records=1)
    r = reading(url)
    done = r.until(lambda: len(r.data) == 10)

    assert done
    assert {f"{n}:0" for n in range(10)} == set(r.data)


def test_inconsistent_list_forgets_nothing(scripted: Any, reading: Any) -> None:
    """A list that is empty or leaves out an open parent loses no position and lets no child start early."""
    stream, url = scripted
    stream.add(0, records=3)
    r = reading(url)
    assert r.until(lambda: len(r.data) == 3)
    stream.add(1, 0, records=2)
    with stream.lock:
        stream.shards[FIRST].listed = False
    lists = stream.count("ListShards")
    assert r.until(lambda: stream.count("ListShards") >= lists + 2)
    early = [data for data in r.data if data.startswith("1:")]
    kept = r.state(FIRST)
    with stream.lock:
        stream.shards[FIRST].listed = True
    stream.put(0, 1)
    stream.shards[FIRST].closed = True
    done = r.until(lambda: len(r.data) == 6)

    assert [] == early
    assert kept is not None
    assert done
    assert ["0:3", "1:0", "1:1"] == r.data[3:]


def test_at_timestamp_older_than_retention(scripted: Any, reading: Any) -> None:
    """A start time before the oldest record begins at the oldest record."""
    stream, url = scripted
    stream.add(0, records=5)
    stream.shards[FIRST].trimmed = 2
    r = reading(url, start="AT_TIMESTAMP", start_timestamp="2001-01-01T00:00:00+00:00")
    done = r.until(lambda: len(r.data) == 3)

    assert done
    assert ["0:2", "0:3", "0:4"] == r.data


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


def test_a_child_known_from_the_state_waits_for_the_first_list(scripted: Any, reading: Any) -> None:
    """After a resume, before any list has come, a child that had not begun stays closed: its parent comes first."""
    stream, url = scripted
    stream.add(0, records=3, closed=True)
    stream.add(1, 0, records=2)
    first = reading(url)
    assert first.until(lambda: first.state("shardId-000000000001") is not None)
    states = first.epoch()
    for slot, state in states.items():
        if slot != slot_of(1):
            state["shards"] = {}
    stream.calls.clear()
    second = reading(url, states)
    second.epoch()
    second.poll()
    done = second.until(lambda: len(second.data) == 5)

    assert done
    assert ["0:0", "0:1", "0:2", "1:0", "1:1"] == second.data


def aggregate(*data: bytes) -> bytes:
    """What the KPL puts into one Kinesis record."""

    def part(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    message = part(1, b"key") + b"".join(part(3, b"\x08\x00" + part(3, each)) for each in data)
    return b"\xf3\x89\x9a\xc2" + message + md5(message, usedforsecurity=False).digest()


def test_kpl_resumes_mid_aggregate(scripted: Any, reading: Any) -> None:
    """After a crash an aggregate comes again whole, and every user record has the id it had: none lost, none twice."""
    stream, url = scripted
    stream.add(0)
    stream.put(0, 1, data=aggregate(*(b'{"level":"ERROR","log":"fault %d"}' % n for n in range(3))))
    first = reading(url)
    before_first = first.epoch()
    assert first.until(lambda: sum(len(batch.data) for batch in first.batches) == 1)
    again = reading(url, before_first)  # the epoch in which the record was emitted was not committed
    assert again.until(lambda: sum(len(batch.data) for batch in again.batches) == 1)
    ids = [
        [alarm.sighting.record_id for out in Triage(None)(r.batches) for alarm in out.alarms] for r in (first, again)
    ]

    assert [f"{FIRST}-10000000000-{sub}" for sub in range(3)] == ids[0]
    assert ids[0] == ids[1]
