"""Copies measured tables into docs/performance.md from the files that `make bench` writes.

A table lies between `<!-- table: NAME/TITLE -->` and `<!-- end -->`; NAME is a file in benchmarks/results without its
ending. Run it when tests/unit/test_docs_figures.py asks for it. What was not measured yet is said so in its place.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ("docs/performance.md", "docs/kinesis.md", "docs/redaction.md")
_PART = re.compile(r"(<!-- table: (?P<name>\w+)/(?P<title>[^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MISSING = "Not measured yet: run `make bench`.\n"


def table(name: str, title: str, results: Path = RESULTS) -> str:
    """One table as Markdown, with the machine it was measured on.

    Raises:
        KeyError: the file has no such table.
    """
    path = results / f"{name}.json"
    if not path.exists():
        return MISSING
    document = json.loads(path.read_text(encoding="utf-8"))
    found = next((one for one in document["tables"] if one["title"] == title), None)
    if found is None:
        known = ", ".join(repr(one["title"]) for one in document["tables"])
        msg = f"{path.name} has no table {title!r}: it has {known}"
        raise KeyError(msg)
    lines = [_row(found["columns"]), "|" + "---|" * len(found["columns"]), *map(_row, found["rows"])]
    return "\n".join([*lines, "", f"{found['note']} Machine: {document['machine']}.".lstrip(), ""])


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join(cell["text"] if isinstance(cell, dict) else str(cell) for cell in cells) + " |"


def filled(text: str, results: Path = RESULTS) -> str:
    """The text with every table as it was measured last."""
    return _PART.sub(lambda part: part[1] + table(part["name"], part["title"], results) + part[4], text)


def main() -> None:
    """Rewrite what has changed."""
    for page in PAGES:
        path = ROOT / page
        old = path.read_text(encoding="utf-8")
        new = filled(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(f"changed: {page}")
    sys.exit(0)


if __name__ == "__main__":
    main()
