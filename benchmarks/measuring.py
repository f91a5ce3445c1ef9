"""What every benchmark shares: interleaved repeats, each in a process of its own, and tables with medians and spread.

CPU time is user and system time of the process and its children. It depends on the machine and on what else runs there:
compare the rows of one table, and rows of one run, never figures of two machines.
"""

import dataclasses
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Work = Callable[[], Mapping[str, float] | None]
"""Does the work once; may return what it saw beside its cost (such as records counted), by name."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one run took."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    """Largest resident memory beyond what the process had before the work began (Linux; 0 elsewhere)."""
    seen: Mapping[str, float]


def measure(work: Work) -> Cost:
    """Run the work in a forked process.

    Raises:
        RuntimeError: the process failed; its error is on standard error.
    """
    reading, writing = os.pipe()
    gc.collect()
    gc.freeze()
    child = os.fork()
    if child == 0:  # never returns: whatever happens, the copy of this process ends here
        status = 1
        try:
            os.close(reading)
            os.write(writing, json.dumps(dataclasses.asdict(_cost(work))).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - told on standard error, and by the status
            import traceback  # noqa: PLC0415 - only on the way out

            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    if not told:
        msg = "a measured process failed: see its error above"
        raise RuntimeError(msg)
    return Cost(**json.loads(told))


def _cost(work: Work) -> Cost:
    before = _peak_mib(reset=True)
    cpu, wall = _cpu_s(), time.perf_counter()
    seen = work() or {}
    return Cost(_cpu_s() - cpu, time.perf_counter() - wall, max(0.0, _peak_mib() - before), dict(seen))


def _cpu_s() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_mib(*, reset: bool = False) -> float:
    """Highest resident memory of this process; with `reset`, from now on (proc(5), `clear_refs`)."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def interleaved(variants: Mapping[str, Work], repeats: int) -> dict[str, list[Cost]]:
    """Every variant once per repeat, in turn, so that a slow minute of the machine meets all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, work in variants.items():
            costs[name].append(measure(work))
    return costs


@dataclasses.dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of some figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)}-{_short(self.high)})"


def _short(figure: float) -> str:
    if abs(figure) >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.3g}" if abs(figure) < 100 else f"{figure:.0f}"


@dataclasses.dataclass(frozen=True)
class Table:
    """One table of a result file. Cells are written as they are; `Spread` as median (lowest-highest)."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    """What was done, with what: a stranger can tell from it what the figures mean."""

    def markdown(self) -> str:
        """The table under its title."""
        lines = [f"## {self.title}", ""]
        if self.note:
            lines += [self.note, ""]
        lines += ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in self.rows]
        return "\n".join([*lines, ""])

    def plain(self) -> dict[str, Any]:
        """The table as JSON has it: a `Spread` as its three figures, anything else that is no number as text."""
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        return {"title": self.title, "note": self.note, "columns": [*self.columns], "rows": rows}


def _plain(cell: Any) -> Any:  # noqa: ANN401 - whatever stands in a table
    if isinstance(cell, Spread):
        return {**dataclasses.asdict(cell), "text": str(cell)}
    return cell if isinstance(cell, int | float) else str(cell)


def machine() -> str:
    """One line: what it ran on. Nothing that names a host."""
    commit = subprocess.run(
        ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"],  # noqa: S607 - git, wherever it is
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    load = f"{os.getloadavg()[0]:.1f}"
    model = _cpu_model()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}, Python {platform.python_version()}, "
        f"{os.cpu_count()} CPUs ({model}), load {load} at the end"
    )


def _cpu_model() -> str:
    try:
        names = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in names if line.startswith("model name")), platform.machine())


def report(name: str, title: str, tables: Sequence[Table], folder: Path = RESULTS) -> Path:
    """Print the tables and write them to `<folder>/<name>.md` with the machine's facts; beside it as JSON for plots."""
    facts = machine()
    text = "\n".join([f"# {title}", "", f"Machine: {facts}.", "", *(table.markdown() for table in tables)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    plain = {"title": title, "machine": facts, "tables": [table.plain() for table in tables]}
    path.with_suffix(".json").write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(text)
    return path
