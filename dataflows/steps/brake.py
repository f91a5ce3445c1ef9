"""`brake`: one loud alert for each minute in which most of the input was rejected."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import partial

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from connectors.kinesis import RecordBatch
from dataflows import metrics
from dataflows.domain.alerts import Alert
from dataflows.domain.brake import Brake, BrakeState, DlqLimit
from dataflows.steps.clock import Clock, WallClock
from dataflows.steps.first_epoch import FirstEpoch
from dataflows.steps.triage import RejectedBatch

log = structlog.get_logger(__name__)

KEY = "input"
"""The one state key: counts of all shards meet."""
_WALL = WallClock()


_Count = tuple[int, dict[str, int]]
"""Records that were read, and those that were rejected by reason."""


def _read(batch: RecordBatch) -> tuple[str, _Count]:
    return KEY, (len(batch.sequences), {})


def _rejected(batch: RejectedBatch) -> tuple[str, _Count]:
    """Records, not pieces, with one reason each; a note on a loss is no record."""
    reasons = {bad.sequence: bad.reason.value for bad in batch.pieces if bad.sub >= 0}
    return KEY, (0, dict(Counter(reasons.values())))


class _BrakeLogic(StatefulBatchLogic[_Count, Alert, BrakeState]):
    def __init__(self, limit: DlqLimit, clock: Clock, finish: bool, resume: BrakeState | None) -> None:  # noqa: FBT001 - Bytewax gives the last by place
        self._brake = Brake(resume, limit)
        self._clock = clock
        self._finish = finish
        self._first_epoch = FirstEpoch(resume)

    def on_batch(self, values: list[_Count]) -> tuple[Iterable[Alert], bool]:
        now = self._clock.now()
        return self._told(self._brake.see(now, records, rejected) for records, rejected in values), False

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        return ([] if self._first_epoch else self._told([self._brake.close(self._clock.now())])), False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        # A drain goes on counting after the next start; the end of a replay is the end of time.
        return (self._told([self._brake.close(float("inf"))]) if self._finish else []), False

    def _told(self, alerts: Iterable[Alert | None]) -> list[Alert]:
        told = [alert for alert in alerts if alert is not None]
        for alert in told:
            metrics.DLQ_LIMIT.inc()
            log.error("brake.input_rejected", rejected=alert["count"], minute=alert["window_start"])
        return told

    def notify_at(self) -> datetime | None:
        if self._first_epoch:
            return self._first_epoch.look_again()
        due = self._brake.due
        return None if due is None else self._clock.wake_at(due)

    def snapshot(self) -> BrakeState:
        self._first_epoch.end()
        return self._brake.state()


@operator
def brake(  # noqa: PLR0913 - an operator takes what it needs
    step_id: str,
    batches: Stream[RecordBatch],
    rejected: Stream[RejectedBatch],
    limit: DlqLimit,
    clock: Clock = _WALL,
    *,
    finish: bool,
) -> KeyedStream[Alert]:
    """Compare what was rejected with what was read, minute by minute; at most one alert for each, at its end.

    Minutes are those of `clock`: the wall, in a replay as well, since bad records have no event time to go by. One key.
    State: the counts of one minute.
    """
    counts = op.merge("counts", op.map("read", batches, _read), op.map("rejected", rejected, _rejected))
    return op.stateful_batch("limit", counts, partial(_BrakeLogic, limit, clock, finish))
