"""Throttling and time: records late, early or out of order, a restart, a clock set back, and the end of a replay."""

from fault_life import END, GRACE, HOUR, LENGTH, POLICY, RESOLVE, Life, Make, W, short
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.domain.alerts import Sighting
from dataflows.domain.throttling import FUTURE_S, Bucket


def test_after_a_restart_the_backlog_is_read_first(make_sighting: Make) -> None:
    """Down for an hour: the window is not closed, nor the fault called resolved, before what came since is counted."""
    before = Life()
    before.see(make_sighting(W), make_sighting(W + 1))
    after = Life()
    after.bucket = Bucket(before.bucket.state(), POLICY, W + HOUR)
    assert [] == after.pass_to(W + HOUR + 59)
    assert [] == after.see(make_sighting(W + 2), now=W + HOUR + 59)
    assert (1, 0) == (after.held, after.late)
    assert [("summary", 2)] == after.pass_to(W + HOUR + 60)


def test_a_clock_that_was_set_back_delays_no_window_by_a_day(make_sighting: Make) -> None:
    """Resumed by a clock that is a day behind, a window closes within what any window may take, not tomorrow."""
    before = Life()
    before.see(make_sighting(W), make_sighting(W + 1))
    now = W - 86_400.0
    resumed = Bucket(before.bucket.state(), POLICY, now)

    assert now + LENGTH + GRACE + RESOLVE == resumed.next_due


def test_a_late_record_never_opens_its_window_again(life: Life, make_sighting: Make) -> None:
    """A straggler of a closed window is counted and told by nobody, before and after the fault is resolved."""
    life.see(make_sighting(W))
    life.pass_to(W + LENGTH + GRACE)
    assert [] == life.see(make_sighting(W + 1), now=W + 400)
    life.pass_to(W + HOUR)
    assert [] == life.see(make_sighting(W + 2), now=W + HOUR)
    assert 2 == life.late


def test_a_record_of_an_earlier_window_counts_in_the_open_one(life: Life, make_sighting: Make) -> None:
    """Out of order over an edge: held, in the next summary."""
    life.see(make_sighting(W), make_sighting(W + LENGTH), make_sighting(W + 1))
    assert [("new_window", 1)] == short(life.alerts[1:])
    assert [] == life.pass_to(W + 2 * LENGTH + GRACE)
    assert [("resolved", 1)] == life.pass_to(W + HOUR)


def test_times_out_of_reason_are_those_of_arrival(life: Life, make_sighting: Make) -> None:
    """Beyond the bounds a record's time is its arrival, the same at every replay; up to the bounds it is believed."""
    far = make_sighting(W + FUTURE_S + 0.1)._replace(arrival_ts=W)
    near = make_sighting(W + FUTURE_S, fault="g:api")._replace(arrival_ts=W)
    ancient = make_sighting(3.0, fault="h:api")._replace(arrival_ts=W)
    life.see(far, near, ancient, now=W)
    assert [W, W + LENGTH, W] == [alert["window_start"] for alert in life.alerts]


def test_the_end_of_time_tells_what_is_untold(life: Life, make_sighting: Make) -> None:
    """A replay ends with a summary of everything that was held, and calls nothing resolved."""
    for minute in range(8):
        life.see(make_sighting(W + 60 * minute), make_sighting(W + 60 * minute))
    told = life.pass_to(END)
    assert ({"summary"}, 16) == ({reason for reason, _ in told}, sum(alert["count"] for alert in life.alerts))
    assert (0, None) == (len(life.bucket), life.bucket.next_due)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["f:a", "f:b", "g:a"]), st.integers(0, 12_000), st.integers(0, 700)),
        min_size=1,
        max_size=80,
    )
)
def test_every_record_is_told_once_or_late(events: list[tuple[str, int, int]]) -> None:
    """Whatever comes in whatever order: each record is in the count of exactly one alert, or counted as late."""
    life, now = Life(), W
    for fault, offset, passed in events:
        now += passed
        seen = Sighting(
            fault, W + offset, W + 9e4, "ERROR", "", "p", "v", "n", "", "", "r", "message", (), "c", "t", "x"
        )
        life.see(seen._replace(arrival_ts=max(now, W + offset)), now=now)
    life.pass_to(END)
    episodes = {alert["opening"]: alert["total"] for alert in life.alerts}  # the last alert of each
    told = sum(episodes.values())
    ids = [alert["id"] for alert in life.alerts]
    assert (len(events), len(ids)) == (told + life.late, len(set(ids)))
