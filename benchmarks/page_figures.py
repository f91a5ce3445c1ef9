"""Cells of the page's tables, made of the costs of its runs."""

from collections.abc import Sequence
from typing import Any

from measuring import Cost, Spread
from page_runs import EPOCH

COLUMNS = ("CPU s per 100,000", "wall s per 100,000", "records per CPU s", "peak MiB")


def taken(cost: Cost) -> float:
    """CPU seconds of a run, with the last snapshot by the share of ten seconds that the run took: one comes in ten."""
    closing = cost.seen.get("closing_cpu_s", 0.0)
    steady = cost.seen["cpu_s"] - closing
    return steady + closing * min(1.0, steady / EPOCH.total_seconds())


def figures(costs: Sequence[Cost], records: int) -> list[Any]:
    """The cells of `COLUMNS`."""
    cpu = [taken(cost) / records * 1e5 for cost in costs]
    wall = [(cost.seen["wall_s"] - cost.seen.get("closing_wall_s", 0.0)) / records * 1e5 for cost in costs]
    return [Spread.of(cpu), Spread.of(wall), Spread.of([1e5 / one for one in cpu]), peak(costs)]


def peak(costs: Sequence[Cost]) -> Spread:
    """MiB beyond the imported program and the prepared records, both those of the parent and the run's own copies."""
    return Spread.of([max(0.0, cost.peak_mib - cost.seen.get("owned_mib", 0.0)) for cost in costs])


def ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Of figures of the same repeats: what slows a whole repeat down falls out."""
    return Spread.of([a / b for a, b in zip(over, under, strict=True)])
