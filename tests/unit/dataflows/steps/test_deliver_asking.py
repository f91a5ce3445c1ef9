"""A bot that does not know whether a message arrived asks the channel before it writes again."""

from datetime import UTC, datetime
from typing import Any

from scripted_channel import DOWN, FIRST, NOW, SUMMARY, Bot, Channel, Make, landed, outbox, statuses

from dataflows.steps.posting import MAX_UNASKED, RECONCILE_S, mark


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


def test_a_ledger_that_is_down_holds_no_alert_back(clock: Any, make_alert: Make) -> None:
    """With a bot as with a webhook: a message twice, or beside its card, is better than none."""
    bot = Bot()
    bot.ledger_down = True
    bot.in_channel = {"other": ("C1", "1.5")}
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST, explained=True), make_alert(SUMMARY, reason="summary", explained=True)])
        assert [(FIRST, "sent"), (SUMMARY, "sent")] == statuses(landed(logic))


def test_what_the_channel_has_is_not_sent_again_though_the_ledger_is_full(clock: Any, make_alert: Make) -> None:
    """Slack says what it has: that the ledger cannot note it is no reason to send it twice."""
    bot = Bot(DOWN)
    bot.ledger_full = True
    with outbox(bot, clock) as logic:
        logic.on_batch([make_alert(FIRST, explained=True)])
        landed(logic)
        bot.in_channel = {FIRST: ("C1", "1.5"), "other": ("C1", "1.6")}
        clock.time = NOW + 5
        logic.on_notify()
        assert [(FIRST, "sent")] == statuses(landed(logic))
        assert [("post", FIRST)] == bot.done
