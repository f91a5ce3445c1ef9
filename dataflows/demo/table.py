"""The closing table of the demo."""

import math
from collections import Counter
from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from dataflows.demo.checks import Check, Run, announcements

_ROOMY = 60


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed (nearest rank); NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else math.nan


def closing(run: Run, checks: Sequence[Check], wall_s: float) -> Group:
    """What happened, and whether every promise was kept."""
    facts = Table(title="What happened", show_header=False, title_justify="left", title_style="bold", min_width=_ROOMY)
    facts.add_column()
    facts.add_column(overflow="fold")
    for name, value in _facts(run, wall_s):
        facts.add_row(Text(name), Text(value))
    verdicts = Table(title="Checks", show_header=False, title_justify="left", title_style="bold", min_width=_ROOMY)
    for _ in range(3):
        verdicts.add_column(overflow="fold")
    for check in checks:
        mark = Text("✓", "green") if check.ok else Text("✗", "bold red")
        verdicts.add_row(mark, Text(check.what), Text(check.detail, "" if check.ok else "bold red"))
    return Group(Text(""), facts, verdicts)


def _facts(run: Run, wall_s: float) -> list[tuple[str, str]]:
    evidence, truth = run.evidence, run.truth
    told = announcements(evidence.alerts)
    latencies = [alert.source["latency_s"] for alert in told if alert.source["latency_s"] is not None]
    verdicts = Counter(str(alert.source["verdict"] or "not asked") for alert in told if not alert.source["held"])
    sent = Counter(str(alert.source["reason"]) for alert in evidence.alerts if alert.source["status"] == "sent")
    sources = {said.source for said in truth.alarming.values()}
    announced = {
        truth.alarming[place].source
        for alert in told
        if (place := evidence.places.get(str(alert.source["record_id"]).rpartition("-")[0], b"")) in truth.alarming
    }
    messages = len(evidence.messages)
    reduction = f"{len(truth.alarming) / messages:.0f} WARN+ records per message" if messages else "no message"
    return [
        ("records read", f"{run.numbers.total('cali_kinesis_records_total'):,}"),
        ("WARN+ records", f"{len(truth.alarming):,}"),
        ("distinct faults", f"{len(truth.faults())} injected, {len(truth.faults() & announced)} announced"),
        ("WARN statements", f"{len(sources - truth.faults())} logged, {len(announced - truth.faults())} announced"),
        ("messages", _counts(sent)),
        ("noise reduction", reduction),
        ("first-alert latency", f"p50 {percentile(latencies, 50):.1f} s, p95 {percentile(latencies, 95):.1f} s"),
        ("explanations", _counts(verdicts)),
        ("S3 objects", f"{evidence.objects:,}"),
        ("documents", f"{len(evidence.documents):,} records, {len(evidence.alerts):,} alerts"),
        ("dead letters", f"{evidence.dead.total()}: {_counts(evidence.dead)}"),
        ("pipeline CPU", f"{run.numbers.exact('process_cpu_seconds_total'):.1f} s (of {wall_s:.0f} s for everything)"),
    ]


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "none"
