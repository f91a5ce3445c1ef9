"""The outbox: each alert once, in order, at the channel's pace, through every kind of answer."""

import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connectors.slack import HistoryUnavailableError, LedgerError, Outcome, PostResult
from dataflows.domain.alerts import Alert, Delivery
from dataflows.domain.outbox import Pace
from dataflows.steps.deliver import MAX_QUEUED, MAX_REMEMBERED, MAX_UPDATES, Delivering, _DeliverLogic
from dataflows.steps.posting import MAX_UNASKED, RECONCILE_S, Poster, mark

Make = Callable[..., Alert]
NOW = 1_000_000.0
LIMIT_S = 10.0
OK = PostResult(Outcome.ACCEPTED)
LATER = PostResult(Outcome.RATE_LIMITED, retry_after_s=30.0)
DOWN = PostResult(Outcome.TRANSIENT, detail="ConnectionError")
NEVER = PostResult(Outcome.TERMINAL, detail="invalid_blocks")


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

    def sent_at(self, key: str) -> float | None:
        """When it was noted."""
        if self.ledger_down:
            msg = "down"
            raise LedgerError(msg)
        return self.noted.get(key)

    def record_all(self, keys: Sequence[str], sent_ts: float, channel: str, ts: str = "") -> None:
        """Note them."""
        if self.ledger_down:
            msg = "down"
            raise LedgerError(msg)
        for key in keys:
            self.noted[key] = sent_ts
            if ts:
                self.places[key] = (channel, ts)

    def message(self, key: str) -> tuple[str, str] | None:
        """Where it is."""
        return self.places.get(key)

    def keep_card(self, key: str, body: str) -> None:
        """Note it."""
        self.cards[key] = body

    def card(self, key: str) -> str | None:
        """As noted."""
        return self.cards.get(key)

    def latest(self) -> float | None:
        """Of whatever channel."""
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

    def sent_since(self, channel: str, oldest_ts: float, threads: Sequence[str]) -> dict[str, tuple[str, str]] | None:
        """What a test put into the channel."""
        del channel
        self.asked.append((oldest_ts, *threads))
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


def test_a_first_alert_waits_for_its_explanation_and_no_longer(clock: Any, make_alert: Make) -> None:
    """Unexplained it goes out exactly when the wait is over."""
    channel = Channel()
    with outbox(channel, clock) as logic:
        out, discard = logic.on_batch([make_alert("a")])
        assert ([("a", "waiting")], False) == (statuses(out), discard)
        assert datetime.fromtimestamp(NOW + 8, UTC) == logic.notify_at()
        clock.time = NOW + 7.999
        assert ([], []) == (logic.on_notify()[0], channel.posted)
        clock.time = NOW + 8
        logic.on_notify()
        (sent,) = landed(logic)
        assert ("sent", NOW + 8, 1, "#test") == (sent["status"], sent["sent_ts"], sent["attempts"], sent["channel"])
        assert (["a"], {"a": NOW + 8}, {}, None) == (channel.ids, channel.noted, logic.snapshot(), logic.notify_at())


def test_an_explained_version_replaces_and_goes_at_once(clock: Any, make_alert: Make) -> None:
    """The explanation ends the wait, and the message is the explained one."""
    channel = Channel()
    with outbox(channel, clock) as logic:
        logic.on_batch([make_alert("a")])
        logic.on_batch([make_alert("a", explained=True, text="told")])
        landed(logic)
        assert ["told"] == [alert["text"] for alert in channel.posted]


def test_a_replayed_bare_version_does_not_undo_an_explanation(clock: Any, make_alert: Make) -> None:
    """After a resume the alert comes unexplained again; the explained version in the queue stays."""
    channel = Channel()
    queued = ["post", "#test", NOW + 5, 0, make_alert("a", explained=True, text="told")]
    with outbox(channel, clock, {"a": queued}) as logic:
        (waiting,) = logic.on_batch([make_alert("a")])[0]
        assert ("told", "told") == (waiting["alert"]["text"], logic.snapshot()["a"][4]["text"])


def test_a_late_explanation_sends_nothing_but_is_kept(clock: Any, make_alert: Make) -> None:
    """Explained after it was sent, an alert is not sent again; its history keeps when it was sent."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        clock.time = NOW + 20
        (late,) = logic.on_batch([make_alert("a", explained=True)])[0]
        assert ("sent", NOW, 1, True, ["a"]) == (
            late["status"],
            late["sent_ts"],
            late["attempts"],
            late["alert"]["explained"],
            channel.ids,
        )


def test_a_late_explanation_sends_nothing_even_without_a_ledger(clock: Any, make_alert: Make) -> None:
    """A ledger that is down doubles messages over a restart at worst, never within a process."""
    channel = Channel()
    channel.ledger_down = True
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        assert [("a", "sent")] == statuses(landed(logic))
        assert [("a", "sent")] == statuses(logic.on_batch([make_alert("a", explained=True)])[0])
        assert ["a"] == channel.ids


def test_what_the_ledger_knows_is_not_sent(clock: Any, make_alert: Make) -> None:
    """An alert accepted by an earlier life of the process is not sent, however it comes back."""
    channel = Channel()
    channel.noted = {"a": NOW, "b": NOW}
    with outbox(channel, clock, {"b": ["post", "#test", NOW, 1, make_alert("b")]}) as logic:
        out = [*logic.on_batch([make_alert("a")])[0], *landed(logic)]
        assert ([("a", "sent"), ("b", "sent")], []) == (statuses(out), channel.posted)


def test_a_rate_limit_pauses_all_and_costs_no_attempt(clock: Any, make_alert: Make) -> None:
    """After a 429 nothing goes out until Slack's time is over, and the message has all its attempts left."""
    channel = Channel(LATER, LATER, LATER, LATER)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a"), make_alert("b")])
        for n in range(4):
            assert [] == landed(logic)
            assert (n + 1, 0) == (len(channel.posted), logic.snapshot()["a"][3])
            assert datetime.fromtimestamp(NOW + 30 * (n + 1), UTC) == logic.notify_at()
            clock.time = NOW + 30 * (n + 1) - 0.1
            assert [] == logic.on_notify()[0]
            clock.time = NOW + 30 * (n + 1)
            logic.on_notify()
        assert [("a", "sent"), ("b", "sent")] == statuses(landed(logic))


def test_a_fault_backs_off_longer_each_time_and_ends_dead(clock: Any, make_alert: Make) -> None:
    """A passing fault is tried again after a growing pause, up to the set attempts; then it is dead, with why."""
    channel = Channel(DOWN, DOWN, DOWN)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        for ceiling in (1.0, 2.0):
            assert [] == landed(logic)
            pause = logic.snapshot()["a"][2] - clock.time
            assert ceiling / 2 <= pause <= ceiling
            clock.time += pause
            logic.on_notify()
        (dead,) = landed(logic)
        assert ("dead", 3, "ConnectionError", 3, {}) == (
            dead["status"],
            dead["attempts"],
            dead["detail"],
            len(channel.posted),
            logic.snapshot(),
        )


def test_a_fault_that_names_a_time_is_waited_for(clock: Any, make_alert: Make) -> None:
    """A 503 with Retry-After pauses that message at least so long."""
    channel = Channel(PostResult(Outcome.TRANSIENT, retry_after_s=90.0))
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        assert NOW + 90 == logic.snapshot()["a"][2]


def test_an_explanation_does_not_cut_a_back_off_short(clock: Any, make_alert: Make) -> None:
    """A message that was refused once keeps its pause when its explanation comes, and is sent with it."""
    channel = Channel(DOWN)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        due = logic.snapshot()["a"][2]
        logic.on_batch([make_alert("a", explained=True, text="told")])
        assert (due, {}) == (logic.snapshot()["a"][2], logic._flying)
        clock.time = due
        logic.on_notify()
        landed(logic)
        assert "told" == channel.posted[-1]["text"]


def test_a_refusal_is_final(clock: Any, make_alert: Make) -> None:
    """What Slack will never take is dead at once, with its reason, and the next goes out."""
    channel = Channel(NEVER)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a"), make_alert("b")])
        assert [("a", "dead"), ("b", "sent")] == statuses(landed(logic))
        assert {"b": NOW} == channel.noted


def test_a_messenger_that_raises_stops_nothing(clock: Any, make_alert: Make) -> None:
    """An exception, such as for a card that cannot be encoded, counts as a passing fault of that message alone."""
    channel = Channel(TypeError("not JSON"), TypeError("not JSON"))
    with outbox(channel, clock, wait_for_analysis_s=0.0, max_attempts=1) as logic:
        logic.on_batch([make_alert("a"), make_alert("b"), make_alert("c")])
        out = landed(logic)
        assert [("a", "dead"), ("b", "dead"), ("c", "sent")] == statuses(out)
        assert "raised TypeError" == out[0]["detail"]


def test_the_pace_is_a_burst_then_one_a_second(clock: Any, make_alert: Make) -> None:
    """Three go out at once, then one each second; after a quiet time a burst is there again, not more."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert(str(n)) for n in range(12)])
        counts = []
        for offset in (0, 0.5, 1, 1.5, 2, 3, 3_600):
            clock.time = NOW + offset
            logic.on_notify()
            landed(logic)
            counts.append(len(channel.posted))
        assert [3, 3, 4, 4, 5, 6, 9] == counts
        assert [str(n) for n in range(9)] == channel.ids


def test_a_clock_set_back_costs_no_message(clock: Any, make_alert: Make) -> None:
    """When the system's time is corrected backwards the allowance stays as it was."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        clock.time = NOW - 3_600
        logic.on_batch([make_alert("a")])
        assert [("a", "sent")] == statuses(landed(logic))


def test_one_post_at_a_time_keeps_the_order(clock: Any, make_alert: Make) -> None:
    """While a post is in flight nothing else is sent and the worker does not wait; then they go in order."""
    channel = Channel()
    channel.gate.clear()
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        assert 3 == len(logic.on_batch([make_alert(str(n)) for n in range(3)])[0])
        assert ([], []) == (logic.on_notify()[0], channel.posted)
        channel.gate.set()
        assert [("0", "sent"), ("1", "sent"), ("2", "sent")] == statuses(landed(logic))


def test_a_resume_sends_what_waited(clock: Any, make_alert: Make, assert_plain: Callable[[object], None]) -> None:
    """The queue is in the state as plain data, in order, attempts and all; a resume goes on with it."""
    with outbox(Channel(DOWN), clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        logic.on_batch([make_alert("b", explained=False)])
        state = logic.snapshot()
    assert_plain(state)
    assert {"a": 1, "b": 1} == {key: entry[3] for key, entry in state.items()}  # b was in flight
    channel = Channel()
    clock.time = NOW + 100
    with outbox(channel, clock, pickle.loads(pickle.dumps(state))) as resumed:  # noqa: S301 - our own bytes
        resumed.on_notify()
        assert {"a", "b"} == {key for key, _ in statuses(landed(resumed))}


def test_a_drain_waits_for_the_post_in_flight_only(clock: Any, make_alert: Make) -> None:
    """At the end of a live input the post in flight reaches the ledger; what waits stays in the state."""
    channel = Channel()
    channel.gate.clear()
    with outbox(channel, clock, wait_for_analysis_s=0.0, burst=1) as logic:
        logic.on_batch([make_alert("a"), make_alert("b")])
        threading.Timer(0.05, channel.gate.set).start()
        out, discard = logic.on_eof()
        assert ([("a", "sent")], False, ["b"]) == (statuses(out), discard, list(logic.snapshot()))
        assert {"a": NOW} == channel.noted


def test_the_end_of_a_replay_sends_everything(clock: Any, make_alert: Make) -> None:
    """A replay ends with an empty queue, though event time stands still: waits are cut, back-off and pace are kept."""
    channel = Channel(PostResult(Outcome.RATE_LIMITED, retry_after_s=0.02), DOWN, NEVER)
    with outbox(channel, clock, finish=True, min_interval_s=0.01, burst=1, backoff_s=0.02) as logic:
        logic.on_batch([make_alert(str(n)) for n in range(4)])
        out = logic.on_eof()[0]
        assert ({}, 3, 1) == (
            logic.snapshot(),
            sum(status == "sent" for _, status in statuses(out)),
            sum(status == "dead" for _, status in statuses(out)),
        )


def test_the_end_of_a_replay_does_not_hammer(clock: Any, make_alert: Make) -> None:
    """A channel that is down at the end of a replay is tried with back-off, as often as set, then given up."""
    channel = Channel(DOWN, DOWN, DOWN)
    with outbox(channel, clock, finish=True, backoff_s=0.01) as logic:
        logic.on_batch([make_alert("a")])
        assert ([("a", "dead")], 3) == (statuses(logic.on_eof()[0]), len(channel.posted))


def test_what_is_remembered_is_bounded(clock: Any, make_alert: Make) -> None:
    """Sending for ever needs no more memory than a bounded number of ids."""
    with outbox(Channel(), clock) as logic:
        for n in range(MAX_REMEMBERED + 5):
            logic._remember(str(n), NOW, 1, "")
        assert (MAX_REMEMBERED, "5") == (len(logic._ended), next(iter(logic._ended)))


def test_a_summary_does_not_overtake_its_first(clock: Any, make_alert: Make) -> None:
    """The summary of a fault, which waits for nothing, goes out after the first that still waits for its analysis."""
    channel = Channel()
    with outbox(channel, clock) as logic:
        logic.on_batch([make_alert("f:api:1:first"), make_alert("f:api:1:summary", explained=True)])
        logic.on_batch([make_alert("g:api:1:summary", explained=True)])
        landed(logic)
        clock.time = NOW + 8
        logic.on_notify()
        landed(logic)
        assert ["g:api:1:summary", "f:api:1:first", "f:api:1:summary"] == channel.ids


def test_channels_do_not_wait_for_each_other(clock: Any, make_alert: Make) -> None:
    """Each channel has its own pace, pause and order."""
    channel = Channel(LATER)
    with outbox(channel, clock, wait_for_analysis_s=0.0, burst=1) as logic:
        logic.on_batch([make_alert("a", channel="#a")])
        landed(logic)
        logic.on_batch([make_alert("b", channel="#b"), make_alert("c", channel="#a")])
        assert [("b", "sent")] == statuses(landed(logic))
        clock.time = NOW + 30
        logic.on_notify()
        assert [("a", "sent")] == statuses(landed(logic))


def test_what_is_held_is_history_only(clock: Any, make_alert: Make) -> None:
    """A held alert is no message; one that went out by itself before a crash is told as sent."""
    channel = Channel()
    channel.noted = {"b": NOW - 5}
    with outbox(channel, clock) as logic:
        held = [make_alert(name, held="held_storm", explained=True) for name in ("a", "b")]
        assert [("a", "held"), ("b", "sent")] == statuses(logic.on_batch(held)[0])
        assert ([], {}) == (channel.posted, logic.snapshot())


def test_a_digest_stands_for_its_lines(clock: Any, make_alert: Make) -> None:
    """Lines told before are left out of it; once it is accepted none of its lines is sent by itself."""
    channel = Channel()
    channel.noted = {"a": NOW}
    lines = [{"id": name} for name in ("a", "b", "c")]
    with outbox(channel, clock) as logic:
        logic.on_batch([make_alert("digest:x", reason="digest", lines=lines, explained=True)])
        landed(logic)
        assert [["b", "c"]] == [[line["id"] for line in alert["lines"]] for alert in channel.posted]
        assert [("b", "sent")] == statuses(logic.on_batch([make_alert("b", explained=True)])[0])
        assert {"a", "b", "c", "digest:x"} == set(channel.noted)


def test_a_digest_of_nothing_new_is_not_sent(clock: Any, make_alert: Make) -> None:
    """After a crash the same alerts may be gathered another way."""
    channel = Channel()
    channel.noted = {"a": NOW, "b": NOW}
    with outbox(channel, clock) as logic:
        lines = [{"id": name} for name in ("a", "b")]
        logic.on_batch([make_alert("digest:y", reason="digest", lines=lines, explained=True)])
        assert [("digest:y", "sent")] == statuses(landed(logic))
        assert [] == channel.posted


def test_dead_alerts_are_dead_letters(clock: Any, make_alert: Make) -> None:
    """What nobody will be told of leaves a letter that says why."""
    channel = Channel(NEVER)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        assert [("a", "invalid_blocks")] == channel.refused


def test_the_outbox_is_bounded(clock: Any, make_alert: Make) -> None:
    """Beyond the bound alerts are dead letters, counted and told, never silently gone."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=600.0) as logic:
        out = logic.on_batch([make_alert(f"{n}:api:1:first") for n in range(MAX_QUEUED + 2)])[0]
        assert ["waiting"] * MAX_QUEUED + ["dead"] * 2 == [status for _, status in statuses(out)]
        assert (MAX_QUEUED, 2) == (len(logic.snapshot()), len(channel.refused))


def test_what_only_counts_gives_way_to_news(clock: Any, make_alert: Make) -> None:
    """In a full outbox a summary becomes a dead letter, with its reason, and the new fault has its place."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=600.0) as logic:
        summary = make_alert("s:api:1:summary", reason="summary")
        logic.on_batch([summary, *(make_alert(f"{n}:api:1:first") for n in range(MAX_QUEUED))])
        assert [("s:api:1:summary", "the outbox is full")] == channel.refused
        assert f"{MAX_QUEUED - 1}:api:1:first" in logic.snapshot()


def test_news_go_before_what_only_counts(clock: Any, make_alert: Make) -> None:
    """A new fault is told before a hundred summaries that came earlier."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=0.0, burst=1) as logic:
        logic.on_batch([make_alert(f"{n}:s:1:summary", reason="summary", explained=True) for n in range(100)])
        landed(logic)
        logic.on_batch([make_alert("new:api:1:first", explained=True)])
        clock.time = NOW + 1
        logic.on_notify()
        landed(logic)
        assert "new:api:1:first" == channel.ids[1]


FIRST, SUMMARY = "f:api:1:first", "f:api:1:summary"


def test_a_bot_posts_at_once_and_updates(clock: Any, make_alert: Make) -> None:
    """The card waits for no analysis; it is shown anew with it, and the alert is sent once."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        (late,) = logic.on_batch([make_alert(FIRST, explained=True, text="told", explanation={})])[0]
        landed(logic)
        assert "sent" == late["status"]
        assert [("post", FIRST), ("update", FIRST, "told", "1.5")] == bot.done


def test_an_analysis_that_is_quick_needs_no_update(clock: Any, make_alert: Make) -> None:
    """It replaces the card that waits for its turn."""
    bot = Bot(LATER)
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        logic.on_batch([make_alert(FIRST, explained=True, text="told", explanation={})])
        clock.time = NOW + 30
        logic.on_notify()
        landed(logic)
        assert ["told"] == [alert["text"] for alert in bot.posted[1:]]


def test_an_analysis_during_the_post_comes_after_it(clock: Any, make_alert: Make) -> None:
    """A message and its update keep their order, and the history ends with the analysis."""
    bot = Bot()
    bot.gate.clear()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        logic.on_batch([make_alert(FIRST, explained=True, text="told", explanation={})])
        bot.gate.set()
        told = landed(logic)
        assert ["post", "update"] == [what for what, *_ in bot.done]
        assert [("sent", True)] == [(delivery["status"], delivery["alert"]["explained"]) for delivery in told]


def test_summaries_go_under_their_card(clock: Any, make_alert: Make) -> None:
    """A summary is a reply, and the card shows its counts; an escalation is shown in the channel too."""
    bot = Bot()
    with outbox(bot, clock, burst=9) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        logic.on_batch([make_alert(SUMMARY, reason="summary", explained=True)])
        landed(logic)
        logic.on_batch([make_alert("e", reason="escalated", opening=FIRST, explained=True)])
        landed(logic)
        logic.on_batch([make_alert("q", reason="resolved", opening=FIRST, held="held_quiet", explained=True)])
        landed(logic)
        assert [
            ("post", FIRST),
            ("reply", SUMMARY, "1.5"),
            ("update", FIRST, SUMMARY, "1.5"),
            ("broadcast", "e", "1.5"),
            ("update", FIRST, "e", "1.5"),
            ("update", FIRST, "q", "1.5"),
        ] == bot.done


def test_an_update_holds_nothing_back(clock: Any, make_alert: Make) -> None:
    """A card that cannot be shown anew is given up after some attempts, and meanwhile its thread goes on."""
    bot = Bot(OK, DOWN)
    with outbox(bot, clock, burst=9) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        logic.on_batch([make_alert(FIRST, explained=True, explanation={})])
        landed(logic)
        logic.on_batch([make_alert("e", reason="escalated", opening=FIRST, explained=True)])
        landed(logic)
        assert [("post", FIRST), ("broadcast", "e")] == [what[:2] for what in bot.done if what[0] != "update"]
        for _ in range(MAX_UPDATES + 2):
            bot.script = [DOWN, DOWN]
            clock.time += 100
            logic.on_notify()
            landed(logic)
        assert {} == logic.snapshot()


def test_an_update_that_comes_during_one_is_made(clock: Any, make_alert: Make) -> None:
    """What the card shows last is the latest that is known."""
    bot = Bot()
    with outbox(bot, clock, burst=9) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        bot.gate.clear()
        quiet = {"opening": FIRST, "held": "held_quiet", "explained": True}
        logic.on_batch([make_alert("q1", reason="resolved", **quiet)])
        logic.on_batch([make_alert("q2", reason="resolved", **quiet)])
        bot.gate.set()
        landed(logic)
        logic.on_notify()
        landed(logic)
        assert ["q1", "q2"] == [what[2] for what in bot.done if what[0] == "update"]


def test_without_a_card_a_summary_is_a_message(clock: Any, make_alert: Make) -> None:
    """Its opening was in a digest, or the ledger is new: it is told by itself, and nothing is updated."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(SUMMARY, reason="summary", explained=True)])
        landed(logic)
        assert ([("post", SUMMARY)], {}) == (bot.done, logic.snapshot())


def test_what_follows_goes_under_its_parent(clock: Any, make_alert: Make) -> None:
    """A known fault of a cascade is a reply under the fault it follows from, which is not updated by it."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        child = make_alert("c:web:1:first", reason="regressed", parent=FIRST)
        logic.on_batch([make_alert(FIRST), child])
        landed(logic)
        assert [("post", FIRST), ("reply", "c:web:1:first", "1.5")] == bot.done


def test_a_restart_asks_the_channel_first(clock: Any, make_alert: Make) -> None:
    """What Slack accepted as the process died is found by its metadata, and not sent again."""
    bot = Bot()
    bot.in_channel = {FIRST: ("C1", "999999.25")}
    with outbox(bot, clock, {FIRST: ["post", "#test", NOW, 1, make_alert(FIRST)]}) as logic:
        logic.on_notify()
        assert [(FIRST, "sent")] == statuses(landed(logic))
        assert ([], {FIRST: ("C1", "999999.25")}) == (bot.done, bot.places)


def test_a_lost_answer_is_asked_for(clock: Any, make_alert: Make) -> None:
    """After a broken connection the channel is asked before the message is sent again."""
    bot = Bot(DOWN)
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        landed(logic)
        bot.in_channel = {FIRST: ("C1", "999999.25")}
        clock.time = NOW + 60
        logic.on_notify()
        assert [(FIRST, "sent")] == statuses(landed(logic))
        assert 1 == len(bot.posted)


def test_a_channel_that_cannot_be_asked_is_written_to(clock: Any, make_alert: Make) -> None:
    """Without the scope to read it a message twice is better than none."""
    bot = Bot()
    bot.in_channel = None
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST)])
        assert [(FIRST, "sent")] == statuses(landed(logic))


def test_updates_take_no_messages_place(clock: Any, make_alert: Make) -> None:
    """Cards and updates have paces of their own: a new fault is told at once though many cards change."""
    bot = Bot()
    with outbox(bot, clock, burst=2) as logic:
        faults = [f"{name}:api:1:first" for name in "abc"]
        logic.on_batch([make_alert(fault) for fault in faults[:2]])
        landed(logic)
        logic.on_batch([make_alert(fault, explained=True, explanation={}) for fault in faults[:2]])
        landed(logic)
        clock.time = NOW + 1
        logic.on_batch([make_alert(faults[2])])
        landed(logic)
        assert ["post", "post", "update", "update", "post"] == [what for what, *_ in bot.done]


def test_a_channel_that_cannot_be_asked_now_is_waited_for(clock: Any, make_alert: Make) -> None:
    """Slack is down for a moment after a kill: the message waits until it is known whether it is there."""
    bot = Bot()
    bot.silent, bot.in_channel = 2, {FIRST: ("C1", "999999.25")}
    with outbox(bot, clock, {FIRST: ["post", "#test", NOW, 1, make_alert(FIRST)]}, max_attempts=100) as logic:
        for _ in range(3):
            clock.time += 100
            logic.on_notify()
            landed(logic)
        assert ([], {FIRST}, {}) == (bot.done, set(bot.noted), logic.snapshot())


def test_a_channel_that_can_never_be_asked_is_written_to_in_the_end(clock: Any, make_alert: Make) -> None:
    """A message twice is better than none."""
    bot = Bot()
    bot.silent = 1_000
    with outbox(bot, clock, max_attempts=100) as logic:
        logic.on_batch([make_alert(FIRST)])
        for _ in range(MAX_UNASKED + 1):
            landed(logic)
            clock.time += 100
            logic.on_notify()
        landed(logic)
        assert [("post", FIRST)] == bot.done


def test_a_line_of_a_digest_is_found_by_its_mark(clock: Any, make_alert: Make) -> None:
    """A digest that Slack accepted as the process died tells its lines: none is sent again by itself."""
    bot = Bot()
    bot.in_channel = {mark(FIRST): ("C1", "")}
    with outbox(bot, clock, {FIRST: ["post", "#test", NOW, 1, make_alert(FIRST)]}) as logic:
        logic.on_notify()
        assert [(FIRST, "sent")] == statuses(landed(logic))
        assert [] == bot.done


def test_each_channel_is_asked_from_before_the_start(clock: Any, make_alert: Make) -> None:
    """What one channel was sent since must not hide what another had been sent before the kill."""
    bot = Bot()
    bot.noted = {"old": NOW - 5_000}
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert("a:x:1:first", channel="#a")])
        landed(logic)
        logic.on_batch([make_alert("b:x:1:first", channel="#b")])
        landed(logic)
        assert [NOW - 5_000 - RECONCILE_S] * 2 == [since for since, *_ in bot.asked]


def test_a_clock_that_was_set_back_holds_no_message_for_a_day(clock: Any, make_alert: Make) -> None:
    """A message that was queued by a clock a day ahead waits as long as a retry may, and then goes."""
    channel = Channel()
    queued = ["post", "#test", NOW + 86_400, 1, make_alert("a")]
    with outbox(channel, clock, {"a": queued}) as logic:
        assert datetime.fromtimestamp(NOW + 60, UTC) == logic.notify_at()
        clock.time = NOW + 60
        logic.on_notify()
        assert [("a", "sent")] == statuses(landed(logic))


def test_the_ledger_keeps_slacks_time(clock: Any, make_alert: Make) -> None:
    """A bot's message is noted by Slack's clock: by a wrong one of ours the channel would be asked from tomorrow on."""
    bot = Bot()
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert("a", opening="a")])
        landed(logic)

        assert {"a": 1.5} == bot.noted
