"""CPU, wall time and memory of the page: beside its rivals, by part, and by what varies in the records or the run.

    python benchmarks/page.py [--quick] [--out FOLDER]

The real `build()` with the ends of `page_ends.py`, over records that are prepared before the clock starts
(`records.py`). Every fault is seen once before the measurement. Each run is a process of its own; variants of one
table run in turn.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from measuring import RESULTS, Cost, Spread, Table, Work, interleaved, report
from page_parts import parts
from page_runs import EPOCH, Way, page, rival_textbook, settings_for
from page_state import make_stores
from records import Recipe, prepare

from dataflows import logs

UNMASKED = Way(redaction=False)
COLUMNS = ("CPU s per 100,000", "wall s per 100,000", "records per CPU s", "peak MiB")


class Plan(NamedTuple):
    """How much is run."""

    records: int
    repeats: int
    swept: int
    """Records of each point of a sweep."""
    again: int
    """Repeats of each point."""
    shares: Sequence[float]
    faults: Sequence[int]
    sizes: Mapping[int, int]
    """Records by their size in bytes."""


FULL = Plan(
    records=60_000,
    repeats=3,
    swept=20_000,
    again=2,
    shares=(0.001, 0.01, 0.03, 0.1, 0.3, 0.5),
    faults=(1_000, 10_000, 100_000, 200_000),
    sizes={200: 20_000, 580: 20_000, 2_000: 10_000, 10_000: 4_000, 100_000: 600},
)
QUICK = Plan(
    records=10_000,
    repeats=1,
    swept=5_000,
    again=1,
    shares=(0.01, 0.3),
    faults=(1_000, 5_000),
    sizes={200: 5_000, 2_000: 3_000},
)


def taken(cost: Cost) -> float:
    """CPU seconds of a run, with the last snapshot by the share of ten seconds that the run took: one comes in ten."""
    closing = cost.seen.get("closing_cpu_s", 0.0)
    steady = cost.seen["cpu_s"] - closing
    return steady + closing * min(1.0, steady / EPOCH.total_seconds())


def figures(costs: Sequence[Cost], records: int) -> list[Any]:
    """The cells of `COLUMNS`."""
    cpu = [taken(cost) / records * 1e5 for cost in costs]
    wall = [(cost.seen["wall_s"] - cost.seen.get("closing_wall_s", 0.0)) / records * 1e5 for cost in costs]
    peak = Spread.of([cost.peak_mib for cost in costs])
    return [Spread.of(cpu), Spread.of(wall), Spread.of([1e5 / one for one in cpu]), peak]


def beside(plan: Plan) -> list[Table]:
    """The page beside its rivals, and its parts, of one interleaved run."""
    prepared, settings = prepare(Recipe(plan.records)), settings_for(1_000)
    whole = {
        "page, redaction off, recovery on": page(prepared, settings, UNMASKED),
        "page, redaction on, recovery on": page(prepared, settings, Way()),
        "page, redaction off, recovery off": page(prepared, settings, Way(redaction=False, recovery=False)),
        "page, redaction off, archive framed but not compressed": page(
            prepared, settings, Way(redaction=False, archive=False)
        ),
        "page with pydantic on every record, redaction off": page(
            prepared, settings, Way(redaction=False, pydantic=True)
        ),
        "textbook flow": rival_textbook(prepared),
    }
    single = parts(prepared, settings)
    costs = interleaved({**whole, **single}, plan.repeats)
    base = [taken(cost) for cost in costs["page, redaction off, recovery on"]]
    full = [taken(cost) for cost in costs["page, redaction on, recovery on"]]

    def times(name: str, of: list[float]) -> Spread:
        return Spread.of([taken(cost) / one for cost, one in zip(costs[name], of, strict=True)])

    what = f"{plan.records:,} records of {prepared.mean_bytes:.0f} B on average, 3 % of them ERRORs with a trace"
    rest = [one - sum(taken(costs[name][n]) for name in _SUMMED) for n, one in enumerate(full)]
    per = 1e6 / plan.records
    return [
        Table(
            "Beside others",
            ("variant", *COLUMNS, "times the page"),
            [(name, *figures(costs[name], plan.records), times(name, base)) for name in (*whole, *list(single)[:1])],
            f'{what}, of 1,000 live faults; archive compressed with zstd 1. "Times the page" compares CPU with the '
            "first row, run by run. What ends a run, the last snapshot above all, counts by the share of ten seconds "
            "that the run took, since one snapshot comes in ten seconds. The textbook flow, whose end counts "
            "whole since it folds there, archives the same records, counts the same faults and makes a document of "
            "each; it has no redaction, alerts, dead letters or recovery. No fault is new while it is measured, so no "
            "card is made. Peak memory is what comes on top of the imported program and the prepared records.",
        ),
        Table(
            "Cost by part",
            ("part", "CPU µs a record", "share of the page"),
            [
                *((name, Spread.of([taken(cost) * per for cost in costs[name]]), times(name, full)) for name in single),
                ("the rest: documents, counts, delivery, Bytewax", *_rest(rest, full, per)),
                ("the whole page, redaction on", Spread.of([one * per for one in full]), "1"),
            ],
            f"The same run. Parts by themselves over the same records; the rest is the page less {_NAMES}.",
        ),
    ]


_SUMMED = ("triage, redaction on", "archive: lines, zstd 1, hash, file", "throttle's rules")
_NAMES = "triage, archive and the throttle's rules"


def _rest(rest: list[float], full: list[float], per: float) -> tuple[Spread, Spread]:
    return Spread.of([one * per for one in rest]), Spread.of([a / b for a, b in zip(rest, full, strict=True)])


def _table(title: str, label: str, works: dict[str, tuple[Work, int]], plan: Plan, note: str) -> Table:
    costs = interleaved({name: work for name, (work, _) in works.items()}, plan.again)
    rows = [(name, *figures(costs[name], works[name][1])) for name in works]
    return Table(title, (label, *COLUMNS), rows, note)


def by_share(plan: Plan) -> Table:
    """By the share of records from WARN up."""
    works = {}
    for share in plan.shares:
        prepared = prepare(Recipe(plan.swept, share=share))
        name = f"{share * 100:g} %, {prepared.mean_bytes:.0f} B on average"
        works[name] = page(prepared, settings_for(1_000), Way()), prepared.records
    note = (
        f"{plan.swept:,} records a run, redaction and recovery on. Every record from WARN up has a trace of 21 lines."
    )
    return _table("By share of records from WARN up", "share", works, plan, note)


def by_size(plan: Plan) -> Table:
    """By the size of a record."""
    works = {}
    for size, count in plan.sizes.items():
        prepared = prepare(Recipe(count, size=size))
        works[f"{prepared.mean_bytes:,.0f} B"] = page(prepared, settings_for(1_000), Way()), prepared.records
    note = "3 % ERRORs, redaction and recovery on. From 2 kB on, ERRORs are as large as the others."
    return _table("By size of a record", "mean size", works, plan, note)


def by_shape(plan: Plan) -> Table:
    """By the shape in which Fluent Bit sends it."""
    works = {}
    for shape, said in (("text", "text in `log`"), ("fields", "fields of a parser"), ("json", "merged JSON")):
        prepared = prepare(Recipe(plan.swept, shape=shape))
        works[said] = page(prepared, settings_for(1_000), Way()), prepared.records
    note = "3 % ERRORs, redaction and recovery on. Of plain text the level is inferred."
    return _table("By shape of a record", "shape", works, plan, note)


def by_run(plan: Plan) -> Table:
    """By workers, processes and recovery."""
    prepared, settings = prepare(Recipe(plan.swept)), settings_for(1_000)
    ways = {
        "1 worker, recovery off": Way(recovery=False),
        "1 worker, recovery on (`-s 10`)": Way(),
        "2 workers of one process, recovery on": Way(workers=2),
        "2 processes of one worker, recovery on": Way(processes=2),
    }
    works = {name: (page(prepared, settings, way), prepared.records) for name, way in ways.items()}
    note = (
        "The same records, redaction on. Workers of one process share one interpreter lock; processes exchange what is "
        "keyed over TCP and keep no books. CPU is of all processes, wall time of the slowest; memory of the first."
    )
    return _table("By workers, processes and recovery", "run", works, plan, note)


def by_faults(plan: Plan) -> Table:
    """By the number of live faults."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="cali-bench-") as place:
        settings = settings_for(max(plan.faults))
        stores = make_stores(Path(place), plan.faults, settings)
        works = {
            f"{count:,}": page(prepare(Recipe(plan.swept, faults=count, fill=False)), settings, Way(state=store))
            for count, store in stores.items()
        }
        costs = interleaved(works, plan.again)
    for name, seen in costs.items():
        micros = [(cost.seen["cpu_s"] - cost.seen["closing_cpu_s"]) / plan.swept * 1e6 for cost in seen]
        closing = [cost.seen["closing_cpu_s"] * 1e3 for cost in seen]
        peak = Spread.of([cost.peak_mib for cost in seen])
        rows.append((name, Spread.of(micros), Spread.of([1e6 / one for one in micros]), Spread.of(closing), peak))
    columns = ("live faults", "CPU µs a record", "records per CPU s", "CPU ms of the last snapshot", "peak MiB")
    note = (
        f"{plan.swept:,} records a run, 3 % ERRORs, each a repeat of any live fault; redaction and recovery on. "
        "The page resumes from a store that holds them, with `CALI_FINGERPRINT__NEW_PER_MINUTE=100000`. The last "
        "snapshot, which writes every fault that was seen again, is apart: while the page runs there is one in ten "
        "seconds."
    )
    return Table("By live faults", columns, rows, note)


def main() -> None:
    """Write the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="few records and repeats: does it run, about how fast")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    logs.configure("CRITICAL")  # the border reports as errors what is not redacted here
    plan = QUICK if given.quick else FULL
    tables = [*beside(plan), by_share(plan), by_size(plan), by_shape(plan), by_run(plan), by_faults(plan)]
    report("page", "The page", tables, given.out)


if __name__ == "__main__":
    main()
