"""Shard lineage: every shard is read, after its parents, by exactly one slot."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connectors.kinesis.shards import Shard, slot_of_shard, waits_for
from connectors.slots import SLOTS

MAX_KEY = 2**128


@st.composite
def reshards(draw: st.DrawFn) -> tuple[dict[str, Shard], dict[str, tuple[int, int]]]:
    """A stream after random splits and merges: its lineage, and the hash range of each shard."""
    first = draw(st.integers(1, 6))
    step = MAX_KEY // first
    ranges = [(i * step, (i + 1) * step if i < first - 1 else MAX_KEY) for i in range(first)]
    shards = {_name(i): Shard(_name(i), ()) for i in range(first)}
    held = {_name(i): r for i, r in enumerate(ranges)}
    live = list(shards)
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.booleans()) or len(live) < 2:
            parent = live.pop(draw(st.integers(0, len(live) - 1)))
            low, high = held[parent]
            middle = (low + high) // 2
            for part in ((low, middle), (middle, high)):
                child = _name(len(shards))
                shards[child], held[child] = Shard(child, (parent,)), part
                live.append(child)
        else:
            live.sort(key=lambda shard_id: held[shard_id])
            at = draw(st.integers(0, len(live) - 2))
            left, right = live[at], live[at + 1]
            child = _name(len(shards))
            shards[child], held[child] = Shard(child, (left, right)), (held[left][0], held[right][1])
            live = [shard_id for shard_id in live if shard_id not in {left, right}] + [child]
    return shards, held


def _name(ordinal: int) -> str:
    return f"shardId-{ordinal:012d}"


@given(reshards())
def test_hash_range_complete_over_random_reshards(made: tuple[dict[str, Shard], dict[str, tuple[int, int]]]) -> None:
    """Reading what may be read, generation by generation, reads every shard once, and the live ones cover all keys."""
    shards, held = made
    finished: set[str] = set()
    order: list[str] = []
    while len(order) < len(shards):
        ready = [s for s in shards if s not in finished and not waits_for(shards[s], shards, finished, set(shards))]
        assert ready
        order += ready
        finished |= set(ready)
    parents = {parent for shard in shards.values() for parent in shard.parents}
    live = sorted(held[shard_id] for shard_id in shards if shard_id not in parents)

    assert sorted(shards) == sorted(order)
    assert all(order.index(parent) < order.index(s) for s in shards for parent in shards[s].parents)
    assert (0, MAX_KEY) == (live[0][0], live[-1][1])
    assert all(a[1] == b[0] for a, b in pairwise(live))


@given(st.integers(0, 100_000))
def test_a_shard_has_one_slot(ordinal: int) -> None:
    """The slot follows from the ordinal alone, evenly for contiguous ordinals."""
    assert SLOTS[ordinal % 64] == slot_of_shard(_name(ordinal))


def test_an_unlisted_open_parent_still_holds_its_child() -> None:
    """A list that forgets a parent that is being read lets no child start; one that has expired does."""
    child = Shard("c", ("a", "b"))

    assert ["a"] == waits_for(child, {}, {"b"}, {"a"})
    assert [] == waits_for(child, {}, set(), set())
    assert ["a", "b"] == waits_for(child, {"a": Shard("a", ()), "b": Shard("b", ())}, set(), set())
