"""The outbox: each alert once, after its explanation or without it, and what the ledger knows of it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from scripted_channel import NOW, Channel, Make, landed, outbox, statuses


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


def test_a_slow_post_is_looked_for_less_often(clock: Any, make_alert: Make) -> None:
    """Soon after the post, the outbox looks within 10 ms whether it ended; half a second later, within 50 ms."""
    channel = Channel()
    channel.gate.clear()
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        for begun_ago_s, pause in ((0.0, timedelta(milliseconds=10)), (60.0, timedelta(milliseconds=50))):
            logic._launched = time.monotonic() - begun_ago_s
            earliest, look, latest = datetime.now(UTC), logic.notify_at(), datetime.now(UTC)
            assert earliest + pause <= look <= latest + pause
        channel.gate.set()


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
