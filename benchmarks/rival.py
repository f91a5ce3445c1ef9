"""The two ends of one JSON line: a script of `rivals/` measures itself and tells what it took; a table asks for it.

Rivals are no dependencies of the project. They live in an environment of their own, made from
`rivals/requirements.txt`; where that is absent nothing is measured, and the table says so.
"""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import measuring

PYTHON = Path(__file__).resolve().parents[1] / ".cali" / "rivals" / "bin" / "python"
NOT_INSTALLED = "not installed"
_SCRIPTS = Path(__file__).parent / "rivals"
_TIMEOUT_S = 300.0


def installed() -> bool:
    """Whether the environment of the rivals is there."""
    return PYTHON.exists()


def ask(script: str, *arguments: str, python: str | Path = PYTHON) -> dict[str, float]:
    """Run a rival's script in a process of its own; return what it told.

    Raises:
        RuntimeError: it failed; the message holds the end of its error.
    """
    done = subprocess.run(
        [str(python), str(_SCRIPTS / script), *arguments],
        env={**os.environ, "PYTHONPATH": str(_SCRIPTS.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    if done.returncode:
        msg = f"{script} failed: {done.stderr[-2000:]}"
        raise RuntimeError(msg)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def tell(work: measuring.Work) -> None:
    """Do the work in a forked process, and print what it took as one JSON line.

    `cpu_s`, `wall_s`, `peak_mib` (beyond the imports) and `resident_mib` (with them). What the work says it saw is told
    too; a work that times a part of itself says `cpu_s` and `wall_s` itself.
    """
    imports_mib = resident_mib()
    cost = dataclasses.asdict(measuring.measure(work))
    seen = cost.pop("seen")
    sys.stdout.write(json.dumps({**cost, "resident_mib": imports_mib + cost["peak_mib"], **seen}) + "\n")


class Stopwatch:
    """CPU and wall time of all threads of this process since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def taken(self) -> Mapping[str, float]:
        """Seconds so far, by the names that `tell` tells."""
        return {"cpu_s": time.process_time() - self._cpu, "wall_s": time.perf_counter() - self._wall}


def quantiles(taken: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds, of what stopwatches have taken."""
    told: dict[str, float] = {}
    for kind in ("cpu", "wall"):
        ordered = sorted(1_000 * one[f"{kind}_s"] for one in taken)
        told |= {f"{kind}_ms_p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95)}
    return told


def resident_mib() -> float:
    """Highest resident memory of this whole process (Linux; 0 elsewhere).

    Not getrusage(2): there a process also answers for the one that it was forked from, before `exec`.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
