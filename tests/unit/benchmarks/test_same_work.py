"""The page and its rivals count the same: what is compared is the same work."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import zstandard
from bytewax.testing import cluster_main

from dataflows.domain.books import BY_MINUTE, Books
from dataflows.log_intelligence import build
from dataflows.steps.books import book_read

Import = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def prepared(benchmark: Import) -> Any:
    """5,000 records, 150 of them of 40 faults; before them the 40, and 500 records with 15."""
    return benchmark("records").prepare(benchmark("records").Recipe(5_000, faults=40))


def _faults_of_page(benchmark: Import, prepared: Any, place: Path, *, pydantic: bool) -> Mapping[str, int]:
    runs, ends, phases = benchmark("page_runs"), benchmark("page_ends"), benchmark("phases")
    settings, books, found = runs.settings_for(40), Books(BY_MINUTE), Counter[str]()

    def told(batches: list[Any]) -> None:
        found.update(json.loads(doc.body)["fingerprint"] for docs in batches for doc in docs)

    source = phases.Memory(
        runs.reads(prepared.fill + prepared.warm),
        runs.reads(prepared.measured),
        phases.Phases(),
        partial(book_read, books),
    )
    io = ends.page_ends(source, place, settings, books, redaction=False, search=ends.Dropping(told))
    if pydantic:
        io.__dict__["sort"] = benchmark("rivals.pydantic_everywhere").PydanticEverywhere(io.sort)
    cluster_main(build(settings, io), [], 0)  # type: ignore[no-untyped-call] # untyped in Bytewax
    return found


def test_the_textbook_counts_the_faults_of_the_page(benchmark: Import, prepared: Any, tmp_path: Path) -> None:
    """The same fingerprints, each with the same number of records."""
    counts: Counter[str] = Counter()
    benchmark("page_rivals").rival_textbook(prepared, counts)()
    assert _faults_of_page(benchmark, prepared, tmp_path, pydantic=False) == counts
    assert (40, 205) == (len(counts), counts.total())


def test_the_textbook_archives_every_record(benchmark: Import, prepared: Any, tmp_path: Path) -> None:
    """What it wrote unpacks to the records that it read."""
    rivals, phases = benchmark("page_rivals"), benchmark("phases")
    before = prepared.fill + prepared.warm
    source = phases.Memory(rivals.raws(before), rivals.raws(prepared.measured), phases.Phases())
    flow = benchmark("rivals.textbook").textbook(source, tmp_path, lambda *_: None, rivals.BEGIN)
    cluster_main(flow, [], 0)  # type: ignore[no-untyped-call] # untyped in Bytewax
    with (tmp_path / "archive-0.zst").open("rb") as file:
        kept = zstandard.ZstdDecompressor().stream_reader(file).readall()
    assert Counter(raw for b in (*before, *prepared.measured) for raw in b.data) == Counter(
        kept.splitlines(keepends=True)
    )


def test_pydantic_everywhere_finds_what_the_page_finds(benchmark: Import, prepared: Any, tmp_path: Path) -> None:
    """Reading every record with pydantic changes the cost only."""
    found = _faults_of_page(benchmark, prepared, tmp_path, pydantic=True)
    assert (40, 205) == (len(found), sum(found.values()))


def test_a_run_of_the_page_starts_and_ends_its_clock(benchmark: Import, prepared: Any) -> None:
    """What is measured begins once the state is filled, and what ends the run is told apart."""
    runs = benchmark("page_runs")
    taken = runs.page(prepared, runs.settings_for(40), runs.Way())()
    assert ["closing_cpu_s", "closing_wall_s", "cpu_s", "owned_mib", "wall_s"] == sorted(taken)
    assert taken["closing_cpu_s"] < taken["cpu_s"]
