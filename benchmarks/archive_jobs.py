"""What is done with an hour of the archive the day after: check, roll-up and compaction; and do they repeat?

    make bench-jobs            (or: .cali/airflow/bin/python benchmarks/archive_jobs.py [--quick] [--out FOLDER])

It runs in the environment of `make test-airflow`, for Great Expectations. The hour is generated logs in two shards,
framed and sealed by the page's own steps and spool, an object for each shard and epoch of 10 seconds, in an emulator of
S3 that is a process of its own. Each job is a process as in its pod: its figures contain loading the libraries.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from measuring import RESULTS, Cost, Spread, Table, Work, interleaved, measure, report

from connectors.kinesis import RecordBatch
from connectors.s3 import S3Config, create_bucket
from connectors.s3.client import client
from connectors.s3.objects import put
from connectors.spool import Chunk, SpoolPart
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator
from dataflows.steps.archive import archive
from dataflows.steps.dead_letters import dead_letters
from dataflows.steps.triage import RejectedBatch, Triage

ROOT = Path(__file__).parents[1]
NINE = 1_768_467_600
"""2026-01-15 09:00:00 UTC: long over, or nothing would be compacted."""
HOUR, HOUR_S, EPOCH_S = "2026-01-15T09", 3600, 10
SHARDS = 2
BAD = 0.002
"""Share of records that nobody can read, so that there are dead letters."""
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-central-1"}


def batches(count: int) -> Iterator[RecordBatch]:
    """The hour as the source hands it out: a batch for each epoch and shard; records arrive a second after they are."""
    logs = LogGenerator(seed=7, rate=count / HOUR_S, start_ts=float(NINE))
    numbered = enumerate((entry.event_us / 1e6 + 1, wire.render(entry)) for entry in islice(logs, count))
    within = (one for one in numbered if one[1][0] < NINE + HOUR_S)
    every = round(1 / BAD)
    for _, group in groupby(within, key=lambda one: int(one[1][0] // EPOCH_S)):
        epoch = list(group)
        for shard in range(SHARDS):
            mine = [(n, ts, b"no json\n" if n % every == 0 else raw) for n, (ts, raw) in epoch if n % SHARDS == shard]
            if mine:
                numbers = [str(49_600_000_000_000 + n) for n, _, _ in mine]
                arrivals, data = [ts for _, ts, _ in mine], [raw for _, _, raw in mine]
                yield RecordBatch("slot-00", "logs", f"shardId-{shard:012}", numbers, data, arrivals)


def framed(items: list[Any], step: Any) -> list[Chunk]:  # noqa: ANN401 - an operator has no public type
    """What a step of the page makes of its items."""
    flow, out = Dataflow("frames"), list[tuple[str, Chunk]]()
    op.output("out", step("frame", op.input("in", flow, TestingSource(items))), TestingSink(out))
    run_main(flow)
    return [chunk for _, chunk in out]


def write(config: S3Config, count: int, folder: Path) -> int:
    """Archive the hour and its dead letters; how many objects."""
    sort, s3, written = Triage(None), client(config), 0
    read = list(batches(count))
    bad = [out for batch in read for out in sort([batch]) if isinstance(out, RejectedBatch)]
    by_epoch: dict[tuple[str, int], list[Chunk]] = {}
    for batch, chunk in zip(read, framed(list(read), archive), strict=True):  # no batch spans two arrival windows
        by_epoch.setdefault((batch.shard, int(batch.arrivals[0] // EPOCH_S)), []).append(chunk)
    by_epoch["letters", 0] = framed(list(bad), dead_letters)
    for number, chunks in enumerate(by_epoch.values()):
        part = SpoolPart(folder / f"spool-{number}")
        for chunk in chunks:
            part.write(chunk)
        for sealed in part.seal():
            put(s3, config, part.path(sealed), sealed)
            written += 1
    return written


@contextmanager
def emulator(log: Path) -> Iterator[str]:
    """S3 on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as server:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def job(config: S3Config, env: Mapping[str, str], folder: str, *words: str) -> dict[str, float]:
    """Run one job as a pod does; what it took by itself, and a checksum of what then lies below a folder."""
    command, began = [sys.executable, "-m", "archive_jobs", *words], time.perf_counter()
    with subprocess.Popen(command, env=dict(env), stdout=subprocess.DEVNULL) as running:
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - began
    if running.returncode:
        msg = f"{' '.join(words)} ended with {running.returncode}"
        raise RuntimeError(msg)
    s3, digest = client(config), 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=config.bucket, Prefix=folder):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=config.bucket, Key=entry["Key"])["Body"].read()
            digest = zlib.crc32(entry["Key"].encode() + body, digest)
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "rss_mib": usage.ru_maxrss / 1024, "checksum": digest}


def row(job_name: str, limit: str, costs: list[Cost]) -> list[Any]:
    """One job's row."""
    same = {cost.seen["checksum"] for cost in costs}
    return [
        f"`{job_name}`",
        *(Spread.of([cost.seen[name] for cost in costs]) for name in ("wall_s", "cpu_s", "rss_mib")),
        limit,
        "once" if len(costs) == 1 else ("yes" if len(same) == 1 else "NO"),
    ]


def main() -> None:
    """Write the hour, run the jobs in turn, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    count = options.records // 10 if options.quick else options.records
    os.environ.update(KEYS)
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder, "s3.log")) as url:
        config = S3Config(bucket="bench", endpoint_url=url, region=KEYS["AWS_DEFAULT_REGION"])
        create_bucket(config)
        objects = write(config, count, Path(folder))
        env = {name: value for name, value in os.environ.items() if not name.startswith("CALI_")} | {
            "CALI_S3__BUCKET": config.bucket,
            "CALI_S3__ENDPOINT_URL": url,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "airflow"), str(ROOT)]),
        }
        run = partial(job, config, env)
        jobs: dict[str, Work] = {
            "check": partial(run, "quality/", "check", "--hour", HOUR),
            "aggregate": partial(run, "rollups/", "aggregate", "--hour", HOUR),
        }
        costs = interleaved(jobs, 2)
        compacted = measure(partial(run, "archive/", "compact", "--hour", HOUR))
    limits = {"check": "60 s, 1,024 MiB", "aggregate": "30 s"}
    rows = [row(name, limits[name], done) for name, done in costs.items()]
    note = f"{count:,} records in {objects:,} objects of {SHARDS} shards, {BAD:.1%} of them unreadable."
    columns = ("job", "wall, s", "CPU, s", "peak memory, MiB", "must be below", "same bytes again")
    table = Table("Jobs", columns, [*rows, row("compact", "", [compacted])], note)
    report("archive_jobs", "An hour of the archive: checked, rolled up, compacted", [table], options.out)


if __name__ == "__main__":
    main()
