"""How much `benchmarks/page.py` runs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Plan(NamedTuple):
    """Records and repeats of each table."""

    records: int
    repeats: int
    swept: int
    """Records of each point of a sweep."""
    again: int
    """Repeats of each point."""
    shares: Sequence[float]
    faults: Sequence[int]
    by_faults: int
    """Records of each number of live faults: more than of other points, since what is asked is whether they differ."""
    by_faults_again: int
    sizes: Mapping[int, int]
    """Records by their size in bytes."""


FULL = Plan(
    records=50_000,
    repeats=3,
    swept=15_000,
    again=2,
    shares=(0.001, 0.01, 0.03, 0.1, 0.3, 0.5),
    faults=(1_000, 20_000, 200_000),
    by_faults=60_000,
    by_faults_again=3,
    sizes={200: 15_000, 580: 15_000, 2_000: 6_000, 10_000: 1_500, 100_000: 200},
)
QUICK = Plan(
    records=6_000,
    repeats=1,
    swept=3_000,
    again=1,
    shares=(0.01, 0.3),
    faults=(1_000, 5_000),
    by_faults=6_000,
    by_faults_again=1,
    sizes={200: 3_000, 2_000: 2_000},
)
