"""The soak's own parts: what it feeds is unique and repeatable, and what it counts as stored is."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("faker", reason="needs the extra 'demo'")

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
START = 1_795_000_000.25


@pytest.fixture(scope="module")
def records() -> Iterator[ModuleType]:
    """What the soak reads, as a module; it lies in no package."""
    yield from _module("soak_records")


@pytest.fixture(scope="module")
def soak() -> Iterator[ModuleType]:
    """What judges the soak, as a module."""
    yield from _module("soak_report")


def _module(name: str) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module(name)
    sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def feed(records: ModuleType) -> Any:
    """Two minutes of a stream of 100 records a second on four shards; a `soak_records.Feed`."""
    return records.Feed(100, 4, START, 120.0)


def test_no_two_records_are_equal_and_each_can_be_asked_for_again(feed: Any) -> None:
    """Each carries its own time, so none is taken for a copy; a page that is read twice is the same."""
    first = [feed.record(shard, index) for index in range(500) for shard in range(4)]
    again = [feed.record(shard, index) for index in range(500) for shard in range(4)]
    assert (first, 2_000) == (again, len(set(first)))


def test_a_record_is_dated_when_it_arrives(feed: Any) -> None:
    """Record 5 of shard 1 is number 21 of 100 a second: 0.46 s after the second in which the stream began."""
    assert START + 0.21 == feed.arrival(1, 5)
    assert b'"time":"2026-11-18T11:06:40.460000000Z"' in feed.record(1, 5)


def test_three_of_a_hundred_records_are_alarming(records: ModuleType, feed: Any) -> None:
    """One in 33 is of WARN or above, and new faults come each minute."""
    lines = [feed.record(n % 4, n // 4) for n in range(12_000)]
    alarming = sum(records._is_alarming(line) for line in lines)
    new = {line.split(b"com.example.soak.")[1].split(b'"')[0] for line in lines if b'"app":"soak"' in line}
    assert (364, 6) == (alarming, len(new))


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-1.0, 0), (0.0, 1), (0.03, 1), (0.05, 2), (1.0, 26), (999.0, 3_000)]
)
def test_records_arrive_with_the_clock(feed: Any, seconds: float, expected: int) -> None:
    """Before the start there is nothing, then a shard's share of the rate, and at the end all."""
    assert expected == feed.available(0, START + seconds)


def test_a_sequence_number_tells_its_place(feed: Any) -> None:
    """Shard and index come back out of a sequence number, and numbers of a shard rise."""
    assert (3, 41) == feed.place(feed.sequence(3, 41))
    assert feed.sequence(3, 42) == feed.sequence(3, 41) + 1


def test_faults_have_names_of_their_own(records: ModuleType) -> None:
    """Letters alone tell 1,000 faults apart: a fingerprint does not see digits."""
    names = {records.name_of_fault(number) for number in range(1_000)}
    assert (1_000, True) == (len(names), all(name.isalpha() for name in names))


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], (0, 0)),
        ([(0, 10), (10, 20)], (20, 0)),
        ([(10, 20), (0, 10)], (20, 0)),
        ([(0, 10), (12, 20)], (18, 0)),
        ([(0, 10), (5, 15)], (15, 5)),
        ([(0, 20), (5, 15)], (20, 10)),
        ([(0, 10), (0, 10)], (10, 10)),
    ],
)
def test_coverage_counts_gaps_and_doubles(
    records: ModuleType, runs: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    """How many different records were stored, and how many once more than once; order does not matter."""
    assert expected == records.coverage(runs)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 50.0, 100.0, 100.0, 100.0, 100.0], 0.0),
        ([1.0] * 10 + [100.0, 100.0, 105.0, 105.0, 105.0, 105.0, 105.0, 105.0, 110.0, 110.0], 0.1),
        ([1.0] * 10 + [100.0] * 9 + [900.0], 4.0),
    ],
)
def test_growth_is_that_of_the_second_half(soak: ModuleType, values: list[float], expected: float) -> None:
    """What warms up in the first half does not count; the ends are compared by their medians."""
    assert expected == pytest.approx(soak.growth(values))


REPORT = {"planned": 900, "archived": 900, "doubled": 0, "wrong": [], "documents": {"logs": 27, "alerts": 1}}
METRICS = "# TYPE cali_kinesis_records counter\ncali_kinesis_records_total %d\n# TYPE cali_pieces_alarming counter\n"


@pytest.mark.parametrize(
    ("read", "report", "rss", "minutes", "expected"),
    [
        (900, {}, (100, 104), 30.0, []),
        (900, {}, (100, 106), 30.0, ["resident memory grows less than 5% over the second half"]),
        (900, {}, (100, 106), 3.0, []),
        (899, {}, (100, 100), 30.0, ["the stream's records were read", "each is in the archive"]),
        (900, {"archived": 899}, (100, 100), 30.0, ["each is in the archive"]),
        (900, {"doubled": 1}, (100, 100), 30.0, ["none is there twice"]),
        (900, {"wrong": ["a"]}, (100, 100), 30.0, ["every object holds what its manifest says"]),
        (900, {"documents": {"logs": 26}}, (100, 100), 30.0, ["each record from WARN up was acknowledged"]),
    ],
)
def test_a_broken_promise_is_named(
    soak: ModuleType,
    read: int,
    report: dict[str, object],
    rss: tuple[int, int],
    minutes: float,
    expected: list[str],
) -> None:
    """Each limit is judged by itself; growth only of a run that is long enough to tell."""
    numbers = soak.Numbers.parse(METRICS % read + 'cali_pieces_alarming_total{level="ERROR"} 27\n')
    samples = [soak.Sample(n * 5.0, rss[n >= 15], 1.0, 100, 0, numbers) for n in range(20)]
    found = soak.Result(samples, samples[-1], REPORT | report, 0, {})
    assert expected == [one.what for one in soak.verdicts(found, minutes) if one.kept is False]
