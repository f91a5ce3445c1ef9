"""How long the start takes: to the first record read, to the first alert, until the explainer is ready; alerts then.

    python benchmarks/startup.py [--quick] [--out FOLDER]

`python -m bytewax.run dataflows.log_intelligence -r DIR -s 10 -b 0` against stand-ins on this machine, with records and
one new fault waiting in the stream, with the shipped runbooks and without any; new faults from the first record on,
while the explainer loads; and what the imports cost. The page cache is warm or cold as it happens to be. Linux.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from measuring import RESULTS, Spread, Table, report
from system_feed import Feed
from system_stage import START_S, Stage

from dataflows.demo.table import percentile

REPEATS, QUICK_REPEATS = 2, 1
GOAL_S = 3.0
"""What must hold: seconds to the first record, also with runbooks."""
LARGEST = 10
RATE, FAULTS_PER_S = 400.0, 4.0
"""What is put while the explainer loads: records and new faults a second."""
STRETCH_S = 0.5
"""So long is fed before it is looked whether the explainer is ready."""
PLAIN_S, SHORT_PLAIN_S = 11.0, 2.0
"""How long the same is put where there is no explainer to load: 11 s hold a commit (`-s 10`), which one start has."""
_PLAIN, _LOADING = "none", "the shipped ones"
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| *(\S+)")
_OWN = ("dataflows", "connectors", "rag")


class Start(NamedTuple):
    """One start: seconds since the process was started; and seconds from put to Slack of faults that began later."""

    first_record: float
    cpu_to_record: float
    """User and system time of the process when the first record had been read; seen every 20 ms."""
    first_alert: float
    ready: float
    """When the explainer had loaded its runbooks and its model; 0 without them."""
    alerts: list[float]
    """Of faults that were put from the first record on until the explainer was ready."""


def start(folder: Path, knowledge: Path | None, plain_s: float) -> Start:
    """Start the page once, in an empty folder, with a copy of a knowledge base, else for `plain_s` without any."""
    folder.mkdir()
    if knowledge is not None:
        copy = shutil.copytree if knowledge.is_dir() else shutil.copy
        copy(knowledge, folder / knowledge.name)
    with Stage(folder, rag=knowledge is not None, ingest=False) as stage:
        feed = Feed(stage.port)
        (fault,) = feed.run(RATE, 0.5, faults_per_s=2).faults
        began = time.time()
        log = stage.start_page()
        stage.until("a record is read", lambda: stage.report()["first_read"] > 0)
        cpu = stage.cpu_s("page")
        put, ready = _feed(feed, log, plain_s if knowledge is None else 0.0)
        stage.until("all faults are told", lambda: {fault, *put} <= set(_told(stage, [fault, *put])), every_s=0.2)
        told = _told(stage, [fault, *put])
        alerts = [told[name] - when for name, when in put.items()]
        return Start(stage.report()["first_read"] - began, cpu, told[fault] - began, max(0.0, ready - began), alerts)


def _feed(feed: Feed, log: Path, plain_s: float) -> tuple[dict[str, float], float]:
    """Put records and new faults until the explainer is ready, or for `plain_s`.

    Returns the faults, each with when it was put, and when the explainer was ready (0: never); seconds since the epoch.
    """
    put: dict[str, float] = {}
    began, ready = time.monotonic(), 0.0
    while time.monotonic() - began < (plain_s or START_S) and not ready:
        put.update(feed.run(RATE, STRETCH_S, faults_per_s=FAULTS_PER_S).faults)
        ready = _loaded(log)
    if not (ready or plain_s):
        msg = f"the explainer was not ready after {START_S:g} s: see {str(log)!r}"
        raise TimeoutError(msg)
    return {name: when for name, when in put.items() if not ready or when < ready}, ready


def _told(stage: Stage, faults: list[str]) -> dict[str, float]:
    """When Slack took a message about a fault, seconds since the epoch."""
    told: dict[str, float] = {}
    for message in stage.messages():
        text = json.dumps(message["payload"])
        told.update({fault: message["received_ts"] for fault in faults if fault in text and fault not in told})
    return told


def _loaded(log: Path) -> float:
    """When the page's log says that runbooks are loaded; 0 before."""
    for line in log.read_text("utf-8").splitlines():
        if '"rag.knowledge_base.loaded"' in line:
            return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
    return 0.0


def imports() -> tuple[Counter[str], int]:
    """Milliseconds by package of importing the page, from `-X importtime`, and how many modules those are."""
    command = [sys.executable, "-X", "importtime", "-c", "import dataflows.log_intelligence"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=RESULTS.parents[1]).stderr
    cost: Counter[str] = Counter()
    found = _IMPORT.findall(text)
    for micros, module in found:
        package = module.partition(".")[0]
        name = package if package not in sys.stdlib_module_names else "standard library"
        cost["CALI itself" if package in _OWN else name] += int(micros)
    return cost, len(found)


def tables(starts: dict[str, list[Start]]) -> list[Table]:
    """What was seen."""
    rows = []
    for name, seen in starts.items():
        columns = [Spread.of(column) for column in zip(*(one[:-1] for one in seen), strict=True)]
        kept = "kept" if columns[0].median <= GOAL_S else "**BROKEN**"
        told = [str(one) if one.high else "-" for one in columns]
        rows.append([name, *told, f"<= {GOAL_S:g} s: {kept}"])
    cost, modules = imports()
    total = cost.total()
    largest = [[name, f"{micros / 1000:.0f}", f"{micros / total:.0%}"] for name, micros in cost.most_common(LARGEST)]
    return [
        Table(
            "From exec, seconds",
            ["runbooks", "first record read", "CPU until then", "first alert at Slack", "explainer ready", "must hold"],
            rows,
            f"Median (lowest-highest) of {len(next(iter(starts.values())))}, in turn. Records and one new fault wait "
            "in the stream; a bot token; a new recovery store. Without runbooks neither torch nor Milvus is loaded. "
            "The page cache is not controlled: a first start on a new node reads all libraries from disk besides.",
        ),
        Table(
            "New faults while the explainer loads",
            ["runbooks", "faults", "p50, s", "p95, s", "longest, s"],
            [_alerts(name, [took for one in seen for took in one.alerts]) for name, seen in starts.items()],
            f"From PutRecords to Slack, nearest ranks over all starts: {FAULTS_PER_S:g} new faults a second, each to a "
            f"channel of its own, among {RATE:g} records/s, from the first record read until the explainer is ready. "
            "Without runbooks nothing is loaded, and the same is put for a few seconds.",
        ),
        Table(
            "What importing the page costs",
            ["package", "ms", "of all"],
            largest,
            f"`python -X importtime -c 'import dataflows.log_intelligence'`, one run: the {LARGEST} largest packages "
            f"of {modules:,} modules, each module's own time; {total / 1000:.0f} ms together (measuring adds to it). "
            "torch, sentence-transformers, pymilvus, bm25s, scipy, openai and boto3 are not among them: they are "
            "imported by whoever needs them first.",
        ),
    ]


def _alerts(name: str, took: list[float]) -> list[str]:
    return [name, str(len(took)), *(f"{percentile(took, percent):.2f}" for percent in (50, 95, 100))]


def _ingested(folder: Path) -> Path:
    """A knowledge base with the shipped runbooks."""
    folder.mkdir()
    with Stage(folder, rag=True) as stage:
        return stage.knowledge


def main() -> None:
    """Run, print, write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one start, without runbooks")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    starts: dict[str, list[Start]] = {_PLAIN: []} if given.quick else {_PLAIN: [], _LOADING: []}
    with tempfile.TemporaryDirectory(prefix="cali-startup-") as name:
        folder = Path(name)
        knowledge = None if given.quick else _ingested(folder / "knowledge")
        for number in range(QUICK_REPEATS if given.quick else REPEATS):
            plain_s = SHORT_PLAIN_S if number or given.quick else PLAIN_S
            starts[_PLAIN].append(start(folder / f"none-{number}", None, plain_s))
            if knowledge is not None:
                starts[_LOADING].append(start(folder / f"runbooks-{number}", knowledge, plain_s))
    report("startup", "Start-up", tables(starts), given.out)


if __name__ == "__main__":
    main()
