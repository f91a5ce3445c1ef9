"""Storms and flapping: above its own past a fault is told at once, once a height; a fault that flaps is one episode."""

from fault_life import GRACE, LENGTH, Life, Make, W

from dataflows.domain.rules import Subject, Verdict


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


def test_a_flapping_fault_becomes_one_episode(life: Life, make_sighting: Make) -> None:
    """A fault that comes back every 25 minutes is asked for more quiet each time, until it counts as going on."""
    told = [pair for n in range(40) for pair in life.see(make_sighting(W + n * 1_500))]
    reasons = [reason for reason, _ in told]
    assert ["first", "held_quiet", "regressed"] == reasons[:3]
    assert reasons.count("regressed") <= 2
    assert len(told) <= 25
