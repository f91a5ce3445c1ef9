"""A channel with scripted answers, and the outbox before it: what the tests of delivery share."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from connectors.slack import HistoryUnavailableError, LedgerError, Outcome, PostResult
from dataflows.domain.alerts import Alert, Delivery
from dataflows.domain.outbox import Pace
from dataflows.steps.deliver import Delivering, _DeliverLogic
from dataflows.steps.posting import Poster

Make = Callable[..., Alert]
NOW = 1_000_000.0
LIMIT_S = 10.0
OK = PostResult(Outcome.ACCEPTED)
LATER = PostResult(Outcome.RATE_LIMITED, retry_after_s=30.0)
DOWN = PostResult(Outcome.TRANSIENT, detail="ConnectionError")
NEVER = PostResult(Outcome.TERMINAL, detail="invalid_blocks")
FIRST, SUMMARY = "f:api:1:first", "f:api:1:summary"


class Channel:
    """A messenger with scripted answers, then acceptance; and the ledger beside it."""

    def __init__(self, *script: PostResult | Exception) -> None:
        self.script = list(script)
        self.posted: list[Alert] = []
        self.gate = threading.Event()
        self.gate.set()
        self.noted: dict[str, float] = {}
        self.places: dict[str, tuple[str, str]] = {}
        self.cards: dict[str, str] = {}
        self.ledger_down = False
        self.ledger_full = False
        self.refused: list[tuple[str, str]] = []

    def refuse(self, alert: Alert, detail: str) -> None:
        """The dead letters."""
        self.refused.append((alert["id"], detail))

    def channel_of(self, alert: Alert) -> str:
        """The alert's own."""
        return alert["channel"] or "#test"

    def post(self, alert: Alert) -> PostResult:
        """The next answer of the script."""
        assert self.gate.wait(LIMIT_S)
        self.posted.append(alert)
        answer = self.script.pop(0) if self.script else OK
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _look(self) -> None:
        if self.ledger_down:
            msg = "down"
            raise LedgerError(msg)

    def sent_at(self, key: str) -> float | None:
        """When it was noted."""
        self._look()
        return self.noted.get(key)

    def record_all(self, keys: Sequence[str], sent_ts: float, channel: str, ts: str = "") -> None:
        """Note them."""
        self._look()
        if self.ledger_full:
            msg = "full"
            raise LedgerError(msg)
        for key in keys:
            self.noted[key] = sent_ts
            if ts:
                self.places[key] = (channel, ts)

    def message(self, key: str) -> tuple[str, str] | None:
        """Where it is."""
        self._look()
        return self.places.get(key)

    def keep_card(self, key: str, body: str) -> None:
        """Note it."""
        self.cards[key] = body

    def card(self, key: str) -> str | None:
        """As noted."""
        return self.cards.get(key)

    def latest(self) -> float | None:
        """Of whatever channel."""
        self._look()
        return max(self.noted.values(), default=None)

    @property
    def ids(self) -> list[str]:
        """Ids of what was posted, in order."""
        return [alert["id"] for alert in self.posted]


class Bot(Channel):
    """A messenger with threads; what it did, in order."""

    def __init__(self, *script: PostResult | Exception) -> None:
        super().__init__(*script)
        self.done: list[tuple[str, ...]] = []
        self.in_channel: dict[str, tuple[str, str]] | None = {}
        self.silent = 0
        self.asked: list[tuple[float | str, ...]] = []

    def _did(self, what: tuple[str, ...], alert: Alert) -> PostResult:
        result = super().post(alert)
        self.done.append(what)
        return replace(result, channel="C1", ts=f"{len(self.done)}.5")

    def post(self, alert: Alert) -> PostResult:
        """A message of its own."""
        return self._did(("post", alert["id"]), alert)

    def reply(self, alert: Alert, card: tuple[str, str], *, broadcast: bool) -> PostResult:
        """Under a card."""
        return self._did(("broadcast" if broadcast else "reply", alert["id"], card[1]), alert)

    def update(self, opening: Alert, latest: Alert | None, card: tuple[str, str]) -> PostResult:
        """A card anew."""
        what = ("update", opening["id"], latest["id"] if latest else opening["text"], card[1])
        return self._did(what, latest or opening)

    def sent_since(
        self, channel: str, oldest_ts: float, threads: Sequence[tuple[str, str]]
    ) -> dict[str, tuple[str, str]] | None:
        """What a test put into the channel."""
        del channel
        self.asked.append((oldest_ts, *(ts for _, ts in threads)))
        if self.silent:
            self.silent -= 1
            msg = "ratelimited"
            raise HistoryUnavailableError(msg)
        return self.in_channel


@contextmanager
def outbox(channel: Channel, clock: Any, resume: dict[str, list[Any]] | None = None, **how: Any) -> Iterator[Any]:
    """The step's logic; its thread is ended."""
    pace = {"min_interval_s": 1.0, "burst": 3, "max_attempts": 3, "backoff_s": 1.0, "max_backoff_s": 60.0}
    pace |= {name: how.pop(name) for name in list(how) if name in pace}
    poster = Poster(channel, channel if isinstance(channel, Bot) else None, channel, clock)
    given: dict[str, Any] = {"wait_for_analysis_s": 8.0, "refuse": channel.refuse}
    logic = _DeliverLogic(Delivering(poster=poster, pace=Pace(**pace), clock=clock, **(given | how)), resume)  # type: ignore[arg-type] # ints are floats
    if resume is not None:
        logic.snapshot()  # the first epoch is over
    try:
        yield logic
    finally:
        channel.gate.set()
        logic._pool.shutdown(wait=True)


def landed(logic: Any) -> list[Delivery]:
    """What comes out once the post in flight is answered, until nothing more is due now."""
    out: list[Delivery] = []
    while logic._flying:
        wait(logic._futures(), LIMIT_S)
        out += logic.on_notify()[0]
    return out


def statuses(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    """Id and status of deliveries."""
    return [(delivery["alert"]["id"], delivery["status"]) for delivery in deliveries]
