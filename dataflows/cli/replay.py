"""`cali replay`: what it prints around the messages."""

import sys

from prometheus_client import REGISTRY

from connectors.slack import LedgerError
from dataflows import logs
from dataflows.endpoints import Drain
from dataflows.replay.account import Account
from dataflows.replay.files import ReplayError, read
from dataflows.replay.live import replay as run_live
from dataflows.replay.page import dry_run as run_dry
from dataflows.replay.page import tally
from dataflows.settings import load


def run(source: str, level: str | None, *, dry_run: bool) -> int:
    """Replay a source. A first SIGTERM or Ctrl-C ends the reading; what has been read is finished.

    Exit status: 0 all of it; 1 some could not be read or delivered, or a signal came; 2 nothing could be read.
    """
    settings = load()
    logs.configure(settings.log_level)
    drain, account = Drain(), Account()
    drain.install()
    undelivered: list[str] = []
    try:
        origins = read(source, settings.s3, account, level, drain.asked)
        if dry_run:
            alerts = run_dry(settings, origins)
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally(alerts).items())) or "none"
            print(f"{len(alerts)} messages would have been sent: {reasons}")
        else:
            undelivered = run_live(settings, origins, drain)
    except (ReplayError, LedgerError) as err:
        print(f"cali replay: {err}", file=sys.stderr)
        return 2
    for notice in account.notices():
        print(notice)
    print(f"{account.records} records read; {_pieces()}")
    for problem in [*account.problem_lines(), *undelivered]:
        print(f"cali replay: {problem}", file=sys.stderr)
    if (account.bad_files or account.bad_lines) and not account.records:
        return 2
    return 1 if account.failed or undelivered else 0


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
