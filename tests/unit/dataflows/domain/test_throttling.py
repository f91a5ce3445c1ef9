"""The rules of one bucket: first at once, repeats counted, one summary at the close; in = first + held."""

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.domain.alerts import MAX_PLACES, Alert, Sighting
from dataflows.domain.throttling import CLOSED_S, FUTURE_S, Bucket

LENGTH, GRACE = 300.0, 5.0
W = 999_900.0
"""Start of a window of 300 s."""
Make = Callable[..., Sighting]


@pytest.fixture
def bucket() -> Bucket:
    """An empty bucket."""
    return Bucket(None, LENGTH, GRACE)


def told(alerts: list[Alert]) -> list[tuple[str, float, int]]:
    """Reason, window start and count of alerts."""
    return [(alert["reason"], alert["window_start"], alert["count"]) for alert in alerts]


def test_the_first_is_announced_at_once(bucket: Bucket, make_sighting: Make) -> None:
    """The first record of a fault is an alert with an id made of data."""
    decided = bucket.see([make_sighting(W + 10)], W + 10)
    assert [("first", W, 1)] == told(decided.alerts)
    alert = decided.alerts[0]
    assert (f"f:api:{int(W)}+300:first", "f", "api", False) == (
        alert["id"],
        alert["fingerprint"],
        alert["service"],
        alert["explained"],
    )


def test_repeats_are_held_and_summed_up_once(bucket: Bucket, make_sighting: Make) -> None:
    """Repeats make no alert until the window closes; then one summary has them all, and nothing follows."""
    decided = bucket.see([make_sighting(W + s) for s in (10, 20, 15)], W + 20)
    assert ([("first", W, 1)], 2, 0) == (told(decided.alerts), decided.held_repeat, decided.late)
    closed = bucket.close_due(W + LENGTH + GRACE + 20)
    assert [("summary", W, 3)] == told(closed)
    assert (W + 10, W + 20, True) == (closed[0]["first_seen"], closed[0]["last_seen"], closed[0]["explained"])
    assert ([], None) == (bucket.close_due(W + 100_000), bucket.next_due)


def test_a_window_without_repeats_closes_in_silence(bucket: Bucket, make_sighting: Make) -> None:
    """One record has been told already: no summary."""
    bucket.see([make_sighting(W)], W)
    assert [] == bucket.close_due(W + LENGTH + GRACE)


def test_the_close_comes_exactly_when_due(bucket: Bucket, make_sighting: Make) -> None:
    """A window closes at its end plus grace on the clock, not a moment before."""
    bucket.see([make_sighting(W), make_sighting(W)], W)
    due = W + LENGTH + GRACE
    assert due == bucket.next_due
    assert [] == bucket.close_due(due - 0.001)
    assert [("summary", W, 2)] == told(bucket.close_due(due))


def test_exactly_at_the_edge_a_new_window_begins(bucket: Bucket, make_sighting: Make) -> None:
    """A record at the end of a window is in the next: the old one is summed up, the new one announced."""
    decided = bucket.see([make_sighting(W), make_sighting(W + LENGTH - 0.001), make_sighting(W + LENGTH)], W + LENGTH)
    assert [("first", W, 1), ("summary", W, 2), ("new_window", W + LENGTH, 1)] == told(decided.alerts)
    assert f"f:api:{int(W + LENGTH)}+300:first" == decided.alerts[-1]["id"]


def test_out_of_order_within_a_window(bucket: Bucket, make_sighting: Make) -> None:
    """An older record of the same window is a repeat and moves the first sighting back."""
    bucket.see([make_sighting(W + 50), make_sighting(W + 1)], W + 50)
    assert W + 1 == bucket.close_due(float("inf"))[0]["first_seen"]


def test_a_late_record_does_not_reopen_its_window(bucket: Bucket, make_sighting: Make) -> None:
    """A record of the window before the open one is held and counted as late: nobody is told twice."""
    decided = bucket.see([make_sighting(W), make_sighting(W + LENGTH), make_sighting(W + 1)], W + LENGTH)
    assert ([("first", W, 1), ("new_window", W + LENGTH, 1)], 1, 1) == (
        told(decided.alerts),
        decided.held_repeat,
        decided.late,
    )


def test_a_closed_window_never_opens_again(bucket: Bucket, make_sighting: Make) -> None:
    """A straggler of a closed window is counted as late and told by nobody; the next window is a new one."""
    bucket.see([make_sighting(W)], W)
    bucket.close_due(W + LENGTH + GRACE)
    late = bucket.see([make_sighting(W + 1)], W + 400)
    after = bucket.see([make_sighting(W + LENGTH)], W + 401)
    assert ([], 1) == (late.alerts, late.held_late)
    assert [("new_window", W + LENGTH, 1)] == told(after.alerts)


def test_a_closed_window_is_forgotten_in_time(bucket: Bucket, make_sighting: Make) -> None:
    """What is remembered of a closed window goes after an hour: state does not grow with faults that are over."""
    bucket.see([make_sighting(W)], W)
    bucket.close_due(W + LENGTH + GRACE)
    remembered = len(bucket.state())
    bucket.close_due(W + LENGTH + GRACE + CLOSED_S)
    assert (1, 0, 0) == (remembered, len(bucket.state()), len(bucket))


def test_the_length_of_a_window_is_in_the_id(bucket: Bucket, make_sighting: Make) -> None:
    """After a change of the length no new window takes the id of an old one, which the ledger knows as sent."""
    old = bucket.see([make_sighting(W)], W).alerts[0]["id"]
    longer = Bucket(None, 12 * LENGTH, GRACE).see([make_sighting(W - W % (12 * LENGTH))], W).alerts[0]
    changed = Bucket(bucket.state(), 12 * LENGTH, GRACE).close_due(float("inf"))
    assert old.split(":")[2].split("+")[1] != longer["id"].split(":")[2].split("+")[1]
    assert [] == changed


def test_a_record_from_the_future_is_dated_by_its_arrival(bucket: Bucket, make_sighting: Make) -> None:
    """Beyond the bound a record's time is its arrival, the same at every replay; up to the bound it is believed."""
    far = make_sighting(W + FUTURE_S + 0.1)._replace(arrival_ts=W)
    near = make_sighting(W + FUTURE_S, fault="g:api")._replace(arrival_ts=W)
    assert [("first", W, 1), ("first", W + LENGTH, 1)] == told(bucket.see([far, near], W + 999).alerts)


def test_an_old_window_still_closes_by_the_clock(bucket: Bucket, make_sighting: Make) -> None:
    """Catching up on old records, a window is open for what was left of it, from when it was seen."""
    bucket.see([make_sighting(W + 100)], W + 86_400)
    assert W + 86_400 + 200 + GRACE == bucket.next_due


def test_two_faults_in_a_bucket_do_not_mix(bucket: Bucket, make_sighting: Make) -> None:
    """Each fault has its own window, count and close."""
    one, two = make_sighting(W), make_sighting(W + 299, fault="g:web")
    bucket.see([one, two, one, two, two], W + 299)
    assert [("summary", W, 3)] == told(bucket.close_due(W + 299 + 1 + GRACE))
    assert [("summary", W, 2)] == told(bucket.close_due(W + 299 + LENGTH + GRACE))


def test_places_are_listed_once_and_bounded(bucket: Bucket, make_sighting: Make) -> None:
    """Pods are listed in order of appearance, each once, at most `MAX_PLACES`, and never an empty name."""
    pods = ["", *(f"api-{n % 15}" for n in range(30))]
    bucket.see([make_sighting(W, pod=pod, node="") for pod in pods], W)
    summary = bucket.close_due(float("inf"))[0]
    assert ([f"api-{n}" for n in range(MAX_PLACES)], ["1.0"], []) == (
        summary["place"]["pods"],
        summary["place"]["versions"],
        summary["place"]["nodes"],
    )


def test_an_alert_does_not_change_after_it_left(bucket: Bucket, make_sighting: Make) -> None:
    """What was emitted shares nothing with the state that goes on counting."""
    alert = bucket.see([make_sighting(W)], W).alerts[0]
    bucket.see([make_sighting(W, pod="api-2")], W)
    assert (["api-1"], 1) == (alert["place"]["pods"], alert["count"])


def test_a_crash_and_a_resume_change_nothing(
    bucket: Bucket, make_sighting: Make, assert_plain: Callable[[object], None]
) -> None:
    """State round-trips through pickle as plain data; the resumed bucket closes the window as the first would."""
    bucket.see([make_sighting(W), make_sighting(W + 1, pod="api-2")], W + 1)
    state = bucket.state()
    assert_plain(state)
    resumed = Bucket(pickle.loads(pickle.dumps(state)), LENGTH, GRACE)  # noqa: S301 - our own bytes
    assert bucket.next_due == resumed.next_due
    bucket.see([make_sighting(W + 2)], W + 2)
    resumed.see([make_sighting(W + 2)], W + 2)
    assert bucket.close_due(float("inf")) == resumed.close_due(float("inf"))


def test_a_snapshot_is_a_copy(bucket: Bucket, make_sighting: Make) -> None:
    """The snapshot is pickled later: what happens meanwhile must not be in it."""
    bucket.see([make_sighting(W)], W)
    state = bucket.state()
    before = pickle.dumps(state)
    bucket.see([make_sighting(W, pod="api-2", version="2")], W)
    assert before == pickle.dumps(state)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["f:a", "f:b", "g:a"]), st.integers(0, 2_000), st.booleans()), min_size=1, max_size=60
    )
)
def test_counts_are_conserved(events: list[tuple[str, int, bool]]) -> None:
    """Whatever comes in whatever order: records in = announced + held, and summaries tell all that was held."""
    bucket, now = Bucket(None, LENGTH, GRACE), W
    announced = held = late = 0
    summed = 0
    for fault, offset, close in events:
        seen = Sighting(fault, W + offset, W, "ERROR", "p", "v", "n", "", "r", "message", (), "c", "t", "x")
        decided = bucket.see([seen], now)
        alerts = decided.alerts
        if close:
            now += 200
            alerts = [*alerts, *bucket.close_due(now)]
        announced += sum(alert["reason"] != "summary" for alert in alerts)
        summed += sum(alert["count"] - 1 for alert in alerts if alert["reason"] == "summary")
        held += decided.held_repeat
        late += decided.held_late
    summed += sum(alert["count"] - 1 for alert in bucket.close_due(float("inf")))
    assert (len(events), held) == (announced + held + late, summed)
