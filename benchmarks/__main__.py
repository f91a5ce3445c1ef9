"""Runs the benchmarks by name, one after the other, and draws the plots: `make bench` and `make bench-quick`.

    python benchmarks [--quick] [--out FOLDER] [NAME ...]

A script that fails or takes more than three times its budget is named at the end, and the exit status is 1; the others
run all the same.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
RESULTS = HERE / "results"
RIVALS = HERE.parent / ".cali" / "rivals" / "bin" / "python"


class Budget(NamedTuple):
    """How long a script is meant to take, seconds on a quiet machine of two cores."""

    full_s: float
    quick_s: float


SCRIPTS = {
    "page": Budget(200, 40),
    "kinesis_client": Budget(60, 20),
    "fingerprint": Budget(45, 10),
    "redaction": Budget(10, 5),
    "throttle": Budget(25, 10),
    "retrieval": Budget(70, 25),
    "system": Budget(160, 35),
    "startup": Budget(75, 25),
    "idle": Budget(30, 10),
}
PATIENCE = 3
"""Times its budget that a script may take: other machines are slower."""


def run(name: str, budget: Budget, out: Path, *, quick: bool) -> str:
    """Run one script; returns what was wrong with it, or nothing."""
    script = HERE / f"{name}.py"
    if not script.exists():
        return "there is no such script"
    allowed_s = PATIENCE * (budget.quick_s if quick else budget.full_s)
    command = [sys.executable, str(script), "--out", str(out), *(["--quick"] if quick else [])]
    begun = time.monotonic()
    try:
        done = subprocess.run(command, check=False, timeout=allowed_s)
    except subprocess.TimeoutExpired:
        return f"it was stopped after {allowed_s:.0f} s"
    print(f"-- {name}: {time.monotonic() - begun:.0f} s\n", flush=True)
    return f"it ended with status {done.returncode}" if done.returncode else ""


def plots(out: Path) -> str:
    """Draw what there are tables for, if matplotlib is there; returns what was wrong, or nothing."""
    if not RIVALS.exists():
        print(f"-- no plots: matplotlib is looked for in {RIVALS.parents[1].name}, which `make bench` makes\n")
        return ""
    done = subprocess.run([RIVALS, str(HERE / "plot.py"), str(out)], check=False)
    return f"it ended with status {done.returncode}" if done.returncode else ""


def main() -> None:
    """Run them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SCRIPTS)}; none: all")
    options.add_argument("--quick", action="store_true", help="few records and repeats: under two minutes for all")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    if strangers := sorted(set(given.names) - set(SCRIPTS)):
        options.error(f"there is no benchmark {', '.join(strangers)}: choose of {', '.join(SCRIPTS)}")
    begun = time.monotonic()
    chosen = given.names or list(SCRIPTS)
    failed = {name: why for name in chosen if (why := run(name, SCRIPTS[name], given.out, quick=given.quick))}
    if why := plots(given.out):
        failed["plot"] = why
    print(f"-- all: {time.monotonic() - begun:.0f} s, tables and plots are in {given.out}")
    for name, why in failed.items():
        print(f"-- FAILED: {name}: {why}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
