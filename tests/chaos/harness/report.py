"""The report of many runs, in Markdown."""

import os
from collections import Counter
from datetime import UTC, datetime
from statistics import mean

from harness.run import Result
from harness.scenario import LONG_EPOCH_S, TWO_IN_A_SLOT, Event, draw

_SHOWN = 400


def report(results: list[Result]) -> str:
    """A summary, what was broken how often, and each seed."""
    if not results:
        return "No seed has run yet.\n"
    failed = [result for result in results if result.problems]
    skipped = Counter(why for result in results for why in result.skipped)
    done: Counter[str] = Counter()
    for result in results:
        plan = draw(result.seed)
        done.update(_named(event) for event in plan.events)
        done["S3 at 500 ms all along"] += bool(plan.s3_latency_s)
        done["two shards in one slot"] += plan.shards == TWO_IN_A_SLOT
        done["more faults than messages a minute"] += plan.per_minute < plan.faults
        done["epochs of 10 s, a kill after the first"] += plan.epoch_s == LONG_EPOCH_S
        done["two processes at some time"] += any(
            layout.processes > 1 for layout in (plan.layout, *(e.layout for e in plan.events if e.layout))
        )
    totals = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: "
        f"{len(results)} seeds, {len(failed)} failed; {sum(r.records for r in results):,} records put, "
        f"{sum(r.alarming for r in results):,} pieces to be indexed, {sum(r.rejected for r in results):,} to be dead "
        f"letters, {sum(r.messages for r in results):,} messages in Slack; "
        f"{mean(r.seconds for r in results):.1f} s a run on average; the books balanced "
        f"{mean(r.caught_up_s for r in results):.1f} s after the last mend on average, "
        f"{max(r.caught_up_s for r in results):.1f} s at most."
    )
    lines = [totals, *(f"Left out {count} times: {why}." for why, count in skipped.items())]
    lines += ["", "| what happened | times |", "|---|---|"]
    lines += [f"| {what} | {count} |" for what, count in sorted(done.items()) if count]
    lines += ["", "| seed | records | indexed | dead letters | messages | seconds | verdict |", f"|{'---|' * 7}"]
    return "\n".join([*lines, *map(_row, results), ""])


def _named(event: Event) -> str:
    words = {"kill": "SIGKILL, restart", "term": "SIGTERM, restart", "disk": "disk full"}
    if event.kind == "clock":
        return f"clock set {'back' if event.jump_s < 0 else 'forward'}"
    if event.kind == "reshard":
        return f"reshard: {event.reshard}"
    return words.get(event.kind, f"{event.dependency}: {event.fault and event.fault.kind}")


def _row(result: Result) -> str:
    verdict = "ok" if not result.problems else "; ".join(result.problems).replace("\n", " ").replace("|", "/")[:_SHOWN]
    return (
        f"| {result.seed} | {result.records} | {result.alarming} | {result.rejected} | {result.messages} "
        f"| {result.seconds:.1f} | {verdict} |"
    )
