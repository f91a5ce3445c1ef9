"""When things happen: storms."""

from collections import Counter
from random import Random

import pytest

from dataflows.generate.faults import Fault
from dataflows.generate.script import Script, Storms


@pytest.mark.parametrize(
    ("index", "inside"), [(0, False), (9, False), (10, True), (14, True), (15, False), (110, True), (115, False)]
)
def test_storms_begin_and_end_at_their_edges(index: int, inside: bool) -> None:  # noqa: FBT001 -- a table's column
    """A storm holds `size` records from `first` on, and again every `every` records."""
    assert Storms(first=10, every=100, size=5).contains(index) is inside


def test_a_storm_is_thousands_of_records_of_one_scenario() -> None:
    """Inside a storm one scenario makes up most of the records; before and after it, hardly any."""
    script = Script(Random(3), Storms(first=1_000, every=10_000, size=2_500))  # noqa: S311 -- no secret
    kinds = [cue.source.scenario if isinstance(cue.source, Fault) else "" for cue in map(script.cue, range(5_000))]
    inside = Counter(kinds[1_000:3_500])
    scenario, count = inside.most_common(1)[0]
    assert scenario != ""
    assert count > 2_000
    assert sum(1 for kind in kinds[:1_000] + kinds[3_600:] if kind) < 0.08 * 2_400


def test_without_storms_the_calm_goes_on() -> None:
    """`None` means never."""
    script = Script(Random(3), None)  # noqa: S311 -- no secret
    faults = sum(1 for index in range(30_000) if isinstance(script.cue(index).source, Fault))
    assert 0.022 * 30_000 <= faults <= 0.038 * 30_000


@pytest.mark.parametrize(("first", "every", "size"), [(-1, 10, 5), (0, 10, 0), (0, 10, 11)])
def test_impossible_storms_are_refused(first: int, every: int, size: int) -> None:
    """The error shows the values."""
    with pytest.raises(ValueError, match=f"first={first}, every={every}, size={size}"):
        Storms(first=first, every=every, size=size)
