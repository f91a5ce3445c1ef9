"""`cali replay`: what it prints around the messages."""

import sys
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY

from connectors.slack import LedgerError
from dataflows import logs
from dataflows.domain.rules import NO_RULES, Rules, RulesError
from dataflows.replay.account import Account
from dataflows.replay.compare import lines, would_send
from dataflows.replay.files import Origin, ReplayError, read
from dataflows.replay.live import replay as run_live
from dataflows.replay.marks import Marks
from dataflows.replay.page import dry_run as run_dry
from dataflows.replay.page import rules_of
from dataflows.rulebook import read_rules
from dataflows.settings import Settings, load
from dataflows.steps.drain import Drain


def run(  # noqa: PLR0913 - the options of a command
    source: str,
    level: str | None,
    *,
    dry_run: bool,
    again: bool = False,
    rules: Path | None = None,
    against: Path | None = None,
) -> int:
    """Replay a source. A first SIGTERM or Ctrl-C ends the reading; what has been read is finished.

    With `rules` the source is read twice, dry, and the messages under `against` (or the rules of the settings) and
    under `rules` are compared.

    Exit status: 0 all of it; 1 some could not be read or delivered, or a signal came; 2 nothing could be read.
    """
    if wrong := _misused(dry_run=dry_run, rules=rules, against=against):
        print(f"cali replay: {wrong}", file=sys.stderr)
        return 2
    settings = load()
    logs.configure(settings.log_level)
    drain, account = Drain(), Account()
    drain.install()
    undelivered: list[str] = []
    try:
        marks = Marks(settings.s3, again=again)
        origins = read(source, settings.s3, account, level, drain.asked, marks=marks)
        if rules is not None:
            twice = read(source, settings.s3, Account(), level, drain.asked, marks=Marks(settings.s3, again=again))
            pieces = _compare(settings, (origins, twice), rules, against)
        elif dry_run:
            print(would_send(run_dry(settings, origins)))
            pieces = _pieces()
        else:
            undelivered = run_live(settings, origins, drain, marks)
            pieces = _pieces()
    except (ReplayError, LedgerError) as err:
        print(f"cali replay: {err}", file=sys.stderr)
        return 2
    except RulesError as err:
        for problem in err.problems:
            print(f"cali replay: {problem}", file=sys.stderr)
        return 2
    for notice in account.notices():
        print(notice)
    print(f"{account.records} records read; {pieces}")
    for problem in [*account.problem_lines(), *undelivered]:
        print(f"cali replay: {problem}", file=sys.stderr)
    if (account.bad_files or account.bad_lines or account.empty) and not account.records:
        return 2
    return 1 if account.failed or undelivered else 0


def _misused(*, dry_run: bool, rules: Path | None, against: Path | None) -> str:
    """Say what is wrong with the options, or nothing."""
    if against is not None and rules is None:
        return "--against compares with the file of --rules: give that as well"
    return (
        "--rules compares messages and sends none: give --dry-run as well" if rules is not None and not dry_run else ""
    )


def _compare(settings: Settings, twice: tuple[Iterator[Origin], Iterator[Origin]], new: Path, old: Path | None) -> str:
    """Print what both rules would send, and the difference; returns the books of the first run."""
    name = str(old or settings.rules.path or "no rules")
    before, after = read_rules(old) if old else rules_of(settings), read_rules(new)
    first = run_dry(settings, twice[0], rules=before, echo=False)
    pieces = _pieces()
    second = run_dry(settings, twice[1], rules=after, echo=False)
    for line in lines(_named(name, before), first, _named(str(new), after), second):
        print(line)
    return pieces


def _named(name: str, rules: Rules) -> str:
    return f"{name} (version {rules.version})" if rules is not NO_RULES else name


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
