"""One attempt at one message, in a thread of the outbox: ask the ledger, post, make the acceptance durable."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol, cast

import structlog

from connectors.slack import HistoryUnavailableError, LedgerError, Outcome, PostResult
from dataflows import metrics
from dataflows.domain.alerts import OPENING, Alert, Reason
from dataflows.domain.outbox import Kind
from dataflows.steps.clock import Clock

log = structlog.get_logger(__name__)

RECONCILE_S = 600.0
"""How far before the last message that the ledger knows the channel is asked for messages of ours. Our choice: longer
than any attempt takes, so that one which was accepted as the process died is seen."""

_NO_THREAD = frozenset({"thread_not_found", "cannot_reply_to_message"})
"""Slack's words when somebody has deleted the card: https://docs.slack.dev/reference/methods/chat.postMessage#errors"""

_NO_CHANNEL = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
"""The same where a card's channel is gone or closed: alerts may go to another one by now."""

MAX_UNASKED = 5
"""Attempts that wait for Slack to say what it has: beyond, a message twice is better than none."""

Card = tuple[str, str]
"""Channel id and message timestamp of a message in Slack."""


def mark(alert_id: str) -> str:
    """An alert's id as one short word, for the metadata of the digest that tells it."""
    return blake2b(alert_id.encode(), digest_size=8).hexdigest()


class Messenger(Protocol):
    """Puts one alert in front of people. Blocking, one attempt, does not raise for a service that is down."""

    def channel_of(self, alert: Alert) -> str:
        """Where it goes: the name by which its pace is kept."""
        ...

    def post(self, alert: Alert) -> PostResult:
        """A message of its own."""
        ...


class Threads(Protocol):
    """What a bot can do besides: answer under a card, show a card anew, and say what it has sent."""

    def reply(self, alert: Alert, card: Card, *, broadcast: bool) -> PostResult:
        """In the thread of a card; `broadcast` shows it in the channel too."""
        ...

    def update(self, opening: Alert, latest: Alert | None, card: Card) -> PostResult:
        """Show a card anew, as of the latest alert of its episode."""
        ...

    def sent_since(self, channel: str, oldest_ts: float, threads: Sequence[Card]) -> Mapping[str, Card] | None:
        """Our own messages by key, since a time (epoch seconds) and below older cards; None if it cannot be asked.

        The line of a digest stands there as its `mark`, with an empty ts.
        """
        ...


class SentLedger(Protocol):
    """Remembers what was accepted, outside the recovery state."""

    def sent_at(self, key: str) -> float | None:
        """When it was accepted, seconds since the epoch; None if it was not."""
        ...

    def record_all(self, keys: Sequence[str], sent_ts: float, channel: str, ts: str = "") -> None:
        """Durable when it returns: one message, which stands for all these keys."""
        ...

    def message(self, key: str) -> Card | None:
        """Where a message is; None if it is not known."""
        ...

    def keep_card(self, key: str, body: str) -> None:
        """Remember what a card shows."""
        ...

    def card(self, key: str) -> str | None:
        """What a card shows."""
        ...

    def latest(self) -> float | None:
        """When the last message was accepted."""
        ...


@dataclass
class Poster:
    """Makes single attempts. Used by several threads; one message at a time per channel."""

    messenger: Messenger
    threads: Threads | None
    ledger: SentLedger
    clock: Clock
    _asked: set[str] = field(default_factory=set)
    """Channels whose messages were compared with the ledger since the start."""
    _began: float | None = None
    """When the last message before this start was accepted."""
    _unnoted: dict[str, float] = field(default_factory=dict)
    """When Slack took what it was found to have while the ledger could not note it, by key."""

    def sent_at(self, key: str) -> float | None:
        """Ask the ledger. One that cannot answer has not seen it: a message twice is better than none."""
        try:
            found = self.ledger.sent_at(key)
            if found is None and self.threads is not None:
                found = self.ledger.sent_at(mark(key))
        except LedgerError as err:
            metrics.LEDGER_FAULTS.inc()
            log.exception("slack.ledger_failed", error=str(err), effect="this message may be a repeat")
            found = None
        return found if found is not None else self._unnoted.get(key, self._unnoted.get(mark(key)))

    def attempt(self, key: str, kind: str, channel: str, attempts: int, alert: Alert) -> PostResult:
        """One attempt. Never raises: a card that cannot be made must not stop the others."""
        try:
            if kind == Kind.UPDATE:
                return self._update(alert)
            if self.threads is not None and (attempts > 1 or channel not in self._asked):
                self._ask(channel, self.threads, alert)
            if self.sent_at(key) is not None:
                self._keep(alert)
                return PostResult(Outcome.ACCEPTED, detail="found in the channel")
            return self._post(alert, channel) if kind == Kind.POST else self._reply(alert, channel)
        except HistoryUnavailableError as err:
            if attempts <= MAX_UNASKED:
                return PostResult(Outcome.TRANSIENT, detail=f"what was sent is not known: {err}")
            log.warning("slack.history_unknown", channel=channel, effect="a message may be repeated")
            return self._post(alert, channel) if kind == Kind.POST else self._reply(alert, channel)
        except Exception as err:  # noqa: BLE001 - as above
            log.error("slack.post_raised", error=type(err).__name__, fingerprint=alert["fingerprint"])  # noqa: TRY400 - a trace may hold the URL
            return PostResult(Outcome.TRANSIENT, detail=f"raised {type(err).__name__}")

    def _ask(self, channel: str, threads: Threads, alert: Alert) -> None:
        """Compare the channel with the ledger. One that cannot be read or written holds no alert back.

        What Slack has is not sent again even so, while this process lives.
        """
        try:
            self._reconcile(channel, threads, alert)
        except LedgerError as err:
            metrics.LEDGER_FAULTS.inc()
            log.exception("slack.ledger_failed", error=str(err), effect="this message may be a repeat")

    def _post(self, alert: Alert, channel: str) -> PostResult:
        if alert["reason"] == Reason.DIGEST:  # told already, before a crash, by itself or in another digest
            left = [line for line in alert["lines"] if self.sent_at(line["id"]) is None]
            if not left:
                return PostResult(Outcome.ACCEPTED, detail="all told before")
            if len(left) < len(alert["lines"]):
                alert = alert.copy()
                alert["lines"] = left
        result = self.messenger.post(alert)
        if result.outcome is Outcome.ACCEPTED:
            self._accepted([alert["id"], *(line["id"] for line in alert["lines"])], channel, result)
            self._keep(alert)
        return result

    def _reply(self, alert: Alert, channel: str) -> PostResult:
        """Under the card it belongs to; without one (it was in a digest, or the ledger is new) by itself."""
        card = self._card_above(alert)
        if card is None or self.threads is None:
            return self._post(alert, channel)
        news = {Reason.NEW_WINDOW.value, Reason.ESCALATED.value}
        result = self.threads.reply(alert, card, broadcast=alert["reason"] in news and not alert["parent"])
        word = result.detail.partition(":")[0]  # an operator's word comes with an advice
        if result.outcome is not Outcome.ACCEPTED and word in _NO_THREAD | _NO_CHANNEL:
            return self._post(alert, channel)
        if result.outcome is Outcome.ACCEPTED:
            self._accepted([alert["id"]], channel, result)
        return result

    def _card_above(self, alert: Alert) -> Card | None:
        try:
            return self.ledger.message(alert["parent"] or alert["opening"])
        except LedgerError as err:
            metrics.LEDGER_FAULTS.inc()
            log.exception("slack.ledger_failed", error=str(err), effect="this message stands by itself")
            return None

    def _update(self, alert: Alert) -> PostResult:
        """Show the card as of `alert`: its explanation if it is the opening itself, else its counts and state."""
        card = self.ledger.message(alert["opening"])
        if card is None or self.threads is None:
            return PostResult(Outcome.ACCEPTED, detail="no card")
        if alert["id"] == alert["opening"]:
            self._keep(alert)
            return self.threads.update(alert, None, card)
        body = self.ledger.card(alert["opening"])
        if body is None:
            return PostResult(Outcome.ACCEPTED, detail="no card")
        return self.threads.update(cast("Alert", json.loads(body)), alert, card)

    def _accepted(self, keys: list[str], channel: str, result: PostResult) -> None:
        """Before anyone hears of it."""
        try:
            sent_ts = float(result.ts or self.clock.now())  # by Slack's clock: the channel is asked from there on
            self.ledger.record_all(keys, sent_ts, result.channel or channel, result.ts)
        except LedgerError as err:
            metrics.LEDGER_FAULTS.inc()
            log.exception("slack.ledger_failed", error=str(err), effect="a restart may repeat this message")

    def _keep(self, alert: Alert) -> None:
        if self.threads is None or alert["reason"] not in OPENING:
            return
        try:
            self.ledger.keep_card(alert["id"], json.dumps(alert))
        except LedgerError as err:
            metrics.LEDGER_FAULTS.inc()
            log.exception("slack.ledger_failed", error=str(err), effect="this card will not be updated")

    def _reconcile(self, channel: str, threads: Threads, alert: Alert) -> None:
        """Note what Slack accepted and the ledger does not know: the process died, or the answer was lost, between."""
        if self._began is None:
            self._began = self.ledger.latest() or self.clock.now()
        latest = self._began if channel not in self._asked else self.ledger.latest() or self.clock.now()
        since = latest - RECONCILE_S
        above = self._card_above(alert) if alert["id"] != alert["opening"] else None
        found = threads.sent_since(channel, since, [above] if above else [])
        if found is None:
            return
        self._asked.add(channel)
        self._unnoted |= {key: float(ts or self.clock.now()) for key, (_, ts) in found.items()}
        for key, (where, ts) in found.items():
            if self.ledger.sent_at(key) is None:
                self.ledger.record_all([key], float(ts or self.clock.now()), where, ts)
                metrics.MESSAGES.labels("found").inc()
                log.info("slack.message_found", channel=channel, effect="it is not sent again")
            self._unnoted.pop(key, None)
