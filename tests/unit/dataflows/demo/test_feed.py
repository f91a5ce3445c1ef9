"""What the demo puts, and the truth it keeps."""

import pytest

from connectors.kinesis import KinesisConfig
from dataflows.demo.feed import MALFORMED, Feeder, digest

pytest.importorskip("faker", reason="needs the extra 'demo'")


def _feeder(seconds: float, rate: float) -> Feeder:
    return Feeder(KinesisConfig(), seconds, rate, seed=7)


def test_the_plan_counts_what_comes() -> None:
    """Generated records and malformed ones together are the announced total."""
    feeder = _feeder(4, 500)

    records = list(feeder._records(1_763_764_859.0))

    assert feeder.total == len(records)
    assert 2000 + 2 * len(MALFORMED) == feeder.total
    assert 2 * len(MALFORMED) == feeder.truth.malformed


def test_every_kind_of_malformed_record_is_among_them() -> None:
    """Each kind comes twice, byte for byte."""
    raws = [raw for _, raw in _feeder(2, 100)._records(1_763_764_859.0)]

    assert [2] * len(MALFORMED) == [raws.count(bad) for bad in MALFORMED]


def test_a_storm_occurs() -> None:
    """One fault's records make most of a stretch of the run, so that there is something to hold back."""
    feeder = _feeder(10, 670)
    list(feeder._records(1_763_764_859.0))

    alarming = len(feeder.truth.alarming)
    assert 0.08 * 6700 < alarming < 0.3 * 6700


def test_the_truth_knows_each_alarming_record() -> None:
    """By its bytes: the statement that logged it and when; INFO records are not in it."""
    feeder = _feeder(4, 500)
    raws = {digest(raw) for _, raw in feeder._records(1_763_764_859.0)}

    assert set() == set(feeder.truth.alarming) - raws
    assert feeder.truth.faults() <= {said.source for said in feeder.truth.alarming.values()}
    assert feeder.truth.planted


def test_a_tiny_run_works() -> None:
    """One record is a run, too."""
    feeder = _feeder(0.001, 1)

    assert feeder.total == len(list(feeder._records(1_763_764_859.0)))
