"""The life of a fault: told at once, repeats counted and summed up ever more rarely, its end and its return told."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.domain.alerts import MAX_PLACES, Alert, Sighting
from dataflows.domain.rules import NO_RULES, Subject, Verdict
from dataflows.domain.throttling import FUTURE_S, Bucket, Policy

LENGTH, GRACE, RESOLVE, HOUR = 300.0, 5.0, 900.0, 3_600.0
W = 999_900.0
"""Start of a window of 300 s."""
POLICY = Policy(
    length_s=LENGTH,
    grace_s=GRACE,
    resolve_s=RESOLVE,
    max_repeat_s=HOUR,
    past_s=86_400.0,
    remember_s=7 * 86_400.0,
    max_live=1_000,
    max_gone=1_000,
)
Make = Callable[..., Sighting]
END = float("inf")


class Life:
    """A bucket with a clock that stands at the latest record."""

    def __init__(self, policy: Policy = POLICY, state: Any = None, rules: Any = NO_RULES) -> None:
        self.bucket = Bucket(state, policy)
        self.rules = rules
        self.alerts: list[Alert] = []
        self.held = self.late = self.filtered = self.evicted = 0

    def see(self, *sightings: Sighting, now: float | None = None) -> list[tuple[str, int]]:
        """Let time pass, then count; reason and count of what is told."""
        now = max(s.event_ts for s in sightings) if now is None else now
        told = self.pass_to(now)
        decided = self.bucket.see(sightings, now, self.rules)
        self.alerts += decided.alerts
        self.held += decided.held_repeat
        self.late += decided.held_late
        self.filtered += decided.held_filtered
        self.evicted += decided.evicted
        return told + short(decided.alerts)

    def pass_to(self, now: float) -> list[tuple[str, int]]:
        """Let time pass, as a clock does: every due time is heeded when it comes."""
        told: list[Alert] = []
        while (due := self.bucket.next_due) is not None and due <= now:
            decided = self.bucket.close_due(now if now == END else due, self.rules)
            told += decided.alerts
            self.evicted += decided.evicted
        self.bucket.close_due(now, self.rules)
        self.alerts += told
        return short(told)


def short(alerts: list[Alert]) -> list[tuple[str, int]]:
    """Reason and count."""
    return [(alert["held"] or alert["reason"], alert["count"]) for alert in alerts]


@pytest.fixture
def life() -> Life:
    """An empty bucket."""
    return Life()


def test_the_first_is_told_at_once(life: Life, make_sighting: Make) -> None:
    """The first record of a fault is an alert with an id made of data, and opens its own card."""
    assert [("first", 1)] == life.see(make_sighting(W + 10))
    alert = life.alerts[0]
    name = f"f:api:{int(W)}+300:first"
    assert (name, name, "f", "api", False) == (
        alert["id"],
        alert["opening"],
        alert["fingerprint"],
        alert["service"],
        alert["explained"],
    )


def test_repeats_are_summed_up_at_the_close(life: Life, make_sighting: Make) -> None:
    """A summary tells what came since the fault was told, and how much it was in all."""
    life.see(*(make_sighting(W + s) for s in (10, 20, 15)), now=W + 10)
    assert 2 == life.held
    assert [] == life.pass_to(W + LENGTH + GRACE - 0.1)
    assert [("summary", 2)] == life.pass_to(W + LENGTH + GRACE)
    summary = life.alerts[-1]
    assert (3, 1, W + 10, W + 20, life.alerts[0]["id"], "") == (
        summary["total"],
        summary["told"],
        summary["first_seen"],
        summary["last_seen"],
        summary["opening"],
        summary["text"],
    )


def test_a_fault_that_goes_on_is_summed_up_ever_more_rarely(life: Life, make_sighting: Make) -> None:
    """5, 15, 35, 75, 135, 195 minutes after the opening: doubled, at most an hour; nothing is left out."""
    told = []
    for second in range(0, 4 * 3_600, 10):
        for reason, count in life.see(make_sighting(W + second)):
            told.append((second // 60, reason, count))
    assert [
        (0, "first", 1),
        (5, "summary", 29),
        (15, "summary", 60),
        (35, "summary", 120),
        (75, "summary", 240),
        (135, "summary", 360),
        (195, "summary", 360),
    ] == told


def test_a_fault_that_comes_now_and_then_is_told_again_only_after_a_while(life: Life, make_sighting: Make) -> None:
    """A record every ten minutes: told at growing distance, and every one is counted once."""
    told = [pair for minute in range(0, 180, 10) for pair in life.see(make_sighting(W + 60 * minute))]
    told += life.pass_to(W + 10 * HOUR)
    again = [("new_window", count) for count in (1, 1, 2, 4, 6)]
    assert [("first", 1), *again, ("resolved", 3)] == told


def test_one_record_ends_in_silence(life: Life, make_sighting: Make) -> None:
    """Nobody waits for the end of what was told once."""
    life.see(make_sighting(W))
    assert [] == life.pass_to(W + LENGTH + GRACE)
    assert [("held_quiet", 0)] == life.pass_to(W + LENGTH + GRACE + RESOLVE)
    assert 0 == len(life.bucket)


def test_the_end_is_told_after_quiet_windows(life: Life, make_sighting: Make) -> None:
    """A fault that was told more than once is called resolved, under its own card, with its total."""
    life.see(*(make_sighting(W + n) for n in range(5)), now=W)
    life.pass_to(W + LENGTH + GRACE)
    assert [("resolved", 0)] == life.pass_to(W + LENGTH + GRACE + RESOLVE)
    assert (5, life.alerts[0]["id"]) == (life.alerts[-1]["total"], life.alerts[-1]["opening"])


def test_a_fault_that_is_back_has_regressed(life: Life, make_sighting: Make) -> None:
    """A resolved fault that returns is told at once, with how long it was away, and opens a new card."""
    life.see(make_sighting(W))
    life.pass_to(W + 2 * HOUR)
    back = W + 86_400 * 3
    assert [("regressed", 1)] == life.see(make_sighting(back))
    alert = life.alerts[-1]
    assert (86_400 * 3, alert["id"]) == (alert["absent_s"], alert["opening"])


def test_a_resolved_fault_is_forgotten_in_time(life: Life, make_sighting: Make) -> None:
    """After the time of remembrance a fault is new again."""
    life.see(make_sighting(W))
    life.pass_to(W + HOUR)
    assert [("first", 1)] == life.see(make_sighting(W + POLICY.remember_s + 10))


def test_a_flapping_fault_becomes_one_episode(life: Life, make_sighting: Make) -> None:
    """A fault that comes back every 25 minutes is asked for more quiet each time, until it counts as going on."""
    told = [pair for n in range(40) for pair in life.see(make_sighting(W + n * 1_500))]
    reasons = [reason for reason, _ in told]
    assert ["first", "held_quiet", "regressed"] == reasons[:3]
    assert reasons.count("regressed") <= 2
    assert len(told) <= 25


def test_a_storm_above_the_faults_own_past_is_told_at_once(life: Life, make_sighting: Make) -> None:
    """Three windows of 10 records, then 60 in one: told when the limit is passed, once, and the rest summed up."""
    for window in range(3):
        life.see(*(make_sighting(W + window * LENGTH + n) for n in range(10)))
    told = life.see(*(make_sighting(W + 3 * LENGTH + n) for n in range(60)), now=W + 3 * LENGTH)
    escalated = [pair for pair in told if pair[0] == "escalated"]
    assert 1 == len(escalated)
    assert (10.0, True) == (life.alerts[-1]["usual"], 20 < escalated[0][1] < 60)
    rest = life.pass_to(W + 4 * LENGTH + GRACE)
    assert [("summary", 60 - escalated[0][1])] == rest
    assert f"f:api:{int(W + 3 * LENGTH)}+300:escalated" == life.alerts[-2]["id"]


def test_a_storm_that_lasts_is_told_once(life: Life, make_sighting: Make) -> None:
    """The same height again is no news; twice the height is; and after a calm it is news once more."""
    counts = [10, 10, 10, 60, 60, 60, 60, 150, 10, 10, 10, 60]
    told = []
    for window, count in enumerate(counts):
        alerts = life.see(*(make_sighting(W + window * LENGTH + n) for n in range(count)))
        told += [window for reason, _ in alerts if reason == "escalated"]
    assert [3, 7, 11] == told


def test_an_escalation_tells_of_its_own_window(life: Life, make_sighting: Make) -> None:
    """Its count came between the window's start and now, whenever the fault was last told."""
    for window in range(3):
        life.see(*(make_sighting(W + window * LENGTH + n) for n in range(10)))
    life.see(*(make_sighting(W + 3 * LENGTH + n) for n in range(60)), now=W + 3 * LENGTH)
    (alert,) = [alert for alert in life.alerts if alert["reason"] == "escalated"]
    assert (W + 3 * LENGTH, alert["last_seen"]) == (alert["window_start"], alert["window_end"])


def test_windows_of_another_length_compare_with_nothing(make_sighting: Make) -> None:
    """A rule that makes windows longer must not make a steady fault an escalation."""

    class Rules:
        """A length that a test sets."""

        version, length = "1", 60.0

        def judge(self, subject: Subject) -> Verdict:
            """The length."""
            del subject
            return Verdict(True, self.length, "error", "", "", "")

    rules = Rules()
    life = Life(rules=rules)
    for second in range(0, 600, 6):
        life.see(make_sighting(W + second))
    rules.length = 600.0
    told = [reason for second in range(600, 1_800, 6) for reason, _ in life.see(make_sighting(W + second))]
    assert "escalated" not in told


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


def test_a_rule_may_hold_a_fault_and_set_its_window(make_sighting: Make) -> None:
    """What is not admitted is counted as filtered; another window length is in the id."""

    class Rules:
        """Holds service `web`; gives the rest windows of a minute, and a route."""

        version = "1"

        def judge(self, subject: Subject) -> Verdict:
            """By service."""
            return Verdict(subject.service != "web", 60.0, "critical", "payments", "#pay", "here")

    life = Life(rules=Rules())
    life.see(make_sighting(W), make_sighting(W, fault="f:web"))
    (alert,) = life.alerts
    assert (1, f"f:api:{int(W)}+60:first") == (life.filtered, alert["id"])
    assert ("critical", "payments", "#pay", "here") == (
        alert["severity"],
        alert["team"],
        alert["channel"],
        alert["mention"],
    )


def test_places_are_listed_once_and_bounded(life: Life, make_sighting: Make) -> None:
    """Pods are listed in order of appearance, each once, at most `MAX_PLACES`, and never an empty name."""
    pods = ["", *(f"api-{n % 15}" for n in range(30))]
    life.see(*(make_sighting(W, pod=pod, node="") for pod in pods))
    life.pass_to(END)
    place = life.alerts[-1]["place"]
    assert ([f"api-{n}" for n in range(MAX_PLACES)], ["1.0"], []) == (place["pods"], place["versions"], place["nodes"])


def test_too_many_faults_cut_the_oldest_short(make_sighting: Make) -> None:
    """Beyond the bound the fault that is due next is told, counted and remembered: it does not come as new."""
    life = Life(POLICY._replace(max_live=2, max_gone=2))
    life.see(make_sighting(W, fault="a:api"), make_sighting(W, fault="a:api"))
    life.see(make_sighting(W + 1.5, fault="b:api"), now=W + 2)
    assert [("summary", 1), ("first", 1)] == life.see(make_sighting(W + 2, fault="c:api"))
    assert (2, 1) == (len(life.bucket), life.evicted)
    assert [] == life.see(make_sighting(W + 3, fault="a:api"))
    assert [("regressed", 1)] == life.see(make_sighting(W + LENGTH, fault="a:api"))[-1:]


def test_the_end_of_time_tells_what_is_untold(life: Life, make_sighting: Make) -> None:
    """A replay ends with a summary of everything that was held, and calls nothing resolved."""
    for minute in range(8):
        life.see(make_sighting(W + 60 * minute), make_sighting(W + 60 * minute))
    told = life.pass_to(END)
    assert ({"summary"}, 16) == ({reason for reason, _ in told}, sum(alert["count"] for alert in life.alerts))
    assert (0, None) == (len(life.bucket), life.bucket.next_due)


def test_a_crash_and_a_resume_change_nothing(
    life: Life, make_sighting: Make, assert_plain: Callable[[object], None]
) -> None:
    """State round-trips through pickle as plain data; the resumed bucket goes on as the first would."""
    life.see(make_sighting(W), make_sighting(W + 1, pod="api-2"), make_sighting(W, fault="g:api"))
    life.pass_to(W + HOUR)
    life.see(make_sighting(W + HOUR))
    state = life.bucket.state()
    assert_plain(state)
    resumed = Life(state=pickle.loads(pickle.dumps(state)))  # noqa: S301 - our own bytes
    assert life.bucket.next_due == resumed.bucket.next_due
    for each in (life, resumed):
        each.alerts = []
        each.see(make_sighting(W + HOUR + 2), make_sighting(W + HOUR + 3, fault="g:api"))
        each.pass_to(W + 2 * HOUR)
    assert life.alerts == resumed.alerts
    assert life.bucket.state() == resumed.bucket.state()


def test_a_snapshot_is_a_copy(life: Life, make_sighting: Make) -> None:
    """The snapshot is pickled later: what happens meanwhile must not be in it."""
    life.see(make_sighting(W))
    state = life.bucket.state()
    before = pickle.dumps(state)
    life.see(make_sighting(W, pod="api-2", version="2"), make_sighting(W, fault="new:api"))
    life.pass_to(W + HOUR)
    assert before == pickle.dumps(state)


def test_a_fault_is_small(make_sighting: Make) -> None:
    """A live fault with full places and a long past takes at most 400 bytes of state on average; a resolved one 80."""
    life = Life(POLICY._replace(max_live=5_000, max_gone=5_000))
    for n in range(2_000):
        name = f"{n:016x}:checkout-service"
        template = f"Failed to reserve stock for order <*>: upstream inventory answered <*> after <*> ms, attempt {n}"
        seen = make_sighting(
            W, fault=name, pod=f"checkout-service-7d9f{n % 50}", node=f"ip-10-0-{n % 9}.ec2", template=template
        )
        life.see(*(seen._replace(event_ts=W + window * LENGTH, pod=f"{seen.pod}-{window}") for window in range(2)))
    live = len(pickle.dumps(life.bucket.state())) / 2_000
    life.pass_to(W + 4 * HOUR)
    gone = len(pickle.dumps(life.bucket.state())) / 2_000
    assert (True, True) == (live <= 400, gone <= 80), (live, gone)


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


def test_a_clock_that_was_set_back_delays_no_window_by_a_day(make_sighting: Make) -> None:
    """Resumed by a clock that is a day behind, a window closes within what any window may take, not tomorrow."""
    before = Life()
    before.see(make_sighting(W), make_sighting(W + 1))
    now = W - 86_400.0
    resumed = Bucket(before.bucket.state(), POLICY, now)

    assert now + LENGTH + GRACE + RESOLVE == resumed.next_due
