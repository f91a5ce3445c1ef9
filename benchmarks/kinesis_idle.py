"""CPU of an idle stream of 8 shards beside a flow of 64 parts that reads nothing, in one run.

    python benchmarks/kinesis_idle.py

Both run with `python -m bytewax.run` and recovery for 24 s, the first four of which do not count.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SHARDS, WARM_S, SECONDS = 8, 4.0, 20.0
FLOW = """
import os
from datetime import UTC, datetime, timedelta
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.testing import TestingSink
from connectors.kinesis import KinesisConfig, KinesisSource
from connectors.slots import SLOTS
from connectors.spool import Commits

class Nothing(StatefulSourcePartition):
    def next_batch(self): return []
    def next_awake(self): return datetime.now(UTC) + timedelta(seconds=1)
    def snapshot(self): return {"start": ("TRIM_HORIZON", 0.0), "listed": True, "shards": {}}

class Idle(FixedPartitionedSource):
    def list_parts(self): return list(SLOTS)
    def build_part(self, step_id, for_part, resume_state): return Nothing()

def flow():
    made = Dataflow("idle")
    config = KinesisConfig(stream="logs", endpoint_url=os.environ["ENDPOINT"], region="eu-central-1")
    source = KinesisSource(config, Commits(), lambda: False) if os.environ["ROLE"] == "kinesis" else Idle()
    if os.environ["ROLE"] != "kinesis":
        from connectors.kinesis.client import KinesisClient
        KinesisClient(config)  # the same imports
    op.output("out", op.input("in", made, source), TestingSink([]))
    return made
"""


@contextlib.contextmanager
def idle_stream() -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """Eight shards without records, and the reads of them."""
    reads: list[tuple[float, str]] = []
    shards = [
        {
            "ShardId": f"shardId-{n:012d}",
            "HashKeyRange": {"StartingHashKey": str(n), "EndingHashKey": str(n)},
            "SequenceNumberRange": {"StartingSequenceNumber": "0"},
        }
        for n in range(SHARDS)
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].split(".")[1]
            answer: dict[str, object]
            if operation == "GetRecords":
                reads.append((time.monotonic(), body["ShardIterator"]))
                answer = {"Records": [], "MillisBehindLatest": 0, "NextShardIterator": body["ShardIterator"]}
            elif operation == "ListShards":
                answer = {"Shards": shards}
            elif operation == "GetShardIterator":
                answer = {"ShardIterator": body["ShardId"]}
            else:
                answer = {"StreamDescriptionSummary": {"RetentionPeriodHours": 24}}
            sent = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", reads
    server.shutdown()
    server.server_close()


def _cpu(pid: int) -> float:
    """User and system CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print a table."""
    aws = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}
    running = {}
    with idle_stream() as (url, reads), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "idle_flow.py").write_text(FLOW)
        for role in ("kinesis", "nothing"):
            recovery = folder / role
            recovery.mkdir()
            subprocess.run([sys.executable, "-m", "bytewax.recovery", str(recovery), "1"], check=True)
            running[role] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "bytewax.run", str(folder / "idle_flow.py")),
                    *("-r", str(recovery), "-s", "10", "-b", "0"),
                ],
                env={**os.environ, **aws, "ROLE": role, "ENDPOINT": url},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            time.sleep(WARM_S)
            begun = time.monotonic()
            before = {role: _cpu(process.pid) for role, process in running.items()}
            time.sleep(SECONDS)
            share = {role: (_cpu(process.pid) - before[role]) / SECONDS for role, process in running.items()}
        finally:
            for process in running.values():
                process.kill()
                process.wait()
    per_shard = Counter(shard for at, shard in reads if at >= begun)
    print("| flow | share of a core |\n|---|---|")
    for role, part in share.items():
        print(f"| {role} | {part:.2%} |")
    print(f"\nabove the empty flow: {share['kinesis'] - share['nothing']:.2%}")
    print(f"reads per second and shard: at most {max(per_shard.values()) / SECONDS:.2f}")


if __name__ == "__main__":
    main()
