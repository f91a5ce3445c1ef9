"""Every kind of answer: rate limits, faults, refusals, and the pace of a channel."""

from datetime import UTC, datetime
from typing import Any

from scripted_channel import DOWN, LATER, NEVER, NOW, Channel, Make, landed, outbox, statuses

from connectors.slack import Outcome, PostResult


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


def test_dead_alerts_are_dead_letters(clock: Any, make_alert: Make) -> None:
    """What nobody will be told of leaves a letter that says why."""
    channel = Channel(NEVER)
    with outbox(channel, clock, wait_for_analysis_s=0.0) as logic:
        logic.on_batch([make_alert("a")])
        landed(logic)
        assert [("a", "invalid_blocks")] == channel.refused
