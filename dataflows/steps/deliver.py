"""`slack_out`: the outbox at work. Alerts become messages, each once, in order, at the pace a channel allows."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import SystemRandom

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from connectors.slack import Outcome, PostResult
from dataflows import metrics
from dataflows.domain.alerts import Alert, Delivery, Reason
from dataflows.domain.outbox import ALERT, ATTEMPTS, Kind, Outbox, OutboxState, Pace
from dataflows.steps.clock import Clock
from dataflows.steps.first_epoch import FirstEpoch
from dataflows.steps.posting import Poster

log = structlog.get_logger(__name__)

KEY = "slack"
MAX_QUEUED = 1_000
"""Messages that wait, at most: with the storm guard an hour of a channel that is down. Beyond, updates of cards are
given up first, then summaries and ends go to the dead letters, and last what is news, of the channel where most waits.
The end of a replay, which may hold a day, has no such bound."""
MAX_UPDATES = 5
"""Attempts at showing a card anew: what the card would show is in its thread as well."""
MAX_REMEMBERED = 1_000
"""Messages sent by this process whose end is remembered, for the explanation that comes after them."""
_FULL = "the outbox is full"
_POLL = timedelta(milliseconds=10)
"""How often it is looked whether a post has ended: the next message of that channel waits for it."""
_SLOW_POLL = timedelta(milliseconds=50)
"""The same where no post of any channel was begun for `_USUAL_POST_S`: Slack is slow then, and looking costs CPU."""
_USUAL_POST_S = 0.5
_LAST_POST_S = 10.0
"""How long a drain waits for the posts in flight, so that their acceptance reaches the ledger."""
_THREADS = 4
"""Channels that are written to at the same time."""


@dataclass(frozen=True)
class Delivering:
    """How alerts are delivered."""

    poster: Poster
    clock: Clock
    pace: Pace
    wait_for_analysis_s: float
    """How long an opening waits for its explanation: an incoming webhook cannot update a message."""
    refuse: Callable[[Alert, str], None]
    """Takes an alert that nobody will be told, and why: into the dead letters."""
    finish: bool = False
    """True in a replay: the end of the input sends all that waits. Live it stays in the state."""


class _DeliverLogic(StatefulBatchLogic[Alert, Delivery, OutboxState]):
    """The outbox of all channels."""

    def __init__(self, how: Delivering, resume: OutboxState | None) -> None:
        self._how = how
        self._outbox = Outbox(resume, how.pace, how.clock.now(), how.poster.messenger.channel_of)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="slack")
        self._flying: dict[str, tuple[Future[PostResult], Alert]] = {}
        self._launched = 0.0
        self._ended: dict[str, tuple[float, int, str]] = {}
        self._first_epoch = FirstEpoch(resume)
        metrics.OUTBOX.set(len(self._outbox))

    def on_batch(self, values: list[Alert]) -> tuple[Iterable[Delivery], bool]:
        out: list[Delivery] = []
        for alert in values:
            out += self._take(alert)
        return [*out, *self._work()], False

    def on_notify(self) -> tuple[Iterable[Delivery], bool]:
        return ([] if self._first_epoch else self._work()), False

    def on_eof(self) -> tuple[Iterable[Delivery], bool]:
        out = [] if self._first_epoch else self._work()
        if self._how.finish:
            return [*out, *self._finish()], False
        if self._flying:
            wait_for(self._futures(), _LAST_POST_S)
            out += [] if self._first_epoch else self._land(self._how.clock.now())
        return out, False

    def _finish(self) -> list[Delivery]:
        """Send all that waits. Event time stands still by now, so pace and back-off go by the wall."""
        out: list[Delivery] = []
        start, began = self._how.clock.now(), time.monotonic()
        self._outbox.hasten(start)
        while len(self._outbox):
            now = start + time.monotonic() - began
            out += [*self._land(now), *self._launch(now)]
            if self._flying:
                wait_for(self._futures(), _POLL.total_seconds(), FIRST_COMPLETED)
            elif (due := self._outbox.next_due()) is not None:
                time.sleep(min(_POLL.total_seconds(), max(0.0, due - now)))
        return out

    def _futures(self) -> list[Future[PostResult]]:
        return [future for future, _ in self._flying.values()]

    def notify_at(self) -> datetime | None:
        if self._first_epoch:
            return self._first_epoch.look_again()
        if self._flying:
            usual = time.monotonic() - self._launched < _USUAL_POST_S
            return datetime.now(UTC) + (_POLL if usual else _SLOW_POLL)
        due = self._outbox.next_due()
        return None if due is None else self._how.clock.wake_at(due)

    def snapshot(self) -> OutboxState:
        self._first_epoch.end()
        return self._outbox.state()

    def _take(self, alert: Alert) -> list[Delivery]:
        """Queue what is to be done for an alert."""
        threads = self._how.poster.threads is not None
        if alert["held"]:
            if threads and alert["held"] == Reason.HELD_QUIET:
                self._queue_update(alert)
            sent_at = self._how.poster.sent_at(alert["id"])  # before a crash it may have gone out by itself
            return [self._delivery(alert, "held" if sent_at is None else "sent", sent_ts=sent_at or 0.0)]
        key = alert["id"]
        if key in self._outbox:
            return [self._renew(alert)]
        if (ended := self._ended.get(key)) is not None:
            sent_ts, attempts, detail = ended
            status = "sent" if sent_ts else "dead"
            return [self._followed_up(alert, status, sent_ts=sent_ts, attempts=attempts, detail=detail)]
        if (sent_at := self._how.poster.sent_at(key)) is not None:
            if not alert["explained"]:
                metrics.MESSAGES.labels("duplicate").inc()
            return [self._followed_up(alert, "sent", sent_ts=sent_at, detail="accepted earlier")]
        return self._queue(alert, threads=threads)

    def _queue(self, alert: Alert, *, threads: bool) -> list[Delivery]:
        out: list[Delivery] = []
        channel = self._how.poster.messenger.channel_of(alert)
        if len(self._outbox) >= MAX_QUEUED and not self._how.finish:
            if (least := self._outbox.gives_way(alert, channel)) is None:
                return [self._dead(alert, _FULL)]
            kind, _, _, attempts, given_up = self._outbox.drop(least)
            out = [] if kind == Kind.UPDATE else [self._dead(given_up, _FULL, attempts)]
        now = self._how.clock.now()
        own = not threads or _own_message(alert)
        waits = 0.0 if alert["explained"] or threads else self._how.wait_for_analysis_s
        self._outbox.add(alert["id"], Kind.POST if own else Kind.REPLY, channel, now + waits, alert)
        if not own and not alert["parent"]:
            self._queue_update(alert)
        return [*out, self._delivery(alert, "waiting")]

    def _queue_update(self, alert: Alert) -> None:
        """Show the card anew; of several updates that wait only the newest is made."""
        channel = self._how.poster.messenger.channel_of(alert)
        what = "explained" if alert["id"] == alert["opening"] else "updated"
        self._outbox.add(f"{what}:{alert['opening']}", Kind.UPDATE, channel, self._how.clock.now(), alert)

    def _renew(self, alert: Alert) -> Delivery:
        """The fuller version of an alert that waits."""
        queued = self._outbox[alert["id"]]
        if alert["id"] in self._flying:
            if alert["explained"]:  # what becomes of it is told of the fuller one, and so is a second attempt
                queued[ALERT] = alert
            return self._followed_up(alert, "waiting", attempts=queued[ATTEMPTS])
        if alert["explained"] or not queued[ALERT]["explained"]:  # a replay brings the bare one once more
            queued[ALERT] = alert
        if alert["explained"]:
            self._outbox.explained(alert["id"], self._how.clock.now())
        return self._delivery(queued[ALERT], "waiting", attempts=queued[ATTEMPTS])

    def _followed_up(
        self, alert: Alert, status: str, *, sent_ts: float = 0.0, attempts: int = 0, detail: str = ""
    ) -> Delivery:
        """An alert that has gone out comes again, explained: with threads its card is shown anew."""
        if self._how.poster.threads is not None and status != "dead" and "explanation" in alert and _own_message(alert):
            self._queue_update(alert)
        return self._delivery(alert, status, sent_ts=sent_ts, attempts=attempts, detail=detail)

    def _work(self) -> list[Delivery]:
        now = self._how.clock.now()
        out = [*self._land(now), *self._launch(now)]
        metrics.OUTBOX.set(len(self._outbox))
        return out

    def _launch(self, now: float) -> list[Delivery]:
        """Start what may go; what the ledger knows is done already."""
        out: list[Delivery] = []
        while (key := self._outbox.launch(now)) is not None:
            kind, channel, _, attempts, alert = self._outbox[key]
            if kind != Kind.UPDATE and (sent_ts := self._how.poster.sent_at(key)) is not None:
                self._outbox.drop(key)
                metrics.MESSAGES.labels("sent").inc()
                detail = "accepted before a restart"
                out.append(self._delivery(alert, "sent", sent_ts=sent_ts, attempts=attempts - 1, detail=detail))
                continue
            future = self._pool.submit(self._how.poster.attempt, key, kind, channel, attempts, alert)
            self._flying[key] = (future, alert)
            self._launched = time.monotonic()
        return out

    def _land(self, now: float) -> list[Delivery]:
        """Deal with the answers that are there."""
        out: list[Delivery] = []
        for key in [key for key, (future, _) in self._flying.items() if future.done()]:
            future, alert = self._flying.pop(key)
            out += self._landed(key, future.result(), alert, now)
        return out

    def _landed(self, key: str, result: PostResult, flown: Alert, now: float) -> list[Delivery]:
        kind, _, _, attempts, alert = self._outbox[key]
        if result.outcome is Outcome.ACCEPTED:
            if kind == Kind.UPDATE:
                self._shown(key, renewed=alert is not flown, now=now)
                return []
            self._outbox.drop(key)
            self._remember(key, now, attempts, result.detail)
            if alert["reason"] == Reason.FIRST:
                metrics.FIRST_ALERT_SECONDS.observe(max(0.0, now - alert["arrival_ts"]))
            metrics.MESSAGES.labels("sent").inc()
            return [self._delivery(alert, "sent", sent_ts=now, attempts=attempts, detail=result.detail)]
        metrics.MESSAGE_FAULTS.labels(result.outcome.value).inc()
        log.warning("slack.post_failed", outcome=result.outcome.value, detail=result.detail, attempts=attempts)
        if result.outcome is Outcome.RATE_LIMITED:
            self._outbox.pause(key, now, result.retry_after_s or self._how.pace.backoff_s)
            return []
        most = MAX_UPDATES if kind == Kind.UPDATE else self._how.pace.max_attempts
        if result.outcome is Outcome.TERMINAL or attempts >= most:
            self._outbox.drop(key)
            if kind == Kind.UPDATE:
                return []
            return [self._dead(alert, result.detail, attempts)]
        self._outbox.retry(key, now, result.retry_after_s or 0.0, SystemRandom().uniform(0.5, 1.0))
        return []

    def _shown(self, key: str, *, renewed: bool, now: float) -> None:
        """A card was shown anew. What came while it flew is shown next."""
        if renewed:
            self._outbox.again(key, now)
        else:
            self._outbox.drop(key)

    def _dead(self, alert: Alert, detail: str, attempts: int = 0) -> Delivery:
        metrics.MESSAGES.labels("dead").inc()
        log.error("slack.alert_dead", reason=alert["reason"], fingerprint=alert["fingerprint"], detail=detail)
        self._how.refuse(alert, detail)
        self._remember(alert["id"], 0.0, attempts, detail)
        return self._delivery(alert, "dead", attempts=attempts, detail=detail)

    def _remember(self, alert_id: str, sent_ts: float, attempts: int, detail: str) -> None:
        """Note how an alert ended (time 0: dead), for the version of it that is still being explained."""
        self._ended[alert_id] = (sent_ts, attempts, detail)
        if len(self._ended) > MAX_REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _delivery(
        self, alert: Alert, status: str, *, sent_ts: float = 0.0, attempts: int = 0, detail: str = ""
    ) -> Delivery:
        channel = self._how.poster.messenger.channel_of(alert)
        return Delivery(alert=alert, status=status, channel=channel, sent_ts=sent_ts, attempts=attempts, detail=detail)


def _own_message(alert: Alert) -> bool:
    """Whether a bot posts it into the channel, and not under a card."""
    if alert["reason"] == Reason.DIGEST:
        return True
    return alert["reason"] == Reason.FIRST or (alert["reason"] == Reason.REGRESSED and not alert["parent"])


def _same_key(_: Alert) -> str:
    return KEY


@operator
def deliver(step_id: str, alerts: Stream[Alert], how: Delivering) -> Stream[Delivery]:
    """Deliver alerts; emits each version of an alert with what became of it, `waiting` first.

    Guarantee: every alert is accepted, is held for a reason it names, or ends as `dead` and in the dead letters. A
    second message only if the process dies between the acceptance and the ledger's write, and with a bot not even
    then. State: the queued messages. The worker never waits for Slack, but for the posts in flight at the end of the
    input.
    """
    keyed = op.key_on("gather", alerts, _same_key)
    return op.key_rm("release", op.stateful_batch("outbox", keyed, partial(_DeliverLogic, how)))
