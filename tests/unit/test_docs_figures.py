"""Figures in the documents are those that `make bench` wrote."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = "<!-- table: page/One -->\nold\n<!-- end -->\n\n<!-- table: other/Two -->\n<!-- end -->\n"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """`scripts/performance_tables.py`, which lies in no package."""
    return runpy.run_path(str(ROOT / "scripts/performance_tables.py"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of results with one table in one file."""
    cell = {"median": 2.0, "low": 1.0, "high": 3.0, "text": "2 (1-3)"}
    table = {"title": "One", "note": "So it was.", "columns": ["variant", "CPU s"], "rows": [["page", cell]]}
    document = {"title": "The page", "machine": "2 CPUs", "tables": [table]}
    (tmp_path / "page.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def test_tables_of_the_documents_are_the_measured_ones(script: dict[str, Any]) -> None:
    """docs/performance.md holds what the files of results hold, to the letter."""
    for page in script["PAGES"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "<!-- table: " in text
        assert script["filled"](text) == text, "run scripts/performance_tables.py and look at what it changed"


def test_no_table_of_the_documents_is_written_by_hand(script: dict[str, Any]) -> None:
    """Outside the copied parts docs/performance.md has no rows of a table."""
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    by_hand = re.sub(r"<!-- table: .*?<!-- end -->", "", text, flags=re.DOTALL)
    assert [] == [line for line in by_hand.splitlines() if line.startswith("|")]


def test_a_table_is_copied_with_its_note_and_machine(script: dict[str, Any], results: Path) -> None:
    """What stood there is replaced; a table of a file that is not there is said to be missing."""
    expected = (
        "<!-- table: page/One -->\n| variant | CPU s |\n|---|---|\n| page | 2 (1-3) |\n\nSo it was. Machine: 2 CPUs.\n"
        "<!-- end -->\n\n<!-- table: other/Two -->\nNot measured yet: run `make bench`.\n<!-- end -->\n"
    )
    assert expected == script["filled"](PAGE, results)


def test_copying_twice_changes_nothing(script: dict[str, Any], results: Path) -> None:
    """A page that is filled is filled the same again."""
    once = script["filled"](PAGE, results)
    assert once == script["filled"](once, results)


def test_a_table_that_nobody_measured_is_an_error(script: dict[str, Any], results: Path) -> None:
    """A title that the file does not have is named, with those that it has."""
    with pytest.raises(KeyError, match=r"page\.json has no table 'Tow': it has 'One'"):
        script["filled"]("<!-- table: page/Tow -->\n<!-- end -->", results)
