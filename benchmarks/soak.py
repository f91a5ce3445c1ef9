"""Half an hour at full rate: does memory stay flat, does the recovery store stay bounded, is every record there once?

    python benchmarks/soak.py [--minutes 30] [--rate 5000] [--report docs/soak.md] [--keep DIR]

The real page, `python -m bytewax.run dataflows.log_intelligence -r DIR -s 10 -b 0`, with its default settings, reads a
Kinesis stand-in that is paced by the clock and writes to stand-ins of S3, OpenSearch and Slack that count and drop
(`soak_servers.py`, a process of its own). Exit status 1 if a limit is broken. Linux: memory is read from /proc.
"""

import argparse
import json
import os
import secrets
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from soak_report import EVERY_S, Result, Sample, document, row, verdicts

from dataflows.demo.children import Children
from dataflows.demo.place import clean, free_port, runbooks
from dataflows.demo.scrape import Numbers, scrape

START_S, DRAIN_S = 120.0, 180.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Page:
    """The running pipeline, looked at from outside."""

    def __init__(self, pid: int, folder: Path, metrics: str) -> None:
        self._pid, self._folder, self._metrics = pid, folder, metrics
        self._numbers = Numbers()

    def sample(self, began: float) -> Sample:
        """Look once. Of metrics that did not answer in time the last ones are taken."""
        self._numbers = scrape(self._metrics) or self._numbers
        pages = int(Path(f"/proc/{self._pid}/statm").read_text("ascii").split()[1])
        fields = Path(f"/proc/{self._pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return Sample(
            at=time.monotonic() - began,
            rss=pages * os.sysconf("SC_PAGE_SIZE"),
            cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
            store=size_of(self._folder / "recovery"),
            spool=size_of(self._folder / "state" / "spool"),
            numbers=self._numbers,
        )


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; files come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def settings(folder: Path, port: int, slack: str, metrics_port: int) -> dict[str, str]:
    """Where things are. Everything else is as it is shipped."""
    here = f"http://127.0.0.1:{port}"
    return {
        "CALI_KINESIS__STREAM": "soak",
        "CALI_KINESIS__ENDPOINT_URL": here,
        "CALI_S3__BUCKET": "soak",
        "CALI_S3__ENDPOINT_URL": here,
        "CALI_OPENSEARCH__URL": here,
        "CALI_OPENSEARCH__LIFECYCLE": "none",
        "CALI_SLACK__BOT_TOKEN": f"xoxb-{secrets.token_hex(12)}",
        "CALI_SLACK__API_URL": f"{slack}/api/",
        "CALI_RAG__MILVUS_URI": str(folder / "runbooks.db"),
        "CALI_REDACTION__KEY": secrets.token_hex(16),
        "CALI_STATE__DIR": str(folder / "state"),
        "BYTEWAX_DATAFLOW_API_ENABLED": "1",
        "BYTEWAX_DATAFLOW_API_PORT": str(metrics_port),
        "BYTEWAX_DATAFLOW_API_CACHE_PATH": str(folder),
    }


def soak(folder: Path, minutes: float, rate: int) -> "Result":
    """Run it. Raises `ChildError` if a process fails, TimeoutError if something never comes."""
    os.environ.update(environment := clean(os.environ))
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    (folder / "recovery").mkdir()
    here, metrics_port = Path(__file__).parent, free_port()
    with Children(folder, environment) as children:

        def until(what: str, done: Callable[[], bool], limit_s: float, every_s: float = 0.2) -> None:
            end = time.monotonic() + limit_s
            while not done():
                children.check()
                if time.monotonic() > end:
                    msg = f"waited {limit_s:g} s, in vain, until {what}; the pipeline's log ends:\n"
                    raise TimeoutError(msg + (children.tail("pipeline") if "pipeline" in children else ""))
                time.sleep(every_s)

        servers = [sys.executable, str(here / "soak_servers.py"), "--rate", str(rate), "--seconds", str(minutes * 60)]
        log = children.start("servers", servers)
        until("the servers are up", lambda: log.read_bytes().endswith(b"}\n"), START_S)
        ports = json.loads(log.read_text("ascii"))
        extra = settings(folder, ports["port"], ports["slack"], metrics_port)
        for name, command in {
            "recovery": [sys.executable, "-m", "bytewax.recovery", str(folder / "recovery"), "1"],
            "runbooks": [sys.executable, "-c", "from dataflows.cli import app; app()", "kb", "ingest", str(runbooks())],
        }.items():
            children.start(name, command, extra=extra)
            until(f"{name} is done", lambda name=name: children.status(name) is not None, START_S)
        flow = [sys.executable, "-m", "bytewax.run", "dataflows.log_intelligence"]
        told = ["sh", "-c", 'echo $$ > "$0"; exec "$@"', str(folder / "pid")]  # the process that Python becomes
        command = [*told, *flow, "-r", str(folder / "recovery"), "-s", "10", "-b", "0"]
        log = children.start("pipeline", command, extra=extra)
        warm = ("rag.knowledge_base.loaded", "rag.dependency.unavailable")
        until("the pipeline is warm", lambda: any(event in log.read_text("utf-8") for event in warm), START_S)
        pid = int((folder / "pid").read_text("ascii"))
        page = Page(pid, folder, f"http://127.0.0.1:{metrics_port}/metrics")
        until("the pipeline runs", lambda: bool(page.sample(0).numbers.total("cali_kinesis_reads_total")), START_S)
        url = f"http://127.0.0.1:{ports['port']}/soak"
        _call(f"{url}/start", b"{}")
        began = time.monotonic()
        samples: list[Sample] = []
        while time.monotonic() < began + minutes * 60:
            children.check()
            time.sleep(max(0.0, began + EVERY_S * (len(samples) + 1) - time.monotonic()))
            samples.append(page.sample(began))
            if len(samples) % 12 == 0:
                print(row("so far", samples[-12:]), file=sys.stderr, flush=True)
        planned = int(_call(f"{url}/report")["planned"])
        until("everything is through", lambda: _through(page.sample(began).numbers, planned), DRAIN_S, 1.0)
        last = page.sample(began)
        children.ask_to_end("pipeline")
        until("the pipeline ends", lambda: children.status("pipeline") is not None, DRAIN_S)
        return Result(samples, last, _call(f"{url}/report"), children.status("pipeline") or 0, _rows(folder))


def _through(numbers: Numbers, planned: int) -> bool:
    """Whether all that the servers had is read and written, and nothing waits."""
    waits = ("cali_search_waiting_documents", "cali_outbox_messages", "cali_spool_waiting_files")
    return numbers.total("cali_s3_records_total", sink="archive") >= planned and not any(map(numbers.total, waits))


def _call(url: str, body: bytes | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(url, body, timeout=60) as answer:  # noqa: S310 - a server of ours on loopback
        found: dict[str, Any] = json.load(answer)
    return found


def _rows(folder: Path) -> dict[str, int]:
    """Rows of each table of the recovery store."""
    with closing(sqlite3.connect(next((folder / "recovery").glob("*.sqlite3")))) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: db.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608 - its own names


def main() -> None:
    """Run, print, write, judge."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--rate", type=int, default=5_000, help="records a second")
    options.add_argument("--report", type=Path, help="write the report here as well")
    options.add_argument("--keep", type=Path, help="an empty folder to run in; it is kept, with all logs")
    given = options.parse_args()
    where = nullcontext(str(given.keep)) if given.keep else tempfile.TemporaryDirectory(prefix="cali-soak-")
    with where as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        found = soak(Path(folder).absolute(), given.minutes, given.rate)
    text = document(found, given.minutes, given.rate)
    print(text)
    if given.report:
        given.report.write_text(text, encoding="utf-8")
    sys.exit(any(one.kept is False for one in verdicts(found, given.minutes)))


if __name__ == "__main__":
    main()
