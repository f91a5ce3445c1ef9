"""`archive` and `dead_letters`: what the spool is told of each object."""

import json
from typing import Any

from connectors.kinesis import RecordBatch
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.steps import archive, dead_letters
from dataflows.steps.triage import RejectedBatch

HOUR = 1_763_766_000.0  # 2025-11-21 23:00 UTC
SHARD = "shardId-000000000003"


def test_a_batch_is_cut_at_arrival_windows() -> None:
    """Each chunk tells stream and shard, its first and last record and the window that it arrived in."""
    arrivals = [HOUR - 1, HOUR, HOUR + 299, HOUR + 300]
    batch = RecordBatch("slot-03", "logs", SHARD, ["1", "2", "3", "4"], [b"{}"] * 4, arrivals)
    window = int(HOUR // 300)
    assert [
        ("slot-03", "archive/date=2025-11-21/hour=22", "1", "1", 1, SHARD, window - 1),
        ("slot-03", "archive/date=2025-11-21/hour=23", "2", "3", 2, SHARD, window),
        ("slot-03", "archive/date=2025-11-21/hour=23", "4", "4", 1, SHARD, window + 1),
    ] == [
        (slot, chunk.folder, chunk.first, chunk.last, chunk.records, chunk.shard, chunk.window)
        for slot, chunk in archive._chunks(batch)
    ]
    assert {f"logs-{SHARD}"} == {chunk.origin for _, chunk in archive._chunks(batch)}


def test_a_dead_letter_tells_when_it_failed_first(clock: Any) -> None:
    """Pieces keep their numbers in the object's name; the time of the failure is the clock's, not the record's."""
    clock.time = HOUR + 7.5
    bad = [Rejected(SHARD, "495", sub, HOUR, RejectReason.NOT_JSON, "why", b"x") for sub in (2, 5)]
    ((slot, chunk),) = dead_letters._chunks(clock, RejectedBatch("slot-03", "logs", bad))
    assert ("slot-03", "dead-letters/date=2025-11-21/hour=23", "495-2", "495-5", 2, SHARD) == (
        slot,
        chunk.folder,
        chunk.first,
        chunk.last,
        chunk.records,
        chunk.shard,
    )
    assert [("logs", round((HOUR + 7.5) * 1000), 1)] * 2 == [
        (line["stream"], line["failed"], line["attempts"]) for line in map(json.loads, chunk.payload.splitlines())
    ]
