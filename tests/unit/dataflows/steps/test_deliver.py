"""The outbox: each alert once, in order, at the channel's pace, through every kind of answer."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from connectors.slack import LedgerError, Outcome, PostResult
from dataflows.domain.alerts import Alert, Delivery
from dataflows.steps.deliver import MAX_REMEMBERED, Delivering, _DeliverLogic

Make = Callable[..., Alert]
NOW = 1_000_000.0
LIMIT_S = 10.0
OK = PostResult(Outcome.ACCEPTED)
LATER = PostResult(Outcome.RATE_LIMITED, retry_after_s=30.0)
DOWN = PostResult(Outcome.TRANSIENT, detail="ConnectionError")
NEVER = PostResult(Outcome.TERMINAL, detail="invalid_blocks")


class Channel:
    """A messenger with scripted answers, then acceptance; and the ledger beside it."""

    channel = "#test"

    def __init__(self, *script: PostResult | Exception) -> None:
        self.script = list(script)
        self.posted: list[Alert] = []
        self.gate = threading.Event()
        self.gate.set()
        self.noted: dict[str, float] = {}
        self.ledger_down = False

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

    def record(self, key: str, sent_ts: float, channel: str) -> None:
        """Note it."""
        if self.ledger_down:
            msg = "down"
            raise LedgerError(msg)
        self.noted[key] = sent_ts

    @property
    def ids(self) -> list[str]:
        """Ids of what was posted, in order."""
        return [alert["id"] for alert in self.posted]


@contextmanager
def outbox(channel: Channel, clock: Any, resume: dict[str, list[Any]] | None = None, **how: Any) -> Iterator[Any]:
    """The step's logic; its thread is ended."""
    given: dict[str, Any] = {
        "wait_for_analysis_s": 8.0,
        "min_interval_s": 1.0,
        "burst": 3,
        "max_attempts": 3,
        "backoff_s": 1.0,
        "max_backoff_s": 60.0,
    }
    logic = _DeliverLogic(Delivering(messenger=channel, ledger=channel, clock=clock, **(given | how)), resume)
    try:
        yield logic
    finally:
        channel.gate.set()
        logic._pool.shutdown(wait=True)


def landed(logic: Any) -> list[Delivery]:
    """What comes out once the post in flight is answered, until nothing more is due now."""
    out: list[Delivery] = []
    while logic._flying is not None:
        wait([logic._flying[1]], LIMIT_S)
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
    queued = [NOW + 5, 0, make_alert("a", explained=True, text="told")]
    with outbox(channel, clock, {"a": queued}) as logic:
        (waiting,) = logic.on_batch([make_alert("a")])[0]
        assert ("told", "told") == (waiting["alert"]["text"], logic.snapshot()["a"][2]["text"])


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
    with outbox(channel, clock, {"b": [NOW, 1, make_alert("b")]}) as logic:
        out = [*logic.on_batch([make_alert("a")])[0], *landed(logic)]
        assert ([("a", "sent"), ("b", "sent")], []) == (statuses(out), channel.posted)


def test_a_rate_limit_pauses_all_and_costs_no_attempt(clock: Any, make_alert: Make) -> None:
    """After a 429 nothing goes out until Slack's time is over, and the message has all its attempts left."""
    channel = Channel(LATER, LATER, LATER, LATER)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a"), make_alert("b")])
        for n in range(4):
            assert [] == landed(logic)
            assert (n + 1, 0) == (len(channel.posted), logic.snapshot()["a"][1])
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
            pause = logic.snapshot()["a"][0] - clock.time
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
        assert NOW + 90 == logic.snapshot()["a"][0]


def test_an_explanation_does_not_cut_a_back_off_short(clock: Any, make_alert: Make) -> None:
    """A message that was refused once keeps its pause when its explanation comes, and is sent with it."""
    channel = Channel(DOWN)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        due = logic.snapshot()["a"][0]
        logic.on_batch([make_alert("a", explained=True, text="told")])
        assert (due, None) == (logic.snapshot()["a"][0], logic._flying)
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
    assert {"a": 1, "b": 1} == {key: entry[1] for key, entry in state.items()}  # b was in flight
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
        assert (MAX_REMEMBERED, "5") == (len(logic._accepted), next(iter(logic._accepted)))


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
