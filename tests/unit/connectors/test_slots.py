"""The fixed partitions: their names are recovery state and never change."""

from collections import Counter

from connectors.slots import SLOTS, slot_number, slot_of, slot_of_name


def test_slots_are_frozen() -> None:
    """64 names, in order: another number or another spelling would orphan every recovery store."""
    assert tuple(f"slot-{n:02d}" for n in range(64)) == SLOTS


def test_a_slot_s_number_is_its_place() -> None:
    """A sink routes a slot to the partition of the same place."""
    assert list(range(64)) == [slot_number(slot) for slot in SLOTS]


def test_shards_spread_evenly() -> None:
    """Contiguous ordinals fill all slots alike, whatever the first is."""
    assert {3} == set(Counter(slot_of(n) for n in range(1_000, 1_192)).values())


def test_a_name_s_slot_is_fixed() -> None:
    """A file's slot is the same in every process: it is no hash of Python's."""
    assert ("slot-38", "slot-00") == (slot_of_name("123456789"), slot_of_name(""))
