"""Records that expired before they were read are told once, and a stuck shard before that."""

from typing import Any

import pytest
from scripted_calls import FIRST, fault, losses

from connectors.kinesis.shards import HORIZON
from connectors.slots import slot_of
from dataflows.domain.rejections import RejectReason
from dataflows.steps.triage import RejectedBatch, Triage

pytestmark = pytest.mark.slow


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


def test_at_timestamp_older_than_retention(scripted: Any, reading: Any) -> None:
    """A start time before the oldest record begins at the oldest record."""
    stream, url = scripted
    stream.add(0, records=5)
    stream.shards[FIRST].trimmed = 2
    r = reading(url, start="AT_TIMESTAMP", start_timestamp="2001-01-01T00:00:00+00:00")
    done = r.until(lambda: len(r.data) == 3)

    assert done
    assert ["0:2", "0:3", "0:4"] == r.data


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
