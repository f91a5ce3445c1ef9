"""Draws the dashboards' panels with the data of a run, for the documents: not Grafana's own rendering.

    PYTHONPATH=scripts python scripts/dashboard_pictures.py [--seconds 90] [--rate 60]

Needs the extra `demo`, `pip install matplotlib`, and Prometheus on the path. Every panel lies where Grafana puts it and
shows what its own query returned; colours, fonts and axes are matplotlib's.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from dashboard_queries import Answer, Span, choices, prometheus, search
from dashboard_run import Running, running
from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "k8s" / "grafana" / "dashboards"
TARGET = ROOT / "docs" / "pictures"
STEP_S = 3
MAX_BYTES = 200_000
"""As scripts/card_pictures.py: a page with pictures should load at once."""
_DPIS = (100, 90, 80, 70)
_CELL_W, _CELL_H = 0.72, 0.34
"""Inches of a grid cell; Grafana's grid has 24 columns."""
_ROWS, _WORDS = 9, 56
"""Rows of a table that fit, and characters of a whole width that a cell may have."""
_NOTE = "Data of a run of the page on generated logs, drawn with matplotlib: not Grafana's own rendering."
_BYTES = 1_048_576
_KOREAN = ("Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic")
"""Fonts for runbooks in Korean; without one of them boxes stand there."""
_RECORDS = {"datasource": {"uid": "cali-logs"}}


def answers(
    run: Running, board: dict[str, Any], panel: dict[str, Any], span: Span
) -> list[tuple[dict[str, Any], Answer]]:
    """What each query of a panel returns; a variable takes the value with the most records."""
    chosen: dict[str, str] = {}
    for variable in board["templating"].get("list", []):
        chosen[variable["name"]] = choices(run.search, variable | {"query": json.loads(variable["query"]), **_RECORDS})[
            0
        ]
    out = []
    for target in panel["targets"]:
        if "expr" not in target:
            out.append((target, search(run.search, target, span, chosen)))
        elif run.prometheus:
            out.append((target, prometheus(run.prometheus, target, span)))
    return out


def shown(value: float, unit: str) -> str:
    """A number as a panel shows it."""
    match unit:
        case "dateTimeAsIso":
            return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}"
        case "percentunit":
            return f"{value:.0%}"
        case "s":
            return f"{value:.2g} s"
        case "bytes":
            return f"{value / _BYTES:.0f} MiB"
        case _:
            return f"{value:,.4g}"


def reduced(answer: Answer, calc: str) -> float | None:
    """One number of an answer, as Grafana's calculation of that name makes it; None without data."""
    if calc == "count":
        return float(len(answer.rows))
    values = [value for points in answer.series.values() for _, value in points]
    if not values:
        return None
    match calc:
        case "sum":
            return sum(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case _:
            return values[-1]


def draw_stat(axes: Axes, panel: dict[str, Any], found: list[tuple[dict[str, Any], Answer]]) -> None:
    """A number in the middle."""
    defaults = panel["fieldConfig"]["defaults"]
    (_, answer) = found[0]
    value = reduced(answer, panel["options"]["reduceOptions"]["calcs"][0])
    steps = defaults["thresholds"]["steps"]
    colours = [step["color"] for step in steps if step["value"] is None or (value or 0) >= step["value"]]
    text = defaults["noValue"] if value is None else shown(value, defaults["unit"])
    size = 19 if len(text) <= 10 else 10
    axes.text(0.5, 0.45, text, ha="center", va="center", fontsize=size, color=f"dark{colours[-1]}")
    axes.axis("off")


def draw_lines(axes: Axes, panel: dict[str, Any], found: list[tuple[dict[str, Any], Answer]]) -> None:
    """Curves, or stacked bars."""
    defaults = panel["fieldConfig"]["defaults"]
    bars = defaults["custom"].get("drawStyle") == "bars"
    scale = _BYTES if defaults["unit"] == "bytes" else 1
    below: dict[float, float] = {}
    for target, answer in found:
        for name, points in answer.series.items():
            times = [datetime.fromtimestamp(at, UTC) for at, _ in points]
            values = [value / scale for _, value in points]
            label = (name or target.get("legendFormat") or "Count")[:26]
            if bars:
                bottoms = [below.get(at, 0.0) for at, _ in points]
                axes.bar(times, values, width=STEP_S / 86_400, bottom=bottoms, label=label)  # type: ignore[arg-type]
                below.update({at: base + value for (at, _), base, value in zip(points, bottoms, values, strict=True)})
            else:
                axes.plot(times, values, label=label, linewidth=1.1)  # type: ignore[arg-type]
    if not axes.get_legend_handles_labels()[0]:
        axes.text(0.5, 0.5, defaults["noValue"], ha="center", va="center", transform=axes.transAxes)
        axes.axis("off")
        return
    unit = {"bytes": "MiB", "cps": "1/s"}.get(defaults["unit"], defaults["unit"].replace("short", ""))
    axes.set_ylim(0, max(axes.get_ylim()[1] * 1.25, 0.1))  # room for the legend; a flat 0 stays at the bottom
    axes.set_ylabel(unit, fontsize=6)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=5))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S", tz=UTC))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=5, loc="upper left", frameon=True, framealpha=0.7, ncols=2)


def draw_bars(axes: Axes, panel: dict[str, Any], found: list[tuple[dict[str, Any], Answer]]) -> None:
    """One bar a row."""
    rows = found[0][1].rows[:12]
    if not rows:
        axes.text(0.5, 0.5, panel["fieldConfig"]["defaults"]["noValue"], ha="center", va="center")
        axes.axis("off")
        return
    names = [", ".join(str(value) for key, value in row.items() if key != "Count")[:30] for row in rows]
    drawn = axes.barh(range(len(rows)), [row["Count"] for row in rows], color="tab:green")
    axes.bar_label(drawn, fontsize=6)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.tick_params(labelsize=6)


def draw_table(axes: Axes, panel: dict[str, Any], found: list[tuple[dict[str, Any], Answer]]) -> None:
    """The first rows."""
    columns = panel["transformations"][0]["options"]["include"]["names"]
    axes.axis("off")
    wide = {"template", "message", "summary", "follows"}
    shares = [3.0 if name in wide else 0.6 if name in {"Count", "count", "level"} else 1.0 for name in columns]
    per_share = _WORDS * panel["gridPos"]["w"] / 12 / sum(shares) * 2.4
    cells = []
    for row in found[0][1].rows[:_ROWS]:
        texts = [_cell(row.get(name), name) for name in columns]
        cells.append([text[: max(5, int(per_share * share))] for text, share in zip(texts, shares, strict=True)])
    if not cells:
        axes.text(0.5, 0.5, "none", ha="center", va="center")
        return
    widths = [share / sum(shares) for share in shares]
    high = (len(cells) + 1) / (_ROWS + 1)
    drawn = axes.table(
        cells, colLabels=columns, colWidths=widths, cellLoc="left", bbox=Bbox.from_bounds(0, 1 - high, 1, high)
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(5.5)
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.2)
        cell.PAD = 0.02


def _cell(value: object, name: str) -> str:
    if value is None or value == []:
        return ""
    if name in {"Min", "Max"} and isinstance(value, float):
        return shown(value, "dateTimeAsIso")[11:]
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = text[11:23] if name in {"@timestamp", "last_seen"} else text
    return " ".join(text.replace("$", r"\$").split())


_Drawer = Callable[[Axes, dict[str, Any], list[tuple[dict[str, Any], Answer]]], None]
_DRAW: dict[str, _Drawer] = {
    "stat": draw_stat,
    "timeseries": draw_lines,
    "bargauge": draw_bars,
    "table": draw_table,
}


def draw(run: Running, board: dict[str, Any], target: Path) -> Path:
    """One dashboard as one picture."""
    span = Span(run.start, run.end, STEP_S)
    high = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = plt.figure(figsize=(24 * _CELL_W, high * _CELL_H + 0.6))
    top = 1 - 0.6 / (high * _CELL_H + 0.6)
    figure.text(0.01, 1 - 0.2 / (high * _CELL_H + 0.6), board["title"], fontsize=13, weight="bold", va="center")
    figure.text(0.99, 1 - 0.2 / (high * _CELL_H + 0.6), _NOTE, fontsize=8, color="tab:red", ha="right", va="center")
    for panel in board["panels"]:
        grid = panel["gridPos"]
        margin_x = 0.004 if panel["type"] in {"stat", "table"} else 0.028 if panel["type"] == "timeseries" else 0.07
        left, width = grid["x"] / 24 + margin_x, grid["w"] / 24 - margin_x - 0.008
        bottom, height = top * (1 - (grid["y"] + grid["h"]) / high), top * grid["h"] / high
        axes = figure.add_axes((left, bottom + 0.10 * height, width, height * 0.74))
        _DRAW[panel["type"]](axes, panel, answers(run, board, panel, span))
        if panel["type"] == "timeseries" and axes.axison:
            axes.set_xlim(*(datetime.fromtimestamp(at, UTC) for at in (run.start, run.end)))  # type: ignore[arg-type]
        axes.set_title(panel["title"], fontsize=8, loc="left", weight="bold")
    path = target / f"dashboard-{board['uid'].removeprefix('cali-')}.png"
    for dpi in _DPIS:
        figure.savefig(path, dpi=dpi, metadata={"Software": None}, pil_kwargs={"optimize": True})
        if path.stat().st_size <= MAX_BYTES:
            break
    plt.close(figure)
    return path


def main() -> None:
    """Run the page and draw all of them."""
    parser = argparse.ArgumentParser(description="Draws the dashboards' panels with the data of a run.")
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--rate", type=float, default=60.0)
    options = parser.parse_args()
    mpl.use("Agg")
    korean = [name for name in _KOREAN if name in font_manager.get_font_names()]
    mpl.rcParams["font.family"] = ["DejaVu Sans", *korean[:1]]
    with running(options.seconds, options.rate) as run:
        if run.prometheus is None:
            sys.exit("prometheus is not on the path: install it (Debian: apt-get install prometheus)")
        for path in sorted(SOURCE.glob("*.json")):
            made = draw(run, json.loads(path.read_text(encoding="utf-8")), TARGET)
            print(made.relative_to(ROOT), made.stat().st_size)


if __name__ == "__main__":
    main()
