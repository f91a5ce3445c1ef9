"""`cali replay`: what it prints around the messages."""

import sys

from prometheus_client import REGISTRY

from dataflows import logs
from dataflows.replay.files import ReplayError, read
from dataflows.replay.page import dry_run as run_dry
from dataflows.replay.page import replay as run_live
from dataflows.replay.page import tally
from dataflows.settings import load


def run(source: str, level: str | None, *, dry_run: bool) -> int:
    """Replay a source; exit status 0, or 2 if it cannot be read."""
    settings = load()
    logs.configure(settings.log_level)
    try:
        origins = read(source, settings.s3, level)
        if dry_run:
            records, alerts = run_dry(settings, origins)
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally(alerts).items())) or "none"
            print(f"{len(alerts)} messages would have been sent: {reasons}")
        else:
            records = run_live(settings, origins)
    except ReplayError as err:
        print(f"cali replay: {err}", file=sys.stderr)
        return 2
    print(f"{records} records read; {_pieces()}")
    return 0


def _pieces() -> str:
    """The books of triage, as its own counters tell them."""
    alarming = _total("cali_pieces_alarming_total")
    below = _total("cali_pieces_below_level_total")
    rejected = {
        sample.labels["reason"]: int(sample.value)
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "cali_pieces_rejected_total" and sample.value
    }
    why = f" ({', '.join(f'{count} {reason}' for reason, count in sorted(rejected.items()))})" if rejected else ""
    total = int(_total("cali_pieces_total"))
    return f"{total} pieces: {int(alarming)} alarming, {int(below)} below WARN, {sum(rejected.values())} rejected{why}"


def _total(name: str) -> float:
    return sum(sample.value for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name)
