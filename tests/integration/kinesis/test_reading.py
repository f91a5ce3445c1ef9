"""What is emitted, checkpointed and kept in memory, and how often is asked."""

import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_calls import FIRST, aggregate, fault

from connectors.kinesis import KinesisConfig
from connectors.kinesis.client import Page
from connectors.kinesis.reader import ShardReader
from connectors.kinesis.shards import new_shard
from connectors.slots import slot_of
from dataflows.steps.triage import Triage

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize(
    ("behind_ms", "records", "shortest", "longest"),
    [(1000, 1, 0.3, 0.36), (1000, 0, 0.3, 0.36), (0, 1, 0.5, 0.6), (0, 0, 1.6, 2.0)],
    ids=["behind", "behind, nothing there", "at the tip", "quiet"],
)
def test_a_shard_rests_by_what_its_last_read_brought(
    behind_ms: int, records: int, shortest: float, longest: float
) -> None:
    """Behind and at its tip a fifth longer than set at most, when quiet never longer: that bounds an alert's delay."""
    config = KinesisConfig(behind_gap_s=0.3, tip_gap_s=0.5, idle_gap_s=2.0)
    reader = ShardReader(FIRST, ("TRIM_HORIZON", 0.0), new_shard(None), SimpleNamespace(config=config))
    page = Page(["1"] * records, [b"a"] * records, [0.0] * records, "next", behind_ms)
    gaps = [reader._gap_s(page) for _ in range(200)]

    assert shortest <= min(gaps) < max(gaps) <= longest


def test_no_setting_reads_a_shard_more_than_five_times_a_second() -> None:
    """The least that each pause can be set to keeps to the service's limit, with its jitter."""
    config = KinesisConfig(behind_gap_s=0.2, tip_gap_s=0.2, idle_gap_s=0.2)
    reader = ShardReader(FIRST, ("TRIM_HORIZON", 0.0), new_shard(None), SimpleNamespace(config=config))
    pages = [Page(["1"] * n, [b"a"] * n, [0.0] * n, "next", behind) for n in (0, 1) for behind in (0, 1000)]

    assert all(reader._gap_s(page) >= 0.2 for page in pages for _ in range(100))


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
