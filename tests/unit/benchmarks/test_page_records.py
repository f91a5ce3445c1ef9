"""The records that the page is measured with are what their recipe says."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from dataflows.domain.books import Books
from dataflows.domain.fingerprint import Fingerprinter
from dataflows.domain.levels import Level
from dataflows.domain.peek import peek
from dataflows.domain.records import parse

Import = Callable[[str], ModuleType]


def _raws(batches: list[Any]) -> list[bytes]:
    return [raw for batch in batches for raw in batch.data]


def _alarming(raws: list[bytes]) -> list[bytes]:
    return [raw for raw in raws if (peek(raw) or Level.INFO) >= Level.WARN]


def test_a_recipe_gives_the_same_records_twice(benchmark: Import) -> None:
    """Nothing but the recipe decides: neither a clock nor the order of the runs."""
    records = benchmark("records")
    recipe = records.Recipe(1_500, faults=20)
    assert records.prepare(recipe) == records.prepare(recipe)


@pytest.mark.parametrize("size", [580, 2_000, 10_000])
def test_records_have_the_size_that_was_asked_for(benchmark: Import, size: int) -> None:
    """On average, at the usual share, within one in a hundred."""
    prepared = benchmark("records").prepare(benchmark("records").Recipe(2_000, size=size))
    assert prepared.mean_bytes == pytest.approx(size, rel=0.01)


@pytest.mark.parametrize("share", [0.001, 0.03, 0.5])
def test_the_share_of_alarming_records_is_exact(benchmark: Import, share: float) -> None:
    """Each alarming record is an ERROR of its own text."""
    prepared = benchmark("records").prepare(benchmark("records").Recipe(2_000, share=share, faults=10))
    alarming = _alarming(_raws(prepared.measured))
    assert (round(2_000 * share), len(alarming)) == (len(alarming), len(set(alarming)))


@pytest.mark.parametrize("shape", ["text", "fields", "json"])
def test_every_fault_has_a_fingerprint_of_its_own(benchmark: Import, shape: str) -> None:
    """Masking values does not make two faults one, and each is seen once before the measurement."""
    prepared = benchmark("records").prepare(benchmark("records").Recipe(100, faults=700, shape=shape))
    fingerprint = Fingerprinter()
    read = [parse(raw, 0.0).record for raw in _raws(prepared.fill)]
    assert 700 == len({fingerprint(record.message, record.service).fingerprint for record in read})


def test_before_what_is_measured_come_a_tenth_as_many(benchmark: Import) -> None:
    """Of the same kind, in arrival order, with sequence numbers of their own."""
    prepared = benchmark("records").prepare(benchmark("records").Recipe(3_000, faults=10))
    batches = [*prepared.fill, *prepared.warm, *prepared.measured]
    arrivals = [ts for batch in batches for ts in batch.arrivals]
    sequences = [sequence for batch in batches for sequence in batch.sequences]
    assert (10, 300, 3_000) == tuple(sum(len(b.data) for b in part) for part in prepared)
    assert (sorted(arrivals), sorted(set(sequences))) == (arrivals, sequences)
    assert 9 == len(_alarming(_raws(prepared.warm)))


def test_a_run_owns_its_records(benchmark: Import) -> None:
    """Equal to the prepared ones, and none of them the same object, so that nothing of the parent is touched."""
    prepared = benchmark("records").prepare(benchmark("records").Recipe(500, faults=10))
    mine = prepared.owned()
    assert prepared == mine
    theirs, ours = ({id(raw) for raw in _raws(given.measured)} for given in (prepared, mine))
    assert set() == theirs & ours


def test_the_faults_that_are_met_are_known_beforehand(benchmark: Import) -> None:
    """So that a store of many live faults needs true fingerprints of these only."""
    records, lines = benchmark("records"), benchmark("record_lines")
    recipe, fingerprint = records.Recipe(2_000, faults=5_000, fill=7), Fingerprinter()
    prepared = records.prepare(recipe)
    raws = _alarming([raw for part in prepared for raw in _raws(part)])
    read = [parse(raw, 0.0).record for raw in raws]
    expected = {
        fingerprint(lines.trace_of(fault), lines.service_of(fault)).fingerprint for fault in records.met(recipe)
    }
    assert expected == {fingerprint(record.message, record.service).fingerprint for record in read}


def test_an_error_has_a_trace_of_21_lines(benchmark: Import) -> None:
    """About 1.9 kB of it."""
    trace = benchmark("record_lines").trace_of(3)
    assert 21 == len(trace.splitlines())
    assert 1_600 <= len(trace) <= 2_000


def test_a_stored_fault_is_the_one_that_triage_sees(benchmark: Import) -> None:
    """A page that resumes from a prepared store meets its faults again, so nothing is told as new."""
    records, ends, state = benchmark("records"), benchmark("page_ends"), benchmark("page_state")
    triage = ends.triage_with(benchmark("page_runs").settings_for(50), Books(), redaction=True)
    (out,) = triage(records.prepare(records.Recipe(10, faults=50)).fill)
    fingerprint = Fingerprinter()
    stored = [state.sighting(fault, 1.0, fingerprint).fault for fault in range(50)]
    assert stored == [alarm.sighting.fault for alarm in out.alarms]
