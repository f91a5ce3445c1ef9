"""`throttle`: one fault, one alert a window; repeats are counted and summed up at its close."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from zlib import crc32

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from pydantic import BaseModel, ConfigDict, Field

from dataflows import metrics
from dataflows.domain.alerts import Alert, Reason, Sighting
from dataflows.domain.throttling import Bucket, BucketState, Decided
from dataflows.steps.clock import Clock
from dataflows.steps.triage import AlarmingBatch

BUCKETS = 64
"""State keys: fixed, since a forgotten key leaves a row in the recovery store for ever. A fault's bucket is
`crc32(fingerprint) % 64`; changing the number orphans state."""


class WindowConfig(BaseModel):
    """The tumbling windows of the throttle."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    length_s: float = Field(default=300.0, ge=1, le=86_400)
    """Length of a window, seconds: a fault is announced once in it, and summed up at its close."""
    grace_s: float = Field(default=5.0, ge=0, le=3_600)
    """How long after its end a window waits for stragglers, seconds."""


def bucket_of(fault: str) -> str:
    """State key of a fault."""
    return f"bucket-{crc32(fault.partition(':')[0].encode()) % BUCKETS:02d}"


def _by_bucket(batch: AlarmingBatch) -> list[tuple[str, list[Sighting]]]:
    groups: dict[str, list[Sighting]] = {}
    for alarm in batch.alarms:
        groups.setdefault(bucket_of(alarm.sighting.fault), []).append(alarm.sighting)
    return list(groups.items())


class _ThrottleLogic(StatefulBatchLogic[list[Sighting], Alert, BucketState]):
    """One bucket. Never discarded, so that its key leaves no tombstones."""

    def __init__(self, config: WindowConfig, clock: Clock, finish: bool, resume: BucketState | None) -> None:  # noqa: FBT001 - wired once
        self._bucket = Bucket(resume, config.length_s, config.grace_s)
        self._clock = clock
        self._finish = finish
        self._open = 0
        self._measure()

    def on_batch(self, values: list[list[Sighting]]) -> tuple[Iterable[Alert], bool]:
        sightings = [sighting for batch in values for sighting in batch]
        self._clock.observe(max(sighting.event_ts for sighting in sightings))
        now = self._clock.now()
        return [*self._close(now), *self._count(self._bucket.see(sightings, now))], False

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        return self._close(self._clock.now()), False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        # A drain keeps open windows for the next start; the end of a replay is the end of time.
        return (self._close(float("inf")) if self._finish else []), False

    def _close(self, now: float) -> list[Alert]:
        return self._count(Decided(self._bucket.close_due(now), 0, 0, 0))

    def _count(self, decided: Decided) -> list[Alert]:
        for alert in decided.alerts:
            metrics.DECISIONS.labels(alert["reason"]).inc()
        metrics.DECISIONS.labels(Reason.HELD_REPEAT.value).inc(decided.held_repeat)
        metrics.DECISIONS.labels(Reason.HELD_LATE.value).inc(decided.held_late)
        metrics.LATE.inc(decided.late + decided.held_late)
        self._measure()
        return decided.alerts

    def _measure(self) -> None:
        metrics.OPEN_FAULTS.inc(len(self._bucket) - self._open)
        self._open = len(self._bucket)

    def notify_at(self) -> datetime | None:
        due = self._bucket.next_due
        return None if due is None else self._clock.wake_at(due)

    def snapshot(self) -> BucketState:
        return self._bucket.state()


@operator
def throttle(
    step_id: str, alarming: Stream[AlarmingBatch], config: WindowConfig, clock: Clock, *, finish: bool
) -> KeyedStream[Alert]:
    """Announce the first record of a fault's window at once; hold and count its repeats; sum up at the close.

    Keyed by bucket. Windows are tumbling in event time and close on `clock`. At the end of the input open windows
    are kept in the state, not closed, unless `finish`.
    """
    keyed: KeyedStream[list[Sighting]] = op.flat_map("by_bucket", alarming, _by_bucket)
    return op.stateful_batch("window", keyed, partial(_ThrottleLogic, config, clock, finish))
