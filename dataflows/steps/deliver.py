"""`slack_out`: the outbox. Alerts become messages, each once, in order, at the pace the channel allows."""

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Any, Protocol

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from connectors.slack import LedgerError, Outcome, PostResult
from dataflows import metrics
from dataflows.domain.alerts import Alert, Delivery, Reason
from dataflows.steps.clock import Clock

log = structlog.get_logger(__name__)

KEY = "slack"
_POLL = timedelta(milliseconds=50)
_LAST_POST_S = 10.0
"""How long a drain waits for the one post in flight, so that its acceptance reaches the ledger."""


class Messenger(Protocol):
    """Puts one alert in front of people. Blocking, one attempt, does not raise for a service that is down."""

    channel: str

    def post(self, alert: Alert) -> PostResult:
        """One attempt."""
        ...


class SentLedger(Protocol):
    """Remembers what was accepted, outside the recovery state."""

    def sent_at(self, key: str) -> float | None:
        """When it was accepted, seconds since the epoch; None if it was not."""
        ...

    def record(self, key: str, sent_ts: float, channel: str) -> None:
        """Durable when it returns."""
        ...


@dataclass(frozen=True)
class Delivering:
    """How alerts are delivered."""

    messenger: Messenger
    ledger: SentLedger
    clock: Clock
    wait_for_analysis_s: float
    """How long a first alert waits for its explanation: an incoming webhook cannot update a message."""
    min_interval_s: float
    burst: int
    max_attempts: int
    backoff_s: float
    max_backoff_s: float
    finish: bool = False
    """True in a replay: the end of the input sends all that waits. Live it stays in the state."""


DUE, ATTEMPTS, ALERT = range(3)
"""Indices into a queued message: when it may go (clock seconds), attempts made, the alert as it is known now."""

OutboxState = dict[str, list[Any]]
"""Queued messages by alert id, in order."""

MAX_DOUBLINGS = 16
"""Beyond that the longest pause holds anyway, and the power would not fit a float."""

MAX_REMEMBERED = 1_000
"""Messages sent by this process whose time is remembered, for the explanation that comes after them."""


class _DeliverLogic(StatefulBatchLogic[Alert, Delivery, OutboxState]):
    """The outbox of one channel. One post is in flight at most, which keeps the order."""

    def __init__(self, how: Delivering, resume: OutboxState | None) -> None:
        self._how = how
        self._queue: OutboxState = {key: list(entry) for key, entry in (resume or {}).items()}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="slack")
        self._flying: tuple[str, Future[PostResult]] | None = None
        self._allowance = float(how.burst)
        self._refilled = how.clock.now()
        self._paused_until = 0.0
        self._accepted: dict[str, tuple[float, int, str]] = {}
        metrics.OUTBOX.set(len(self._queue))

    def on_batch(self, values: list[Alert]) -> tuple[Iterable[Delivery], bool]:
        out: list[Delivery] = []
        for alert in values:
            out += self._enqueue(alert)
        return [*out, *self._work()], False

    def on_notify(self) -> tuple[Iterable[Delivery], bool]:
        return self._work(), False

    def on_eof(self) -> tuple[Iterable[Delivery], bool]:
        out = self._work()
        if self._how.finish:
            return [*out, *self._finish()], False
        if self._flying is not None:
            wait_for([self._flying[1]], _LAST_POST_S)
            out += self._land(self._how.clock.now())
        return out, False

    def _finish(self) -> list[Delivery]:
        """Send all that waits. Event time stands still by now, so pace and back-off go by the wall."""
        out: list[Delivery] = []
        start, began = self._how.clock.now(), time.monotonic()
        for entry in self._queue.values():
            entry[DUE] = min(entry[DUE], start)  # whatever was waited for will not come any more
        while self._queue:
            now = start + time.monotonic() - began
            out += [*self._land(now), *self._launch(now)]
            if self._flying is not None:
                wait_for([self._flying[1]], _POLL.total_seconds())
            elif self._queue:
                time.sleep(min(_POLL.total_seconds(), max(0.0, self._next_due() - now)))
        return out

    def notify_at(self) -> datetime | None:
        if self._flying is not None:
            return datetime.now(UTC) + _POLL
        if not self._queue:
            return None
        return self._how.clock.wake_at(self._next_due())

    def _next_due(self) -> float:
        due: float = min(entry[DUE] for entry in self._queue.values())
        return max(due, self._paused_until, self._refill_at())

    def snapshot(self) -> OutboxState:
        return {key: list(entry) for key, entry in self._queue.items()}

    def _enqueue(self, alert: Alert) -> list[Delivery]:
        """Queue a new alert, or take the fuller version of one that waits."""
        now = self._how.clock.now()
        queued = self._queue.get(alert["id"])
        if queued is not None:
            if alert["explained"] or not queued[ALERT]["explained"]:  # a replay brings the bare one once more
                queued[ALERT] = alert
            if alert["explained"] and not queued[ATTEMPTS]:  # one that has been refused keeps to its back-off
                queued[DUE] = min(queued[DUE], now)
            return [self._delivery(queued[ALERT], "waiting", attempts=queued[ATTEMPTS])]
        if (accepted := self._accepted.get(alert["id"])) is not None:
            sent_ts, attempts, detail = accepted
            return [
                self._delivery(alert, "sent" if sent_ts else "dead", sent_ts=sent_ts, attempts=attempts, detail=detail)
            ]
        if (sent_at := self._sent_at(alert["id"])) is not None:
            if not alert["explained"]:
                metrics.MESSAGES.labels("duplicate").inc()
            return [self._delivery(alert, "sent", sent_ts=sent_at, detail="accepted earlier")]
        due = now if alert["explained"] else now + self._how.wait_for_analysis_s
        # A summary must not overtake the alert that it counts from, which may still wait for its analysis.
        before = [entry[DUE] for entry in self._queue.values() if _fault(entry[ALERT]) == _fault(alert)]
        self._queue[alert["id"]] = [max([due, *before]), 0, alert]
        metrics.OUTBOX.set(len(self._queue))
        return [self._delivery(alert, "waiting")]

    def _work(self) -> list[Delivery]:
        now = self._how.clock.now()
        return [*self._land(now), *self._launch(now)]

    def _launch(self, now: float) -> list[Delivery]:
        """Start the post of the message that is due longest, if the pace allows."""
        out: list[Delivery] = []
        while self._flying is None and self._queue:
            alert_id = min(self._queue, key=lambda key: self._queue[key][DUE])
            due, attempts, alert = self._queue[alert_id]
            if due > now or now < self._paused_until:
                break
            sent_ts = self._sent_at(alert_id)
            if sent_ts is not None:  # accepted just before a crash, after the last snapshot
                del self._queue[alert_id]
                metrics.MESSAGES.labels("sent").inc()
                out.append(
                    self._delivery(
                        alert, "sent", sent_ts=sent_ts, attempts=attempts, detail="accepted before a restart"
                    )
                )
                continue
            if not self._take(now):
                break
            self._queue[alert_id][ATTEMPTS] += 1
            self._flying = (alert_id, self._pool.submit(self._post, alert))
        return out

    def _sent_at(self, alert_id: str) -> float | None:
        """Ask the ledger. One that cannot answer has not seen it: a message twice is better than none."""
        try:
            return self._how.ledger.sent_at(alert_id)
        except LedgerError as err:
            metrics.LEDGER_FAULTS.inc()
            log.exception("slack.ledger_failed", error=str(err), effect="this message may be a repeat")
            return None

    def _post(self, alert: Alert) -> PostResult:
        """In the thread: post, and make an acceptance durable before anyone hears of it."""
        try:
            result = self._how.messenger.post(alert)
        except Exception as err:  # noqa: BLE001 - a card that cannot be made must not stop the others
            log.error("slack.post_raised", error=type(err).__name__, fingerprint=alert["fingerprint"])  # noqa: TRY400 - a trace may hold the URL
            return PostResult(Outcome.TRANSIENT, detail=f"raised {type(err).__name__}")
        if result.outcome is Outcome.ACCEPTED:
            try:
                self._how.ledger.record(alert["id"], self._how.clock.now(), self._how.messenger.channel)
            except LedgerError as err:
                metrics.LEDGER_FAULTS.inc()
                log.exception("slack.ledger_failed", error=str(err), effect="a restart may repeat this message")
        return result

    def _land(self, now: float) -> list[Delivery]:
        """Deal with the answer to the post in flight, if it is there."""
        if self._flying is None or not self._flying[1].done():
            return []
        alert_id, future = self._flying
        self._flying = None
        _, attempts, alert = self._queue[alert_id]
        result = future.result()
        if result.outcome is Outcome.ACCEPTED:
            del self._queue[alert_id]
            self._remember(alert_id, now, attempts, "")
            if alert["reason"] == Reason.FIRST:
                metrics.FIRST_ALERT_SECONDS.observe(max(0.0, now - alert["arrival_ts"]))
            metrics.MESSAGES.labels("sent").inc()
            return [self._delivery(alert, "sent", sent_ts=now, attempts=attempts)]
        metrics.MESSAGE_FAULTS.labels(result.outcome.value).inc()
        log.warning("slack.post_failed", outcome=result.outcome.value, detail=result.detail, attempts=attempts)
        if result.outcome is Outcome.RATE_LIMITED:
            self._paused_until = now + (result.retry_after_s or self._how.backoff_s)
            self._queue[alert_id][ATTEMPTS] -= 1
            return []
        if result.outcome is Outcome.TERMINAL or attempts >= self._how.max_attempts:
            del self._queue[alert_id]
            metrics.MESSAGES.labels("dead").inc()
            self._remember(alert_id, 0.0, attempts, result.detail)
            return [self._delivery(alert, "dead", attempts=attempts, detail=result.detail)]
        ceiling = min(self._how.max_backoff_s, self._how.backoff_s * 2 ** min(attempts - 1, MAX_DOUBLINGS))
        pause = max(SystemRandom().uniform(ceiling / 2, ceiling), result.retry_after_s or 0.0)
        self._queue[alert_id][DUE] = now + pause
        return []

    def _remember(self, alert_id: str, sent_ts: float, attempts: int, detail: str) -> None:
        """Note how an alert ended (time 0: dead), for the version of it that is still being explained."""
        self._accepted[alert_id] = (sent_ts, attempts, detail)
        if len(self._accepted) > MAX_REMEMBERED:
            del self._accepted[next(iter(self._accepted))]

    def _take(self, now: float) -> bool:
        """One message out of the allowance of `burst`, refilled by one every `min_interval_s`."""
        passed = max(0.0, now - self._refilled)  # a clock that is set back must not cost messages
        gain = passed / self._how.min_interval_s if self._how.min_interval_s else self._how.burst
        self._allowance = min(float(self._how.burst), self._allowance + gain)
        self._refilled = now
        if self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True

    def _refill_at(self) -> float:
        return self._refilled + max(0.0, 1.0 - self._allowance) * self._how.min_interval_s

    def _delivery(
        self, alert: Alert, status: str, *, sent_ts: float = 0.0, attempts: int = 0, detail: str = ""
    ) -> Delivery:
        metrics.OUTBOX.set(len(self._queue))
        return Delivery(
            alert=alert,
            status=status,
            channel=self._how.messenger.channel,
            sent_ts=sent_ts,
            attempts=attempts,
            detail=detail,
        )


def _fault(alert: Alert) -> tuple[str, str]:
    return alert["fingerprint"], alert["service"]


def _same_key(_: Alert) -> str:
    return KEY


@operator
def deliver(step_id: str, alerts: Stream[Alert], how: Delivering) -> Stream[Delivery]:
    """Deliver alerts; emits each version of an alert with what became of it, `waiting` first.

    Guarantee: every alert is accepted, or ends as `dead` with the reason. A second message only if the process dies
    between the acceptance and the ledger's write. State: the queued messages. The worker never waits for Slack,
    but for the one post in flight at the end of the input.
    """
    keyed = op.key_on("gather", alerts, _same_key)
    return op.key_rm("release", op.stateful_batch("outbox", keyed, partial(_DeliverLogic, how)))
