"""What goes before what, what is kept over a restart, and how much may wait."""

import pickle
import threading
from collections.abc import Callable
from typing import Any

from scripted_channel import DOWN, LATER, NEVER, NOW, Channel, Make, landed, outbox, statuses

from connectors.slack import Outcome, PostResult
from dataflows.steps.deliver import MAX_QUEUED, MAX_REMEMBERED


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
    lines = [{"id": name, "reason": "first"} for name in ("a", "b", "c")]
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
        lines = [{"id": name, "reason": "first"} for name in ("a", "b")]
        logic.on_batch([make_alert("digest:y", reason="digest", lines=lines, explained=True)])
        assert [("digest:y", "sent")] == statuses(landed(logic))
        assert [] == channel.posted


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


def test_a_channel_that_is_down_costs_no_other_its_news(clock: Any, make_alert: Make) -> None:
    """The newest of what waits for it gives way, not what another channel would be told."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=600.0) as logic:
        logic.on_batch([make_alert(f"{n}:api:1:first", channel="#gone") for n in range(MAX_QUEUED)])
        told = logic.on_batch([make_alert("new:api:1:first", channel="#well")])[0]
        assert [("new:api:1:first", "waiting")] == [pair for pair in statuses(told) if pair[1] != "dead"]
        assert [(f"{MAX_QUEUED - 1}:api:1:first", "the outbox is full")] == channel.refused


def test_what_was_given_up_is_dead_once(clock: Any, make_alert: Make) -> None:
    """Its explanation comes later: no second dead letter, and nothing sent that is in the dead letters."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=600.0) as logic:
        ids = [f"{n}:api:1:first" for n in range(MAX_QUEUED + 1)]
        logic.on_batch([make_alert(one) for one in ids])
        told = logic.on_batch([make_alert(ids[-1], explained=True)])[0]
        assert [(ids[-1], "dead")] == statuses(told)
        assert [(ids[-1], "the outbox is full")] == channel.refused


def test_what_only_counts_costs_no_other_channel_its_news(clock: Any, make_alert: Make) -> None:
    """Where nothing but news waits a summary of another channel is given up itself."""
    channel = Channel()
    with outbox(channel, clock, wait_for_analysis_s=600.0) as logic:
        logic.on_batch([make_alert(f"{n}:api:1:first", channel="#gone") for n in range(MAX_QUEUED)])
        logic.on_batch([make_alert("s:api:1:summary", reason="summary", channel="#well")])
        assert [("s:api:1:summary", "the outbox is full")] == channel.refused


def test_a_digest_with_a_new_fault_among_its_lines_is_news(clock: Any, make_alert: Make) -> None:
    """In a full outbox it gives way to nothing, and it goes before what only counts."""
    lines = [{"id": name, "reason": reason} for name, reason in (("a", "summary"), ("b", "first"))]
    digest = make_alert("digest:y", reason="digest", lines=lines, explained=True)
    full = Channel()
    with outbox(full, clock, wait_for_analysis_s=600.0, burst=0) as logic:
        logic.on_batch([digest, *(make_alert(f"{n}:api:1:first") for n in range(MAX_QUEUED))])
        assert [(f"{MAX_QUEUED - 1}:api:1:first", "the outbox is full")] == full.refused
    channel = Channel()
    with outbox(channel, clock, burst=1) as logic:
        logic.on_batch([make_alert(f"{n}:s:1:summary", reason="summary", explained=True) for n in range(2)])
        landed(logic)
        logic.on_batch([digest])
        clock.time = NOW + 1
        logic.on_notify()
        assert [("digest:y", "sent")] == statuses(landed(logic))


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
