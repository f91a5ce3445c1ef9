"""Lists of shards that are long, late, incomplete, empty or of another stream, and what is forgotten by them."""

import threading
import time
from typing import Any

import pytest
from scripted_calls import FIRST, losses

pytestmark = pytest.mark.slow


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


def begin_at(stream: Any, number: str) -> None:
    """List all shards with another first number, as a stream does that was made anew."""
    listing = stream._ListShards

    def anew(request: dict[str, Any]) -> Any:
        status, answer = listing(request)
        for shard in answer["Shards"]:
            shard["SequenceNumberRange"]["StartingSequenceNumber"] = number
        return status, answer

    stream._ListShards = anew


def test_a_stream_that_was_made_anew_under_the_same_name_is_read(scripted: Any, reading: Any) -> None:
    """Shard ids start at 0 again: an id that was finished in the old stream is another shard in the new one."""
    stream, url = scripted
    stream.add(0, records=3, closed=True)
    stream.add(1, 0, records=3)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 6 and first.state(FIRST)["done"])
    states = first.epoch()
    stream.shards.clear()  # deleted, and made again with two shards
    begin_at(stream, "900000000000")
    stream.add(0)
    stream.add(1)
    with stream.lock:  # other sequence numbers, as a new stream has
        for ordinal in (0, 1):
            stream.shards[f"shardId-{ordinal:012d}"].records = [
                (f"9{ordinal}{n:010d}", f"new {ordinal}:{n}".encode(), time.time()) for n in range(2)
            ]
    second = reading(url, states)
    done = second.until(lambda: len(second.data) == 4, seconds=30)

    assert done, second.data
    assert losses(second)


def test_a_shard_that_ended_empty_is_read_in_a_stream_that_was_made_anew(scripted: Any, reading: Any) -> None:
    """It has no position that lies before the new shard, so its first number tells: it was finished, and is not now."""
    stream, url = scripted
    stream.add(0, closed=True)
    stream.add(1, 0, records=1)
    first = reading(url)
    assert first.until(lambda: len(first.data) == 1 and first.state(FIRST)["done"])
    states = first.epoch()
    stream.shards.clear()
    stream.add(0, records=2)
    begin_at(stream, "5")
    second = reading(url, states)
    done = second.until(lambda: len(second.data) == 2, seconds=30)

    assert done
    assert ["0:0", "0:1"] == second.data
    assert losses(second)


def test_an_open_shard_that_is_numbered_at_its_first_record_is_no_other(scripted: Any, reading: Any) -> None:
    """An emulator lists an empty shard from 0, and from 1 once it has a record: nothing is lost, nothing told."""
    stream, url = scripted
    stream.add(0)
    r = reading(url)
    assert r.until(lambda: r.state(FIRST) is not None and r.state(FIRST)["seen"])
    listing = stream._ListShards

    def numbered(request: dict[str, Any]) -> Any:
        status, answer = listing(request)
        answer["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"] = "1"
        return status, answer

    stream._ListShards = numbered
    lists = stream.count("ListShards")
    assert r.until(lambda: stream.count("ListShards") >= lists + 3)
    stream.put(0, 1)
    assert r.until(lambda: len(r.data) == 1)

    assert [] == losses(r)


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
    assert r.until(lambda: stream.count("ListShards") > lists, seconds=15)


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
