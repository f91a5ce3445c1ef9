"""Numbers of the closing table."""

import math

import pytest

from dataflows.demo.table import percentile


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3.0, 1.0, 2.0], 50, 2.0), ([1.0, 2.0, 3.0, 4.0], 50, 2.0), ([float(n) for n in range(1, 101)], 95, 95.0)],
)
def test_percentiles_are_values_that_occurred(values: list[float], percent: float, expected: float) -> None:
    """Nearest rank: no interpolation between two latencies that nobody saw."""
    assert expected == percentile(values, percent)


def test_nothing_has_no_percentile() -> None:
    """A run without alerts shows no latency instead of failing."""
    assert math.isnan(percentile([], 95))
