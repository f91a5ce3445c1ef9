"""Runs the real page on generated logs, with what dashboards read from: an OpenSearch-compatible server and Prometheus.

The parts of `cali demo`, kept running while somebody asks. Prometheus (a program of its own, such as Debian's package
`prometheus`) is used if it is on the path.
"""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import requests

from connectors import s3
from connectors.kinesis import stream
from dataflows.demo.children import Children
from dataflows.demo.feed import Feeder
from dataflows.demo.place import SHARDS, Place, clean, free_port, require_extra, runbooks
from dataflows.demo.scrape import Numbers, scrape

SCRAPE_S = 1
WINDOW_S = 15.0
"""Length of a throttle window, short so that a short run has summaries. The default is 300."""
_PATIENCE_S = 120.0
_JOB = "cali/cali"
"""What Prometheus calls the processes that k8s/base/podmonitor.yaml finds: namespace and name of the monitor."""
_WARM = ("rag.knowledge_base.loaded", "rag.dependency.unavailable")


@dataclass(frozen=True)
class Running:
    """Where to ask, and the range that has data: seconds since the epoch."""

    search: str
    prometheus: str | None
    """None where the program is absent."""
    metrics: str
    """The text of the page's /metrics at the end."""
    start: float
    end: float


@contextlib.contextmanager
def running(seconds: float, rate: float, seed: int = 7) -> Iterator[Running]:
    """The page after it was fed for some seconds and has delivered all; everything ends on the way out.

    Changes `os.environ` meanwhile: this process talks to the local AWS too.

    Raises:
        dataflows.demo.place.DemoError: the extra `demo` is not installed.
        dataflows.demo.children.ChildError: a process of it died.
        TimeoutError: something did not become ready in two minutes.
    """
    require_extra()
    before, cleaned = dict(os.environ), clean(os.environ)
    with tempfile.TemporaryDirectory(prefix="cali-dashboards-", ignore_cleanup_errors=True) as directory:
        place = Place(Path(directory), WINDOW_S)
        try:
            os.environ.clear()
            os.environ.update(cleaned)
            with Children(place.directory, cleaned | {"TMPDIR": directory}) as children:
                prometheus = _serve(place, children)
                yield _fed(place, children, Feeder(place.kinesis, seconds, rate, seed), prometheus)
        finally:
            os.environ.clear()
            os.environ.update(before)
            boto3.DEFAULT_SESSION = None  # it keeps the region and the keys that it was made with


def _serve(place: Place, children: Children) -> str | None:
    """Servers, runbooks and the page; the address of Prometheus."""
    place.recovery.mkdir()
    for name, command in place.servers.items():
        children.start(name, command)
    children.start("recovery", [sys.executable, "-m", "bytewax.recovery", str(place.recovery), "1"])
    if folder := runbooks():
        program = "from dataflows.cli import app; app()"
        children.start("runbooks", [sys.executable, "-c", program, "kb", "ingest", str(folder)], extra=place.settings())
        _until("the runbooks are in", children, lambda: children.status("runbooks") is not None)
    for port in (place.aws_port, place.search_port, place.slack_port):
        _until(f"port {port} answers", children, lambda port=port: _answers(port))  # type: ignore[misc]
    _until("the recovery store is made", children, lambda: children.status("recovery") is not None)
    stream.create(place.kinesis, SHARDS)
    s3.create_bucket(place.s3)
    log = children.start("pipeline", place.page, extra=place.settings())
    _until("the page is warm", children, lambda: any(event in log.read_text("utf-8") for event in _WARM))
    _until("the page runs", children, lambda: scrape(place.metrics) is not None)
    return _watch(place, children)


def _watch(place: Place, children: Children) -> str | None:
    """Let Prometheus scrape the page."""
    program = shutil.which("prometheus")
    if program is None:
        return None
    port = free_port()
    target = f"[{{targets: ['127.0.0.1:{place.metrics_port}']}}]"
    config = place.directory / "prometheus.yaml"
    config.write_text(
        f"global: {{scrape_interval: {SCRAPE_S}s, scrape_timeout: {SCRAPE_S}s}}\n"
        f"scrape_configs:\n  - {{job_name: {_JOB}, static_configs: {target}}}\n"
    )
    command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    children.start("prometheus", [*command, f"--storage.tsdb.path={place.directory / 'tsdb'}"])
    _until("Prometheus answers", children, lambda: _answers(port))
    return f"http://127.0.0.1:{port}"


def _fed(place: Place, children: Children, feeder: Feeder, prometheus: str | None) -> Running:
    start = time.time()
    feeder.start()
    try:
        _until("the logs are put", children, lambda: feeder.done, feeder.total)
    finally:
        feeder.stop()
    if feeder.error:
        raise RuntimeError(feeder.error)
    seen: list[Numbers] = []

    def delivered() -> bool:
        if (numbers := scrape(place.metrics)) is None:
            return False
        seen[:] = [numbers]
        return numbers.total("cali_kinesis_records_total") == feeder.put and not sum(
            numbers.total(name)
            for name in ("cali_outbox_messages", "cali_alerts_gathered", "cali_search_waiting_documents")
        )

    _until("everything is delivered", children, delivered)
    text = requests.get(place.metrics, timeout=_PATIENCE_S).text
    return Running(place.opensearch.url, prometheus, text, start, time.time())


def _until(what: str, children: Children, true: Callable[[], bool], also_s: float = 0.0) -> None:
    deadline = time.monotonic() + _PATIENCE_S + also_s
    while not true():
        children.check()
        if time.monotonic() > deadline:
            tail = children.tail("pipeline") if "pipeline" in children else ""
            msg = f"waited in vain until {what}\n{tail}"
            raise TimeoutError(msg)
        time.sleep(0.2)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
