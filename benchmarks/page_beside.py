"""The page beside its rivals, and its parts: two tables of one interleaved run."""

from measuring import Cost, Spread, Table, Work, interleaved
from page_figures import COLUMNS, figures, ratios, taken
from page_parts import parts
from page_plan import Plan
from page_rivals import rival_same_work, rival_textbook
from page_runs import Way, page, settings_for
from records import Prepared, Recipe, prepare

from dataflows.settings import Settings

_OFF, _ON = "page, redaction off, recovery on", "page, redaction on, recovery on"
_SAME_OFF, _SAME_ON = "textbook flow, the same work, redaction off", "textbook flow, the same work, redaction on"
_FLOOR = "floor: one msgspec pass that reads `level`"
_SUMMED = ("triage, redaction on", "archive: lines, zstd 1, hash, file", "throttle's rules")
_NAMES = "triage, archive and the throttle's rules"

Costs = dict[str, list[Cost]]


def beside(plan: Plan) -> list[Table]:
    """Both tables."""
    prepared, settings = prepare(Recipe(plan.records)), settings_for(1_000)
    whole, single = _whole(prepared, settings), parts(prepared, settings)
    costs = interleaved({**whole, **single}, plan.repeats)
    return [_beside(costs, [*whole, _FLOOR], prepared), _by_part(costs, list(single), plan.records)]


def _whole(prepared: Prepared, settings: Settings) -> dict[str, Work]:
    """All that does the work from end to end; what is compared runs side by side."""
    unmasked = Way(redaction=False)
    return {
        _OFF: page(prepared, settings, unmasked),
        _SAME_OFF: rival_same_work(prepared, settings, redaction=False),
        _ON: page(prepared, settings, Way()),
        _SAME_ON: rival_same_work(prepared, settings, redaction=True),
        "textbook flow, the same work with the level looked at first, redaction on": rival_same_work(
            prepared, settings, redaction=True, level_first=True
        ),
        "textbook flow, less work": rival_textbook(prepared),
        "page, redaction off, recovery off": page(prepared, settings, unmasked.but(recovery=False)),
        "page, redaction off, archive framed but not compressed": page(prepared, settings, unmasked.but(archive=False)),
        "page with pydantic on every record, redaction off": page(prepared, settings, unmasked.but(pydantic=True)),
    }


def _beside(costs: Costs, names: list[str], prepared: Prepared) -> Table:
    rows = [
        (name, *figures(costs[name], prepared.records), _times(costs, name, _ON if "redaction on" in name else _OFF))
        for name in names
    ]
    note = (
        f"{prepared.records:,} records of {prepared.mean_bytes:.0f} B on average, 3 % of them ERRORs with a trace, of "
        "1,000 live faults; archive compressed with zstd 1. Each run is a forked process of a second; before its clock "
        "starts it copies its records, has seen every fault once and has worked on a tenth as many records as are "
        'measured, so that the figure is that of a process that runs on. "Times the page" compares CPU with the page '
        "whose redaction is the same (off, where nothing is said of it), run by run. What ends a run, the last "
        "snapshot above all, counts by the share of ten seconds that the run took, since one snapshot comes in ten "
        "seconds. The textbook flow of the same work reads every record with the page's pydantic model, archives lines "
        "that can be read back by record, keeps dead letters, leaves out copies, redacts, makes the page's documents, "
        "tells each fault at once and counts its repeats, with recovery on; what it still leaves out is named in "
        "`benchmarks/rivals/textbook_same_work.py`. With the level looked at first it models only what may alarm, as "
        "the page does: what is left is items against batches. The textbook flow of less work archives the same "
        "records, counts "
        "the same faults and makes a document of each: no redaction, alerts, dead letters or recovery, and its end "
        "counts whole, since it folds there. No fault is new while it is measured, so no card is made. Peak memory is "
        "what comes on top of the imported program and the prepared records."
    )
    return Table("Beside others", ("variant", *COLUMNS, "times the page"), rows, note)


def _times(costs: Costs, name: str, base: str) -> Spread:
    return ratios([taken(cost) for cost in costs[name]], [taken(cost) for cost in costs[base]])


def _by_part(costs: Costs, names: list[str], records: int) -> Table:
    micros = {name: [taken(cost) / records * 1e6 for cost in seen] for name, seen in costs.items()}
    full = micros[_ON]
    rest = [one - sum(micros[name][n] for name in _SUMMED) for n, one in enumerate(full)]
    rows = [
        *((name, Spread.of(micros[name]), ratios(micros[name], full)) for name in names),
        ("the rest: documents, counts, delivery, Bytewax", Spread.of(rest), ratios(rest, full)),
        ("the whole page, redaction on", Spread.of(full), "1"),
    ]
    note = f"The same run. Parts by themselves over the same records; the rest is the page less {_NAMES}."
    return Table("Cost by part", ("part", "CPU µs a record", "share of the page"), rows, note)
