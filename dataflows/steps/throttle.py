"""`throttle`: one fault, one alert at once; repeats are counted and summed up; its end and its return are told."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Protocol
from zlib import crc32

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from pydantic import BaseModel, ConfigDict, Field

from dataflows import metrics
from dataflows.domain.alerts import Alert, Reason, Sighting
from dataflows.domain.rules import Rules
from dataflows.domain.throttling import Bucket, BucketState, Decided, Policy
from dataflows.steps.clock import Clock
from dataflows.steps.first_epoch import FirstEpoch
from dataflows.steps.triage import AlarmingBatch

log = structlog.get_logger(__name__)

BUCKETS = 64
"""State keys: fixed, since a forgotten key leaves a row in the recovery store for ever. A fault's bucket is
`crc32(fingerprint) % 64`; changing the number orphans state."""


class RuleSource(Protocol):
    """Where the rules in force come from."""

    def current(self) -> Rules:
        """The rules; never blocks, never raises."""
        ...


class WindowConfig(BaseModel):
    """The tumbling windows of the throttle, and the life of a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    length_s: int = Field(default=300, ge=1, le=86_400)
    """Length of a window, seconds: repeats are counted in it. A rule may set another for some faults."""
    grace_s: float = Field(default=5.0, ge=0, le=3_600)
    """How long after its end a window waits for stragglers, seconds."""
    resolve_s: float = Field(default=900.0, ge=1, le=86_400)
    """How long a fault must be quiet to be called resolved, seconds; doubled for each return within a day."""
    max_repeat_s: float = Field(default=3_600.0, ge=1, le=86_400)
    """A fault that goes on is summed up ever more rarely, from a window's length doubling up to so many seconds."""
    past_s: float = Field(default=86_400.0, ge=60)
    """A record that was older when it arrived is dated by its arrival, seconds: the retention of the stream."""
    remember_s: float = Field(default=604_800.0, ge=0, le=31_536_000)
    """How long a resolved fault is remembered, seconds: one that is back within it has "regressed", else it is new."""
    max_faults: int = Field(default=200_000, ge=640, le=5_000_000)
    """Faults with an open episode, at most; beyond, the one that is due next is cut short, told and counted."""
    max_resolved: int = Field(default=500_000, ge=640, le=10_000_000)
    """Resolved faults that are remembered, at most; beyond, the oldest is forgotten and counted."""


def bucket_of(fault: str) -> str:
    """State key of a fault."""
    return f"bucket-{crc32(fault.partition(':')[0].encode()) % BUCKETS:02d}"


def _by_bucket(batch: AlarmingBatch) -> list[tuple[str, list[Sighting]]]:
    groups: dict[str, list[Sighting]] = {}
    for alarm in batch.alarms:
        groups.setdefault(bucket_of(alarm.sighting.fault), []).append(alarm.sighting)
    return list(groups.items())


def _policy(config: WindowConfig) -> Policy:
    return Policy(
        length_s=config.length_s,
        grace_s=config.grace_s,
        resolve_s=config.resolve_s,
        max_repeat_s=config.max_repeat_s,
        past_s=config.past_s,
        remember_s=config.remember_s,
        max_live=config.max_faults // BUCKETS,
        max_gone=config.max_resolved // BUCKETS,
    )


class _ThrottleLogic(StatefulBatchLogic[list[Sighting], Alert, BucketState]):
    """One bucket. Never discarded, so that its key leaves no tombstones."""

    def __init__(
        self,
        config: WindowConfig,
        clock: Clock,
        rules: RuleSource,
        finish: bool,  # noqa: FBT001 - as above
        resume: BucketState | None,
    ) -> None:
        self._bucket = Bucket(resume, _policy(config), clock.now())
        self._clock = clock
        self._rules = rules
        self._finish = finish
        self._open = 0
        self._log = log.bind()  # made once: it is asked for each batch of each bucket
        self._first_epoch = FirstEpoch(resume)
        self._measure()

    def on_batch(self, values: list[list[Sighting]]) -> tuple[Iterable[Alert], bool]:
        sightings = [sighting for batch in values for sighting in batch]
        self._clock.observe(max(sighting.event_ts for sighting in sightings))
        now = self._clock.now()
        return [*self._close(now), *self._count(self._bucket.see(sightings, now, self._rules.current()))], False

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        return ([] if self._first_epoch else self._close(self._clock.now())), False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        # A drain keeps open windows for the next start; the end of a replay is the end of time.
        return (self._close(float("inf")) if self._finish else []), False

    def _close(self, now: float) -> list[Alert]:
        return self._count(self._bucket.close_due(now, self._rules.current()))

    def _count(self, decided: Decided) -> list[Alert]:
        for alert in decided.alerts:
            reason = alert["held"] or alert["reason"]
            metrics.DECISIONS.labels(reason).inc()
            self._log.debug("alert.decided", reason=reason, fingerprint=alert["fingerprint"], service=alert["service"])
        for reason, count in (
            (Reason.HELD_REPEAT, decided.held_repeat),
            (Reason.HELD_LATE, decided.held_late),
            (Reason.HELD_FILTERED, decided.held_filtered),
        ):
            if count:
                metrics.DECISIONS.labels(reason.value).inc(count)
                self._log.debug("records.held", reason=reason.value, count=count)
        if late := decided.late + decided.held_late:
            metrics.LATE.inc(late)
        if decided.evicted:
            metrics.EVICTED.inc(decided.evicted)
        self._measure()
        return decided.alerts

    def _measure(self) -> None:
        if opened := len(self._bucket) - self._open:
            metrics.OPEN_FAULTS.inc(opened)
            self._open += opened

    def notify_at(self) -> datetime | None:
        if self._first_epoch:
            return self._first_epoch.look_again()
        due = self._bucket.next_due
        return None if due is None else self._clock.wake_at(due)

    def snapshot(self) -> BucketState:
        self._first_epoch.end()
        return self._bucket.state()


@operator
def throttle(  # noqa: PLR0913 - an operator takes what it needs
    step_id: str,
    alarming: Stream[AlarmingBatch],
    config: WindowConfig,
    clock: Clock,
    rules: RuleSource,
    *,
    finish: bool,
) -> KeyedStream[Alert]:
    """Announce a fault's first record at once; hold and count its repeats; sum them up; tell its end and its return.

    Keyed by bucket. Windows are tumbling in event time and close on `clock`. At the end of the input open windows
    are kept in the state, not closed, unless `finish`.
    """
    keyed: KeyedStream[list[Sighting]] = op.flat_map("by_bucket", alarming, _by_bucket)
    return op.stateful_batch("window", keyed, partial(_ThrottleLogic, config, clock, rules, finish))
