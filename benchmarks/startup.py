"""How long the start takes: from exec to the first record read, to the first alert, and until the explainer is ready.

    python benchmarks/startup.py [--quick] [--out FOLDER]

`python -m bytewax.run dataflows.log_intelligence -r DIR -s 10 -b 0` against stand-ins on this machine, with records and
one new fault waiting in the stream, with the shipped runbooks and without any; and what the imports cost. The page
cache is warm or cold as it happens to be. Linux.
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
from system_stage import Stage

REPEATS, QUICK_REPEATS = 3, 1
GOAL_S = 3.0
"""What must hold: seconds to the first record, also with runbooks."""
LARGEST = 10
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| *(\S+)")
_OWN = ("dataflows", "connectors", "rag")


class Start(NamedTuple):
    """One start: seconds since the process was started."""

    first_record: float
    cpu_to_record: float
    """User and system time of the process when the first record had been read; seen every 20 ms."""
    first_alert: float
    ready: float
    """When the explainer had loaded its runbooks and its model; 0 without them."""


def start(folder: Path, knowledge: Path | None) -> Start:
    """Start the page once, in an empty folder, with a copy of a knowledge base."""
    folder.mkdir()
    if knowledge is not None:
        copy = shutil.copytree if knowledge.is_dir() else shutil.copy
        copy(knowledge, folder / knowledge.name)
    with Stage(folder, rag=knowledge is not None, ingest=False) as stage:
        fed = Feed(stage.port).run(400, 0.5, faults_per_s=2)
        (fault,) = fed.faults
        began = time.time()
        log = stage.start_page()
        stage.until("a record is read", lambda: stage.report()["first_read"] > 0)
        cpu = stage.cpu_s("page")
        stage.until("the fault is told", lambda: bool(_told(stage, fault)), every_s=0.1)
        ready = 0.0
        if knowledge is not None:
            stage.until("the explainer is ready", lambda: bool(_loaded(log)), every_s=0.1)
            ready = _loaded(log) - began
        return Start(stage.report()["first_read"] - began, cpu, _told(stage, fault) - began, ready)


def _told(stage: Stage, fault: str) -> float:
    """When Slack took the message, seconds since the epoch; 0 before."""
    return min((m["received_ts"] for m in stage.messages() if fault in json.dumps(m["payload"])), default=0.0)


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
        columns = [Spread.of(column) for column in zip(*seen, strict=True)]
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
            "What importing the page costs",
            ["package", "ms", "of all"],
            largest,
            f"`python -X importtime -c 'import dataflows.log_intelligence'`, one run: the {LARGEST} largest packages "
            f"of {modules:,} modules, each module's own time; {total / 1000:.0f} ms together (measuring adds to it). "
            "torch, sentence-transformers, pymilvus, bm25s, scipy, openai and boto3 are not among them: they are "
            "imported by whoever needs them first.",
        ),
    ]


def main() -> None:
    """Run, print, write."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one start of each kind")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    starts: dict[str, list[Start]] = {"none": [], "the shipped ones": []}
    with tempfile.TemporaryDirectory(prefix="cali-startup-") as name:
        folder = Path(name)
        (folder / "knowledge").mkdir()
        with Stage(folder / "knowledge", rag=True) as stage:
            knowledge = stage.knowledge
        for number in range(QUICK_REPEATS if given.quick else REPEATS):
            starts["none"].append(start(folder / f"none-{number}", None))
            starts["the shipped ones"].append(start(folder / f"runbooks-{number}", knowledge))
    report("startup", "Start-up", tables(starts), given.out)


if __name__ == "__main__":
    main()
