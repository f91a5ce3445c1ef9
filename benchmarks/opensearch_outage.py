"""OpenSearch goes away under load: what is lost, how long catching up takes, how much memory it costs.

    python benchmarks/opensearch_outage.py [--rate 2000] [--alarming 0.2] [--before 30] [--down 120] [--after 90]

The real page with recovery in a process of its own, fed by a clock with generated records; the OpenSearch-compatible
server of the extra `demo` behind a proxy that refuses connections during the outage. Epochs of 10 s, as in production.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

PREFIX = "outage"
ROUND_S = 0.1
NORMAL_S = 3.0
"""An index is up to date that lacks no more than what came in this many seconds: two lingers and a bulk call."""

WARM_UP_S = 10.0
"""Imports, first connections, a server that starts."""


class Proxy:
    """Hands bytes on to a port, or refuses connections and cuts the open ones."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._server: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def up(self) -> None:
        """Take connections."""
        self._server = server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections from now on; those that are open end."""
        if self._server is None:
            return
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
                behind = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open |= {client, behind}
            for a, b in ((client, behind), (behind, client)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, a: socket.socket, b: socket.socket) -> None:
        with suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        for one in (a, b):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._open.discard(one)


def page(url: str, folder: Path, rate: int, alarming: float, seconds: float) -> None:  # noqa: C901 - a process
    """Run the page until the time is up; one line of figures a second on standard output."""
    from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition  # noqa: PLC0415 - the child's alone
    from bytewax.recovery import RecoveryConfig  # noqa: PLC0415
    from bytewax.testing import cluster_main  # noqa: PLC0415
    from prometheus_client import REGISTRY  # noqa: PLC0415

    from connectors.kinesis import RecordBatch  # noqa: PLC0415
    from connectors.opensearch import OpenSearchConfig, OpenSearchSink  # noqa: PLC0415
    from dataflows import logs  # noqa: PLC0415
    from dataflows.domain.levels import Level  # noqa: PLC0415
    from dataflows.domain.peek import peek  # noqa: PLC0415
    from dataflows.endpoints import Endpoints, delivering, guard, rulebook  # noqa: PLC0415
    from dataflows.generate import wire  # noqa: PLC0415
    from dataflows.generate.generator import LogGenerator  # noqa: PLC0415
    from dataflows.log_intelligence import build  # noqa: PLC0415
    from dataflows.replay.page import Forgetful, Nowhere, Silent, no_letter  # noqa: PLC0415
    from dataflows.settings import Settings  # noqa: PLC0415
    from dataflows.steps.clock import WallClock  # noqa: PLC0415
    from dataflows.steps.explain import Explaining  # noqa: PLC0415
    from dataflows.steps.triage import Triage  # noqa: PLC0415

    def pool(bad: bool, count: int) -> Iterator[bytes]:  # noqa: FBT001 - two pools
        lines = (wire.render(one) for one in LogGenerator(seed=1, rate=1000, start_ts=1_795_000_000))
        found = (line for line in lines if ((peek(line) or Level.WARN) >= Level.WARN) is bad)
        return cycle(list(islice(found, count)))

    class Part(StatefulSourcePartition[RecordBatch, int]):
        def __init__(self) -> None:
            self._good, self._bad = pool(bad=False, count=5_000), pool(bad=True, count=2_000)
            self._count = 0
            self._start = self._due = time.time()
            self.late = 0.0

        def next_batch(self) -> list[RecordBatch]:
            now = time.time()
            if now > self._start + seconds:
                raise StopIteration
            self.late = max(self.late, now - self._due)
            self._due += ROUND_S
            size, bad = int(rate * ROUND_S), int(rate * ROUND_S * alarming)
            lines = [next(self._bad) for _ in range(bad)] + [next(self._good) for _ in range(size - bad)]
            first, self._count = self._count, self._count + size
            # No two pieces are equal: a number makes each a record of its own.
            data = [b'%s,"n":%d}\n' % (line.rstrip()[:-1], first + n) for n, line in enumerate(lines)]
            sequences = [str(first + n) for n in range(size)]
            return [RecordBatch("slot-00", "bench", "shardId-000000000000", sequences, data, [now] * size)]

        def next_awake(self) -> datetime:
            return datetime.fromtimestamp(self._due, UTC)

        def snapshot(self) -> int:
            return self._count

    made: list[Part] = []

    class Source(FixedPartitionedSource[RecordBatch, int]):
        def list_parts(self) -> list[str]:
            return ["one"]

        def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Part:
            made.append(Part())
            return made[-1]

    def figures() -> None:
        def value(name: str, **labels: str) -> float:
            return REGISTRY.get_sample_value(name, labels) or 0.0

        while True:
            bad = sum(value("cali_pieces_alarming_total", level=level) for level in ("WARN", "ERROR", "FATAL"))
            row = {
                "alarming": bad,
                "indexed": value("cali_search_documents_total", sink="search"),
                "spilled": value("cali_search_spilled_total", sink="search"),
                "breaker": value("cali_breaker_state", dependency="opensearch"),
                "late": made[0].late if made else 0.0,
            }
            if made:
                made[0].late = 0.0
            print(json.dumps(row), flush=True)
            time.sleep(1)

    threading.Thread(target=figures, daemon=True).start()
    logs.configure("ERROR")
    settings, clock = Settings(_env_file=None), WallClock()
    config = OpenSearchConfig(url=url, index_prefix=PREFIX, lifecycle="none", close_timeout_s=30)
    refused: list[Any] = []
    io = Endpoints(
        source=Source(),
        archive=Nowhere(),
        dead_letters=Nowhere(),
        search=OpenSearchSink("search", config, folder / "spool", refused.extend),
        history=OpenSearchSink("history", config, folder / "spool", refused.extend),
        sort=Triage(None),
        explaining=Explaining(Silent()),
        clock=clock,
        delivering=delivering(settings, _NoChannel(), Forgetful(), clock, refuse=no_letter),
        rules=rulebook(settings),
        guard=guard(settings, _NoChannel(), threads=False),
    )
    flow = build(settings.model_copy(update={"opensearch": config}), io)
    recovery = RecoveryConfig(str(folder / "recovery"), backup_interval=timedelta(0))
    cluster_main(flow, [], 0, recovery_config=recovery, epoch_interval=timedelta(seconds=10), worker_count_per_proc=1)


class _NoChannel:
    """Takes every message."""

    def channel_of(self, alert: object) -> str:
        del alert
        return "none"

    def post(self, alert: object) -> Any:  # noqa: ANN401 - imported where it is used
        del alert
        from connectors.slack import Outcome, PostResult  # noqa: PLC0415 - the child's alone

        return PostResult(Outcome.ACCEPTED)


@contextmanager
def _server() -> Iterator[int]:
    import osmem_server  # noqa: PLC0415 - extra `demo`

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    binary = Path(osmem_server.__file__).parent / "bin" / "osmem-server"
    with subprocess.Popen(
        [str(binary), "-addr", f"127.0.0.1:{port}", "-no-stdin-watch"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield port
        finally:
            process.kill()


def _until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not done():
        if time.monotonic() > limit:
            raise TimeoutError
        time.sleep(0.1)


def _count(port: int) -> int:
    base = f"http://127.0.0.1:{port}/{PREFIX}-logs-*"
    urllib.request.urlopen(urllib.request.Request(f"{base}/_refresh", method="POST"), timeout=60)  # noqa: S310
    with urllib.request.urlopen(f"{base}/_count", timeout=60) as answer:  # noqa: S310 - a server of ours on loopback
        return int(json.load(answer)["count"])


def _rss(pid: int) -> float:
    """Resident memory of a process, MiB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Run it and print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, default=2_000, help="records a second")
    options.add_argument("--alarming", type=float, default=0.2, help="share of records from WARN up")
    for name, default in (("before", 30.0), ("down", 120.0), ("after", 90.0)):
        options.add_argument(f"--{name}", type=float, default=default, help="seconds")
    options.add_argument("--page", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    given = options.parse_args()
    total = given.before + given.down + given.after
    if given.page:
        page(given.page[0], Path(given.page[1]), given.rate, given.alarming, total)
        return
    with tempfile.TemporaryDirectory() as name, _server() as port:
        (Path(name) / "recovery").mkdir()
        subprocess.run([sys.executable, "-m", "bytewax.recovery", f"{name}/recovery", "1"], check=True)
        proxy = Proxy(port)
        proxy.up()
        command = [sys.executable, __file__, *sys.argv[1:], "--page", f"http://127.0.0.1:{proxy.port}", name]
        rows: list[dict[str, float]] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            start, phase, back = 0.0, "starting", 0.0
            for line in child.stdout or ():
                now = time.monotonic()
                try:
                    row = json.loads(line)
                except ValueError:  # a log line
                    sys.stderr.buffer.write(line)
                    continue
                if not row["alarming"]:
                    continue
                start = start or now
                if phase == "starting" and now - start > given.before:
                    proxy.down()
                    phase = "down"
                elif phase == "down" and now - start > given.before + given.down:
                    proxy.up()
                    phase, back = "after", now
                row |= {"phase": phase, "at": now - start, "rss": _rss(child.pid) if child.poll() is None else 0.0}
                rows.append(row)
                if len(rows) % 10 == 0:
                    print(json.dumps(row), file=sys.stderr)
        if not rows:
            sys.exit("the page ended before it read anything: see above")
        indexed = _count(port)
    _print(given, rows, indexed, back - start, child.returncode)


def _print(given: argparse.Namespace, rows: list[dict[str, Any]], indexed: int, back: float, status: int) -> None:
    per_second = given.rate * given.alarming
    steady = [row["rss"] for row in rows if row["phase"] == "starting"][-5:]
    lacking = [row["at"] for row in rows if row["alarming"] - row["indexed"] > NORMAL_S * per_second]
    growth = max(row["rss"] for row in rows) - sum(steady) / len(steady)
    print(f"{given.rate}/s, {per_second:.0f}/s indexed; down for {given.down:.0f} s; exit status {status}\n")
    print("| figure | value |\n|---|---|")
    print(f"| records from WARN up | {rows[-1]['alarming']:,.0f} |")
    print(f"| documents in the index | {indexed:,} |")
    print(f"| documents that went through the spool | {rows[-1]['spilled']:,.0f} |")
    again = f"{max(lacking, default=back) - back:.1f}" if rows[-1]["at"] not in lacking else "not within the run"
    print(f"| index up to date again, seconds after the outage | {again} |")
    print(f"| documents not yet sent, in the spool or the state | {rows[-1]['alarming'] - indexed:,.0f} |")
    late = max(row["late"] for row in rows if row["at"] > WARM_UP_S)
    print(f"| source late after the first {WARM_UP_S:.0f} s, at most, seconds | {late:.2f} |")
    print(f"| resident memory before, MiB | {sum(steady) / len(steady):.0f} |")
    print(f"| growth at most, MiB | {growth:.0f} |")


if __name__ == "__main__":
    main()
