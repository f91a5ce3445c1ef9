"""The cap on new fingerprints."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.fingerprint import Fingerprint, service_fingerprint
from dataflows.domain.new_faults import NewFaultCap


def _print(number: int, coarse: int = 0) -> Fingerprint:
    return Fingerprint(f"f{number}", f"c{coarse}", "message", (), f"boom {number}")


def _used(cap: NewFaultCap, at: float = 0.0, service: str = "api") -> Callable[[int, int], tuple[str, str]]:
    def ask(number: int, coarse: int = 0) -> tuple[str, str]:
        got, fallback = cap.admit(_print(number, coarse), service, at)
        return got.fingerprint, fallback

    return ask


def test_beyond_the_cap_the_coarse_one_is_used() -> None:
    """New faults beyond the cap get the coarse fingerprint; known ones keep theirs."""
    ask = _used(NewFaultCap(2))
    assert [("f1", ""), ("f2", ""), ("c0", "coarse"), ("c0", "coarse"), ("f1", "")] == [
        ask(number) for number in (1, 2, 3, 4, 1)
    ]


def test_coarse_ones_are_capped_too() -> None:
    """When even the coarse fingerprints are new each time, all become one fault of the service."""
    ask = _used(NewFaultCap(1))
    assert [("f1", ""), ("c2", "coarse"), (service_fingerprint("api"), "service")] == [
        ask(number, number) for number in (1, 2, 3)
    ]


def test_a_new_minute_begins_exactly_at_its_edge() -> None:
    """At 59.9 s the cap of the minute holds, at 60 s a new one begins; a late record counts into the new minute."""
    cap = NewFaultCap(1)
    assert ["f1", "c0", "f3", "c0"] == [
        cap.admit(_print(number), "api", at)[0].fingerprint for number, at in ((1, 0.0), (2, 59.9), (3, 60.0), (4, 1.0))
    ]


def test_services_do_not_share_a_cap() -> None:
    """A loud service takes nothing from a quiet one."""
    cap = NewFaultCap(1)
    assert [("f1", ""), ("f2", "")] == [_used(cap, service=name)(number, 0) for name, number in (("a", 1), ("b", 2))]


def test_memory_is_bounded() -> None:
    """The fingerprint unseen for longest is forgotten first, and is then new again."""
    cap = NewFaultCap(1_000, max_known=2)
    ask = _used(cap)
    for number in (1, 2, 1, 3):
        ask(number)
    assert [("api", "f1"), ("api", "f3")] == list(cap._known)


def test_each_process_counts_for_itself() -> None:
    """Two processes let twice as much through, and may name one fault in two ways."""
    one, other = _used(NewFaultCap(1)), _used(NewFaultCap(1))
    assert [("f1", ""), ("c0", "coarse"), ("f2", "")] == [one(1, 0), one(2, 0), other(2, 0)]


def test_a_restart_forgets_what_was_known() -> None:
    """A fault that had its own fingerprint may go under the coarse one after a restart, if others come first."""
    before, after = _used(NewFaultCap(2)), _used(NewFaultCap(2))
    assert [("f1", ""), ("f2", "")] == [before(1, 0), before(2, 0)]
    assert [("f3", ""), ("f4", ""), ("c0", "coarse")] == [after(3, 0), after(4, 0), after(1, 0)]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=300), st.integers(1, 5))
def test_alerts_of_a_minute_are_bounded(faults: list[tuple[int, int]], per_minute: int) -> None:
    """Whatever a service logs, one minute holds at most twice the cap and one fingerprints."""
    ask = _used(NewFaultCap(per_minute))
    assert len({ask(number, coarse)[0] for number, coarse in faults}) <= 2 * per_minute + 1
