"""Draws the page's tables as SVG: beside rivals, by share of alarming records, by live faults.

    .cali/rivals/bin/python benchmarks/plot.py [FOLDER]

Reads `page.json` of the folder, which `benchmarks/page.py` writes. Needs matplotlib, which is no dependency of the
project. Colours are readable on a light and on a dark page.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
INK, BLUE, GREY = "#7d8590", "#3b82f6", "#9ca3af"
STYLE = {
    "svg.hashsalt": "cali",  # the same ids in every run: a new plot differs by its figures only
    "svg.fonttype": "none",
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


def table(document: dict[str, Any], title: str) -> dict[str, Any]:
    """One table by its title."""
    return next(one for one in document["tables"] if one["title"] == title)


def column(given: dict[str, Any], name: str) -> list[dict[str, float]]:
    """The cells of a column."""
    return [row[given["columns"].index(name)] for row in given["rows"]]


def errors(cells: list[dict[str, float]]) -> list[list[float]]:
    """From the median down to the lowest, and up to the highest."""
    down = [cell["median"] - cell["low"] for cell in cells]
    return [down, [cell["high"] - cell["median"] for cell in cells]]


def beside(document: dict[str, Any], path: Path) -> None:
    """Bars: CPU seconds of 100,000 records."""
    given = table(document, "Beside others")
    names = [row[0] for row in given["rows"]]
    cells = column(given, "CPU s per 100,000")
    figure, axes = plt.subplots(figsize=(8.5, 0.5 * len(names) + 1))
    colours = [BLUE if name.startswith("page, ") else GREY for name in names]
    medians = [cell["median"] for cell in cells]
    bars = axes.barh(names, medians, xerr=errors(cells), color=colours, ecolor=INK, capsize=3, height=0.6)
    axes.bar_label(bars, [f"{one:.2f}" for one in medians], padding=8, color=INK)
    axes.invert_yaxis()
    axes.set_xlabel("CPU seconds for 100,000 records: median, lowest and highest")
    _save(figure, path)


def line(document: dict[str, Any], path: Path, title: str, y_name: str, x_name: str) -> None:
    """A line over the figure with which each row's name begins."""
    given = table(document, title)
    x = [float(row[0].split(" ")[0].replace(",", "")) for row in given["rows"]]
    cells = column(given, y_name)
    figure, axes = plt.subplots(figsize=(6.5, 3.2))
    axes.errorbar(x, [cell["median"] for cell in cells], errors(cells), color=BLUE, ecolor=INK, marker="o", capsize=3)
    axes.set_xscale("log")
    axes.set_xticks(x, [f"{one:g}" if one < 1000 else f"{one:,.0f}" for one in x])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.grid(axis="y", color=INK, alpha=0.25)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401 - matplotlib is not typed here
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    print(path)


def main() -> None:
    """Draw all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    source = folder / "page.json"
    if not source.exists():
        sys.exit(f"there is no {source}: run `python benchmarks/page.py` first")
    document = json.loads(source.read_text(encoding="utf-8"))
    plt.rcParams.update(STYLE)
    beside(document, folder / "page_beside.svg")
    share = "By share of records from WARN up"
    line(document, folder / "page_by_share.svg", share, "CPU s per 100,000", "records from WARN up, %")
    line(document, folder / "page_by_faults.svg", "By live faults", "CPU µs a record", "live faults")


if __name__ == "__main__":
    main()
