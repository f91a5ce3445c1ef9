"""The brake as an operator: records are counted, not pieces, and one alert comes out."""

from collections.abc import Callable
from typing import Any

import pytest
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, cluster_main

from connectors.kinesis import RecordBatch
from dataflows.domain.brake import DlqLimit
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.steps.brake import _BrakeLogic, _rejected, brake
from dataflows.steps.triage import RejectedBatch, triage

T0 = 1_763_764_860.0


def bad(sequence: str, sub: int = 0, reason: RejectReason = RejectReason.NOT_JSON) -> Rejected:
    """One rejected piece."""
    return Rejected("shardId-0", sequence, sub, T0, reason, "why", b"x")


def batch(sequences: list[str]) -> RecordBatch:
    """Records that nobody can read."""
    return RecordBatch("slot-00", "logs", "shardId-0", sequences, [b"{"] * len(sequences), [T0] * len(sequences))


def reject(batches: list[RecordBatch]) -> list[Any]:
    """Stands for triage: nothing can be read."""
    return [RejectedBatch("slot-00", "logs", [bad(sequence) for sequence in item.sequences]) for item in batches]


def test_records_are_counted_and_not_pieces() -> None:
    """Many bad pieces of one aggregated record are one bad record; a note on a loss is none."""
    pieces = [bad("1", 0), bad("1", 1), bad("2"), bad("0", -1, RejectReason.POSSIBLE_LOSS)]
    assert ("input", (0, {"not_json": 2})) == _rejected(RejectedBatch("slot-00", "logs", pieces))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("count", "finish", "alerts"), [(100, True, [100]), (99, True, []), (100, False, [])])
def test_one_alert_for_all_that_was_rejected(
    workers: int, count: int, alerts: list[int], finish: Any, clock: Any
) -> None:
    """All workers' records meet in one count; a replay tells at its end, a drain keeps the minute for the next."""
    clock.time = T0
    out: list[Any] = []
    flow = Dataflow("unit")
    batches = op.input("in", flow, TestingSource([batch([str(n)]) for n in range(count)], batch_size=7))
    checked = triage("triage", batches, reject)
    told = brake("brake", batches, checked.rejected, DlqLimit(0.5, 100), clock, finish=finish)
    op.output("out", op.key_rm("ungroup", told), TestingSink(out))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)  # type: ignore[no-untyped-call] # untyped in Bytewax
    assert alerts == [alert["count"] for alert in out]


def test_the_end_of_a_minute_wakes_it(clock: Any, assert_plain: Callable[[object], None]) -> None:
    """A stream that falls silent after bad input is told all the same; the state is plain data."""
    clock.time = T0
    logic = _BrakeLogic(DlqLimit(0.5, 1), clock, False, None)
    assert ([], False) == logic.on_batch([(3, {}), (0, {"empty": 3})])
    due = logic.notify_at()
    assert due is not None
    assert T0 + 60 == due.timestamp()
    assert_plain(logic.snapshot())
    clock.time = T0 + 60
    out, _ = logic.on_notify()
    assert ([3], None) == ([alert["count"] for alert in out], logic.notify_at())
