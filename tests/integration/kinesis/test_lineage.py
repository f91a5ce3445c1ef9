"""Which shards are read, when, and from where: parents before children, finished ones never again."""

import time
from typing import Any

import pytest
from scripted_calls import FIRST

from connectors import metrics
from connectors.kinesis import KinesisConfig, KinesisSource
from connectors.slots import slot_of
from connectors.spool import Commits

pytestmark = pytest.mark.slow


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


def test_children_are_looked_for_at_once(scripted: Any, reading: Any) -> None:
    """The end of a shard asks for a list at once, not after the refresh time."""
    stream, url = scripted
    stream.add(0, records=2)
    r = reading(url, refresh_s=60)
    assert r.until(lambda: len(r.data) == 2)
    stream.add(1, 0, records=2)
    stream.shards[FIRST].closed = True

    assert r.until(lambda: len(r.data) == 4, seconds=8)
