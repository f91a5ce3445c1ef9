"""The life of a fault: told at once, repeats counted and summed up ever more rarely, its end and its return told."""

from fault_life import GRACE, HOUR, LENGTH, POLICY, RESOLVE, Life, Make, W

from dataflows.domain.rules import Subject, Verdict


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
