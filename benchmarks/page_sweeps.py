"""The page by what varies in its records, in how it is run, and in how many faults are live."""

import tempfile
from pathlib import Path

from measuring import Cost, Spread, Table, Work, interleaved
from page_figures import COLUMNS, figures, peak, ratios, taken
from page_plan import Plan
from page_runs import Way, page, settings_for
from page_state import make_stores
from records import Recipe, met, prepare


def by_share(plan: Plan) -> Table:
    """By the share of records from WARN up."""
    works = {}
    for share in plan.shares:
        prepared = prepare(Recipe(plan.swept, share=share))
        name = f"{share * 100:g} %, {prepared.mean_bytes:.0f} B on average"
        works[name] = page(prepared, settings_for(1_000), Way()), prepared.records
    note = (
        f"{plan.swept:,} records a run, redaction and recovery on. Every record from WARN up has a trace of 21 lines. "
        f"{_FIRST}"
    )
    return _table("By share of records from WARN up", "share", works, plan, note)


def by_size(plan: Plan) -> Table:
    """By the size of a record."""
    works = {}
    for size, count in plan.sizes.items():
        prepared = prepare(Recipe(count, size=size))
        works[f"{prepared.mean_bytes:,.0f} B"] = page(prepared, settings_for(1_000), Way()), prepared.records
    note = f"3 % ERRORs, redaction and recovery on. From 2 kB on, ERRORs are as large as the others. {_FIRST}"
    return _table("By size of a record", "mean size", works, plan, note)


def by_shape(plan: Plan) -> Table:
    """By the shape in which Fluent Bit sends it."""
    works = {}
    for shape, said in (("text", "text in `log`"), ("fields", "fields of a parser"), ("json", "merged JSON")):
        prepared = prepare(Recipe(plan.swept, shape=shape))
        works[said] = page(prepared, settings_for(1_000), Way()), prepared.records
    note = f"3 % ERRORs, redaction and recovery on. Of plain text the level is inferred. {_FIRST}"
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
        "keyed over TCP and keep no books. CPU is of all processes, wall time of the slowest; memory of the first. "
        f"{_FIRST}"
    )
    return _table("By workers, processes and recovery", "run", works, plan, note)


_FIRST = '"Times the first row" compares CPU run by run.'


def _table(title: str, label: str, works: dict[str, tuple[Work, int]], plan: Plan, note: str) -> Table:
    costs = interleaved({name: work for name, (work, _) in works.items()}, plan.again)
    cpu = {name: [taken(cost) / records for cost in costs[name]] for name, (_, records) in works.items()}
    first = next(iter(cpu.values()))
    rows = [(name, *figures(costs[name], works[name][1]), ratios(cpu[name], first)) for name in works]
    return Table(title, (label, *COLUMNS, "times the first row"), rows, note)


_CALM = "most live, few recurring"


def by_faults(plan: Plan) -> list[Table]:
    """By the number of live faults: all of them recur, or only as many as there are in the first row."""
    fewest, most = min(plan.faults), max(plan.faults)
    with tempfile.TemporaryDirectory(prefix="cali-bench-") as place:
        settings = settings_for(most)
        recipes = {count: Recipe(plan.by_faults, faults=count) for count in plan.faults}
        stores = make_stores(Path(place), plan.faults, settings, set().union(*map(met, recipes.values())))
        works = {
            f"{count:,}": page(prepare(recipes[count]), settings, Way(state=store)) for count, store in stores.items()
        }
        calm = page(prepare(recipes[fewest]), settings, Way(state=stores[most]))
        costs = interleaved(
            {_CALM: calm, **works}, plan.by_faults_again
        )  # beside the first row, which it is compared with
    note = (
        f"{plan.by_faults:,} records a run, 3 % ERRORs, {{each}}; redaction and recovery on. The page resumes from a "
        "store that holds all, with `CALI_FINGERPRINT__NEW_PER_MINUTE=100000`, and sees "
        f'{fewest:,} of them before the clock starts. "Times the first row" compares CPU run by run. The last '
        "snapshot, which writes every fault that was seen again, is apart: while the page runs there is one in ten "
        "seconds."
    )
    every = note.format(
        each="each a repeat of any live fault, so that most traces of many faults are new to the process"
    )
    some = note.format(each=f"each a repeat of one of the same {fewest:,} faults: what live state costs by itself")
    return [
        _by_faults("By live faults", {name: costs[name] for name in works}, plan, every),
        _by_faults(
            "By live faults, few recurring",
            {f"{fewest:,}": costs[f"{fewest:,}"], f"{most:,}": costs[_CALM]},
            plan,
            some,
        ),
    ]


def _by_faults(title: str, costs: dict[str, list[Cost]], plan: Plan, note: str) -> Table:
    micros = {
        name: [(cost.seen["cpu_s"] - cost.seen["closing_cpu_s"]) / plan.by_faults * 1e6 for cost in seen]
        for name, seen in costs.items()
    }
    first = next(iter(micros.values()))
    rows = []
    for name, seen in costs.items():
        each = micros[name]
        closing = Spread.of([cost.seen["closing_cpu_s"] * 1e3 for cost in seen])
        per_second = Spread.of([1e6 / one for one in each])
        rows.append((name, Spread.of(each), ratios(each, first), per_second, closing, peak(seen)))
    columns = (
        "live faults",
        "CPU µs a record",
        "times the first row",
        "records per CPU s",
        "CPU ms of the last snapshot",
        "peak MiB",
    )
    return Table(title, columns, rows, note)
