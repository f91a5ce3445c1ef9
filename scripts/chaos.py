"""Runs seeds of the chaos harness that have not run yet, and writes a report: `make chaos RUNS=200`.

One line of JSON for each seed goes to `state.jsonl` in the folder; what stands there is not run again, unless the seed
draws another plan by now. `report.md` is written anew after every 25 seeds and at the end, also at one by Ctrl-C. The
folder of a run that failed stays beside it. Exit status 1 if any seed failed, now or before, or could not be run.
"""

import argparse
import json
import sys
import threading
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "chaos"))

from harness.report import report  # noqa: E402 - the harness lies beside the tests
from harness.run import Result, failure, run  # noqa: E402 - likewise
from harness.scenario import draw  # noqa: E402 - likewise
from harness.servers import Servers, started  # noqa: E402 - likewise

RUNS_PER_SERVER = 25
"""Local servers keep some memory of each run: they are started anew from time to time."""


def known(state: Path) -> dict[int, Result]:
    """Results of earlier runs of the plans as they are drawn now, by seed; the last line of a seed counts."""
    if not state.exists():
        return {}
    rows = [Result(**json.loads(line)) for line in state.read_text("utf-8").splitlines()]
    return {row.seed: row for row in rows if row.plan == draw(row.seed).digest}


def work(seeds: list[int], jobs: int, folder: Path, state: Path) -> None:
    """Run seeds, some side by side; each result is written at once."""
    todo = deque(seeds)
    lock, stop = threading.Lock(), threading.Event()

    def worker(servers: Servers) -> None:
        while not stop.is_set():
            with lock:
                if not todo:
                    return
                seed = todo.popleft()
            try:
                one(seed, servers)
            except Exception:  # noqa: BLE001 - of the harness, not of the page: told, and left for the next call
                traceback.print_exc()

    def one(seed: int, servers: Servers) -> None:
        plan = draw(seed)
        result = run(plan, servers, _fresh(folder / f"seed-{seed}"))
        with lock, state.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(result)) + "\n")
            verdict = "FAILED" if result.problems else "ok"
            print(f"seed {seed}: {verdict} in {result.seconds:.1f} s", flush=True)
            if result.problems:
                print(failure(plan, result), flush=True)

    with started(folder) as servers, ThreadPoolExecutor(jobs) as pool:
        workers = [pool.submit(worker, servers) for _ in range(jobs)]
        try:
            wait(workers)  # and not `join()`: interrupted, CPython 3.11 takes the thread for ended
        except KeyboardInterrupt:
            print("ends with the runs under way", flush=True)
            stop.set()
            raise


def summed_up(folder: Path, state: Path) -> tuple[int, list[int]]:
    """Write the report; how many seeds there are by now, and which failed."""
    results = [result for _, result in sorted(known(state).items())]
    (folder / "report.md").write_text(report(results), encoding="utf-8")
    return len(results), [result.seed for result in results if result.problems]


def _fresh(folder: Path) -> Path:
    """The folder's name, with a number if an earlier failure is kept there."""
    number = 1
    while folder.exists():
        number += 1
        folder = folder.with_name(f"{folder.name.partition('.')[0]}.{number}")
    return folder


def main() -> None:
    """Parse the arguments, run, report."""
    parser = argparse.ArgumentParser(description="Breaks the page by seeded plans and accounts for every record.")
    parser.add_argument("--runs", type=int, default=200, help="seeds 1 to RUNS")
    parser.add_argument("--seed", type=int, action="append", help="run this seed, again if need be; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cali" / "chaos", help="state, report and failures")
    parser.add_argument("--show", action="store_true", help="only print the plans")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "state.jsonl"
    done = known(state)
    seeds = options.seed or [seed for seed in range(1, options.runs + 1) if seed not in done]
    if options.show:
        print("\n".join(draw(seed).shown() for seed in seeds))
        return
    try:
        for start in range(0, len(seeds), RUNS_PER_SERVER):
            work(seeds[start : start + RUNS_PER_SERVER], options.jobs, folder, state)
            summed_up(folder, state)
    except KeyboardInterrupt:
        sys.exit(130)  # as shells have it; the seeds that are left come at the next call
    finally:
        results, failed = summed_up(folder, state)
        print(f"{results} seeds, {len(failed)} failed {failed or ''}; report: {folder / 'report.md'}", flush=True)
    sys.exit(bool(failed) or not set(seeds) <= known(state).keys())


if __name__ == "__main__":
    main()
