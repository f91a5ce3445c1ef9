"""Plans are drawn from seeds alone, and together they hold everything that can go wrong."""

from harness.scenario import LONG_EPOCH_S, TWO_IN_A_SLOT, draw

MANY = [draw(seed) for seed in range(1, 201)]


def test_a_seed_has_one_plan() -> None:
    """The same seed draws the same plan, another one another."""
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_two_hundred_seeds_break_everything() -> None:
    """Every dependency fails in every way, and every kind of event, layout and stream comes."""
    events = [event for plan in MANY for event in plan.events]
    faults = {(event.dependency, event.fault.kind) for event in events if event.fault is not None}
    layouts = {(e.layout.workers, e.layout.processes) for e in events if e.layout is not None}

    assert {"kill", "term", "outage", "disk"} == {event.kind for event in events}
    assert 4 * 6 == len(faults)
    assert {(1, 1), (2, 1), (1, 2), (2, 2)} == layouts
    assert {1, 3, 4, TWO_IN_A_SLOT} == {plan.shards for plan in MANY}
    assert {True, False} == {plan.s3_latency_s > 0 for plan in MANY}


def test_long_epochs_are_killed_after_the_first() -> None:
    """Where epochs last ten seconds, the kill waits for a committed one."""
    kills = [e.gap_s for plan in MANY if plan.epoch_s == LONG_EPOCH_S for e in plan.events if e.kind == "kill"]

    assert [] != kills
    assert LONG_EPOCH_S < min(kills)
