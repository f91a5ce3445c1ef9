"""`correlate`: what spans faults. Alerts pass one by one through ONE key, which is cheap: it never sees records."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from dataflows import metrics
from dataflows.domain.alerts import Alert, Reason
from dataflows.domain.correlating import Correlator, CorrelatorState, Guard
from dataflows.steps.clock import Clock
from dataflows.steps.first_epoch import FirstEpoch
from dataflows.steps.throttle import RuleSource

log = structlog.get_logger(__name__)

KEY = "all"


class _CorrelateLogic(StatefulBatchLogic[Alert, Alert, CorrelatorState]):
    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        rules: RuleSource,
        finish: bool,  # noqa: FBT001 - as above
        resume: CorrelatorState | None,
    ) -> None:
        self._correlator = Correlator(resume, guard, clock.now())
        self._clock = clock
        self._rules = rules
        self._finish = finish
        self._first_epoch = FirstEpoch(resume)

    def on_batch(self, values: list[Alert]) -> tuple[Iterable[Alert], bool]:
        now, rules = self._clock.now(), self._rules.current()
        out = [] if self._first_epoch else self._correlator.release(now)
        for alert in values:
            out += self._correlator.see(alert, now, rules)
        return self._counted(out), False

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        return ([] if self._first_epoch else self._counted(self._correlator.release(self._clock.now()))), False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        # A drain keeps what waits for the next start; the end of a replay is the end of time.
        return (self._counted(self._correlator.release(float("inf"))) if self._finish else []), False

    def _counted(self, alerts: list[Alert]) -> list[Alert]:
        """Count what is decided here; the throttle has counted the rest."""
        metrics.GATHERED.set(self._correlator.waiting)
        for alert in alerts:
            reason = alert["reason"] if alert["reason"] == Reason.DIGEST else alert["held"]
            if reason and reason != Reason.HELD_QUIET:
                metrics.DECISIONS.labels(reason).inc()
                log.debug("alert.decided", reason=reason, fingerprint=alert["fingerprint"], service=alert["service"])
        return alerts

    def notify_at(self) -> datetime | None:
        if self._first_epoch:
            return self._first_epoch.look_again()
        due = self._correlator.next_due
        return None if due is None else self._clock.wake_at(due)

    def snapshot(self) -> CorrelatorState:
        self._first_epoch.end()
        return self._correlator.state()


def _same_key(_: Alert) -> str:
    return KEY


@operator
def correlate(  # noqa: PLR0913 - an operator takes what it needs
    step_id: str, alerts: KeyedStream[Alert], guard: Guard, clock: Clock, rules: RuleSource, *, finish: bool
) -> Stream[Alert]:
    """Silence, fold cascades and keep channels readable: what is held comes out marked, and soon in a digest.

    One key sees the alerts of all buckets, in order of arrival. State: what waits, and what relates faults.
    """
    gathered = op.key_on("gather", op.key_rm("ungroup", alerts), _same_key)
    related = op.stateful_batch("relate", gathered, partial(_CorrelateLogic, guard, clock, rules, finish))
    return op.key_rm("release", related)
