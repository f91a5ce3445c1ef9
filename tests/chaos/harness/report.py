"""The report of many runs, in Markdown."""

from collections import Counter
from statistics import mean

from harness.run import Result
from harness.scenario import LONG_EPOCH_S, TWO_IN_A_SLOT, draw

_SHOWN = 400


def report(results: list[Result]) -> str:
    """A summary, what was broken how often, and each seed."""
    failed = [result for result in results if result.problems]
    done: Counter[str] = Counter()
    for result in results:
        plan = draw(result.seed)
        done.update(_named(event.kind, event.dependency, event.fault and event.fault.kind) for event in plan.events)
        done["S3 at 500 ms all along"] += bool(plan.s3_latency_s)
        done["two shards in one slot"] += plan.shards == TWO_IN_A_SLOT
        done["epochs of 10 s, a kill after the first"] += plan.epoch_s == LONG_EPOCH_S
        done["two processes at some time"] += any(
            layout.processes > 1 for layout in (plan.layout, *(e.layout for e in plan.events if e.layout))
        )
    totals = (
        f"{len(results)} seeds, {len(failed)} failed; {sum(r.records for r in results):,} records put, "
        f"{sum(r.alarming for r in results):,} pieces to be indexed, {sum(r.rejected for r in results):,} to be dead "
        f"letters, {sum(r.messages for r in results):,} messages in Slack; "
        f"{mean(r.seconds for r in results):.1f} s a run on average; the books balanced "
        f"{mean(r.caught_up_s for r in results):.1f} s after the last mend on average, "
        f"{max(r.caught_up_s for r in results):.1f} s at most."
    )
    lines = [totals, "", "| what happened | times |", "|---|---|"]
    lines += [f"| {what} | {count} |" for what, count in sorted(done.items())]
    lines += ["", "| seed | records | indexed | dead letters | messages | seconds | verdict |", f"|{'---|' * 7}"]
    return "\n".join([*lines, *map(_row, results), ""])


def _named(kind: str, dependency: str | None, fault: str | None) -> str:
    words = {"kill": "SIGKILL, restart", "term": "SIGTERM, restart", "disk": "disk full"}
    return words.get(kind, f"{dependency}: {fault}")


def _row(result: Result) -> str:
    verdict = "ok" if not result.problems else "; ".join(result.problems).replace("\n", " ").replace("|", "/")[:_SHOWN]
    return (
        f"| {result.seed} | {result.records} | {result.alarming} | {result.rejected} | {result.messages} "
        f"| {result.seconds:.1f} | {verdict} |"
    )
