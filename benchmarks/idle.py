"""What an idle or slow stream costs: CPU of the page by records a second and shards, and by read.

    python benchmarks/idle.py [--quick] [--out FOLDER]

The page as in `system.py`, one for each number of shards, without runbooks. Most of the cost is by read and not by
record, since a shard is read some four times a second while it brings anything, about once while it does not. Linux.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import system_servers
from measuring import RESULTS, Table, report
from system_feed import Feed
from system_stage import Stage

SHARDS, QUICK_SHARDS = (8, 32), (32,)
RATES, QUICK_RATES = (0, 400, 4_000), (0, 4_000)
SETTLE_S, MEASURED_S = 0.7, 2.2
QUICK_SETTLE_S, QUICK_MEASURED_S = 0.5, 1.0


class Cost(NamedTuple):
    """What the page took in a stretch of time."""

    cores: float
    reads: float
    """Answers of GetRecords, a second."""
    records: float
    """Triaged, a second."""

    def row(self, shards: int, asked: int, threads: str, mib: str) -> list[str]:
        """As a line of the table."""
        by_read = f"{self.cores / self.reads * 1000:.2f}" if self.reads else "-"
        return [
            str(shards),
            f"{asked:,}",
            f"{self.records:,.0f}",
            f"{self.cores:.3f}",
            f"{self.reads:.0f}",
            by_read,
            threads,
            mib,
        ]


class Slow(Stage):
    """A stage whose stream has so many shards."""

    def __init__(self, folder: Path, shards: int) -> None:
        super().__init__(folder, rag=False)
        self.shards = shards
        self._feed: Feed | None = None

    def start(self, name: str, command: list[str], settings: dict[str, str] | None = None) -> Path:
        """As ever, but the stand-ins are those of this file."""
        if name == "servers":
            command = [sys.executable, __file__, "--serve", str(self.shards)]
        return super().start(name, command, settings)

    def reads(self) -> bool:
        """Whether each shard was read: the page is up."""
        return self.numbers().total("cali_kinesis_reads_total") >= self.shards

    def measure(self, rate: int, settle_s: float, seconds: float) -> Cost:
        """Feed for a while, and see what the page takes for it."""
        self._run(rate, settle_s)
        first = self._moment()
        self._run(rate, seconds)
        last = self._moment()
        span, cpu, reads, records = (b - a for a, b in zip(first, last, strict=True))
        return Cost(cpu / span, reads / span, records / span)

    def size(self) -> tuple[str, str]:
        """Threads of the page, and its resident memory in MiB."""
        status = Path(f"/proc/{self._pids['page']}/status").read_text("ascii").splitlines()
        told = {name: value.split()[0] for name, _, value in (line.partition(":") for line in status) if value.split()}
        return told["Threads"], f"{int(told['VmRSS']) / 1024:.0f}"

    def _run(self, rate: int, seconds: float) -> None:
        if not rate:
            time.sleep(seconds)
            return
        self._feed = self._feed or Feed(self.port)
        self._feed.run(rate, seconds)

    def _moment(self) -> tuple[float, float, float, float]:
        numbers = self.numbers()
        reads, records = (numbers.total(f"cali_{name}_total") for name in ("kinesis_reads", "pieces"))
        return time.monotonic(), self.cpu_s("page"), reads, records


def measured(stages: Sequence[Slow], rates: Sequence[int], settle_s: float, seconds: float) -> list[list[str]]:
    """One after the other: those that wait take little, and none of it counts."""
    rows = []
    for stage in stages:
        for rate in rates:
            cost = stage.measure(rate, settle_s, seconds)
            rows.append(cost.row(stage.shards, rate, *stage.size()))
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Run, print, write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one number of shards, two rates, a second each")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        system_servers.SHARDS = given.serve  # its world is made with as many
        system_servers.main()
    shards, rates = (QUICK_SHARDS, QUICK_RATES) if given.quick else (SHARDS, RATES)
    settle_s, seconds = (QUICK_SETTLE_S, QUICK_MEASURED_S) if given.quick else (SETTLE_S, MEASURED_S)
    with ExitStack() as stack:
        stages = [
            stack.enter_context(Slow(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cali-idle-"))), many))
            for many in shards
        ]
        for stage in stages:
            stage.start_page()
        for stage in stages:
            stage.until("the page reads", stage.reads, every_s=0.2)
        rows = measured(stages, rates, settle_s, seconds)
        statuses = [stage.stop_page() for stage in stages]
    table = Table(
        "Cost of the page by records and shards",
        [
            "shards",
            "asked, records/s",
            "records/s",
            "cores",
            "reads/s",
            "CPU ms by read",
            "threads",
            "memory, MiB",
        ],
        rows,
        f"CPU time of the page's process by wall time, over {seconds:g} s each after {settle_s:g} s at that rate; "
        "records of some 870 B, 3 % from WARN up, default settings, recovery on. `CPU ms by read` is all of it by "
        "reads: what Bytewax takes to look around (some 0.03 cores) and the work on records are in it. A snapshot, "
        "every 10 s, may fall into a stretch or not. Memory is resident, without an embedding model.",
    )
    report("idle", "What an idle or slow stream costs", [table], given.out)
    if any(statuses):
        sys.exit(f"a page did not end as it should: statuses {statuses}")


if __name__ == "__main__":
    main()
