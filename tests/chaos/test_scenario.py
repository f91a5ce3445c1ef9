"""Plans are drawn from seeds alone, and together they hold everything that can go wrong."""

from harness.scenario import DEPENDENCIES, LONG_EPOCH_S, SEEDS_OF_TESTS, TWO_IN_A_SLOT, draw

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

    assert {"kill", "term", "outage", "disk", "clock", "reshard"} == {event.kind for event in events}
    assert {"split", "merge", None} == {event.reshard for event in events}
    assert {True, False} == {event.jump_s > 0 for event in events if event.kind == "clock"}
    assert 4 * 7 == len(faults)
    assert {(1, 1), (2, 1), (1, 2), (2, 2)} == layouts
    assert {1, 3, 4, TWO_IN_A_SLOT} == {plan.shards for plan in MANY}
    assert {True, False} == {plan.s3_latency_s > 0 for plan in MANY}


def test_long_epochs_are_killed_after_the_first() -> None:
    """Where epochs last ten seconds, the kill waits for a committed one."""
    kills = [e.gap_s for plan in MANY if plan.epoch_s == LONG_EPOCH_S for e in plan.events if e.kind == "kill"]

    assert [] != kills
    assert LONG_EPOCH_S < min(kills)


def test_the_short_part_has_every_kind() -> None:
    """The seeds of `make test`: each kind of event and dependency, two shards in a slot, `-s 10`, two processes."""
    plans = [draw(seed) for seed in SEEDS_OF_TESTS]
    events = [event for plan in plans for event in plan.events]
    layouts = [plan.layout for plan in plans] + [event.layout for event in events if event.layout is not None]

    assert {"kill", "term", "outage", "disk", "clock", "reshard"} == {event.kind for event in events}
    assert set(DEPENDENCIES) == {event.dependency for event in events if event.dependency is not None}
    assert {TWO_IN_A_SLOT} < {plan.shards for plan in plans}
    assert {LONG_EPOCH_S} < {plan.epoch_s for plan in plans}
    assert {1, 2} == {layout.processes for layout in layouts}
    assert {True, False} == {plan.bot for plan in plans}
    assert {True, False} == {plan.s3_latency_s > 0 for plan in plans}


def test_records_are_few_where_shards_end() -> None:
    """The server whose shards can end is slow: at most 40 records a second, and none of 1 MiB."""
    slow = [plan for plan in MANY if plan.reshards]

    assert [] != slow
    assert max(plan.rate for plan in slow) <= 40
    assert {0} == {plan.large for plan in slow}
