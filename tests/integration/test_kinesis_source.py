"""The source against emulators: positions, resharding, and what it remembers."""

import time
from typing import Any

import boto3
import pytest

from connectors.kinesis import KinesisConfig, KinesisSource, Producer
from connectors.slots import SLOTS
from connectors.spool import Commits

pytestmark = pytest.mark.slow


class Parts:
    """All 64 slots of one process, polled in turn as a worker does."""

    def __init__(self, url: str, stream: str, states: dict[str, Any] | None = None, **config: Any) -> None:
        settings = KinesisConfig(
            stream=stream, endpoint_url=url, region="eu-central-1", idle_gap_s=0.2, refresh_s=1, **config
        )
        source = KinesisSource(settings, Commits(), lambda: False)
        self.parts = {slot: source.build_part("kinesis_in", slot, (states or {}).get(slot)) for slot in SLOTS}

    def read(self, count: int, seconds: float = 30.0) -> list[tuple[str, bytes]]:
        """(shard, data) of the next `count` records; snapshots as epochs do."""
        out: list[tuple[str, bytes]] = []
        deadline = time.monotonic() + seconds
        turn = 0
        while len(out) < count and time.monotonic() < deadline:
            for part in self.parts.values():
                for batch in part.next_batch():
                    out += [(batch.shard, data) for data in batch.data]
            turn += 1
            if turn % 20 == 0:
                self.snapshot()
            time.sleep(0.01)
        return out

    def snapshot(self) -> dict[str, Any]:
        """States by slot."""
        return {slot: part.snapshot() for slot, part in self.parts.items()}


def made(client: Any, name: str, shards: int) -> str:
    """A stream, once it is active."""
    client.create_stream(StreamName=name, ShardCount=shards)
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    return name


def put(url: str, stream: str, *data: bytes) -> None:
    """Put records by the project's own producer."""
    Producer(KinesisConfig(stream=stream, endpoint_url=url, region="eu-central-1")).put(data)


def test_a_resume_goes_on_after_the_last_emitted_record(moto: str, kinesis: Any, unique: str) -> None:
    """What was emitted before the snapshot is not read again, what came after it is."""
    stream = made(kinesis, unique, 3)
    put(moto, stream, *(b"a%d" % i for i in range(50)))
    first = Parts(moto, stream)
    before = first.read(50)
    states = first.snapshot()
    put(moto, stream, *(b"b%d" % i for i in range(30)))
    after = Parts(moto, stream, states).read(30)

    assert {b"a%d" % i for i in range(50)} == {data for _, data in before}
    assert sorted(b"b%d" % i for i in range(30)) == sorted(data for _, data in after)


def test_latest_skips_what_was_there(moto: str, kinesis: Any, unique: str) -> None:
    """LATEST is frozen to the time of the first start, so a later resume does not move it."""
    stream = made(kinesis, unique, 1)
    put(moto, stream, b"old")
    time.sleep(1.1)  # emulators keep arrival times in whole seconds
    parts = Parts(moto, stream, start="LATEST")
    states = parts.snapshot()
    time.sleep(1.1)
    put(moto, stream, b"new")
    got = Parts(moto, stream, states, start="LATEST").read(1)

    assert [b"new"] == [data for _, data in got]


def test_a_split_is_followed_and_parents_come_first(kinesis_local: str, unique: str) -> None:
    """Records of a closed shard and of its children all arrive, the parent's before the children's."""
    client = boto3.client("kinesis", endpoint_url=kinesis_local)
    stream = made(client, unique, 1)
    parts = Parts(kinesis_local, stream)
    put(kinesis_local, stream, *(b"parent %d" % i for i in range(20)))
    assert 20 == len(parts.read(20))
    put(kinesis_local, stream, *(b"last %d" % i for i in range(20)))
    client.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))

    def active() -> bool:
        return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"

    while not active():
        time.sleep(0.1)
    put(kinesis_local, stream, *(b"child %d" % i for i in range(20)))
    got = parts.read(40)
    words = [data.split()[0] for _, data in got]

    assert 40 == len(got)
    assert [b"last"] * 20 + [b"child"] * 20 == words
    assert 3 == len({shard for shard, _ in got} | {"shardId-000000000000"})
