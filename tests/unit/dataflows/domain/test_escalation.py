"""When a count is out of the ordinary for its fault."""

import pytest

from dataflows.domain.escalation import MIN_COUNT, limit


@pytest.mark.parametrize(
    ("history", "last", "expected"),
    [
        ((), 0, 0),
        ((10, 10), 0, 0),  # too few to say what is usual
        ((0, 0, 0), 0, MIN_COUNT),
        ((10, 10, 10), 0, 21),  # 10 + 3.5 * sqrt(10)
        ((100, 100, 100, 100), 0, 200),  # at least twice the usual
        ((100, 400, 100, 100, 90), 0, 200),  # one earlier storm does not hide the next
        ((20, 60, 100, 140, 180), 0, 307),  # 100 + 3.5 * 40 / 0.6745: what scatters widely must rise widely
        ((10, 10, 10), 60, 120),  # twice what was told
    ],
)
def test_the_limit(history: tuple[int, ...], last: int, expected: int) -> None:
    """Median and MAD of the past windows, as in the module's source."""
    assert expected == limit(history, last)
