"""CPU of reading a stream, for 100,000 records of 400 and 1,000 bytes, beside the usual clients.

    python benchmarks/kinesis_client.py [--quick] [--out FOLDER] [--records 40000] [--repeats 2]

A canned server in a process of its own (`kinesis_canned.py`) answers for four shards, so only the client is measured.
Every client runs in a process of its own, in turn, and tells what it used between its first call and its last record.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import boto3  # noqa: F401 - CALI imports it when it connects; here before, since no client's imports are measured
import measuring
import rival
import structlog
from kinesis_canned import PAGE, SHARDS, STREAM, canned

from connectors.kinesis import KinesisConfig, KinesisSource
from connectors.slots import SLOTS
from connectors.spool import Commits

OURS = "CALI"
OURS_SLOW = "CALI, botocore's parser"
SIZES: tuple[int, ...] = (400, 1000)
GOAL_S = 0.45
NOTE = """\
{records:,} records of {size} B on {shards} shards, {page:,} records an answer; median (lowest-highest) of {repeats}
runs in turn, each client in a process of its own.
CALI and async-kinesis keep to five reads a second and shard, as Kinesis demands, so their wall time is mostly waiting;
boto3 and quixstreams read without a pause. Memory is what the process took beyond its imports."""


def ours(url: str, records: int, *, fast: bool) -> Mapping[str, float]:
    """Read so many records through the source's parts, as Bytewax' worker polls them."""
    config = KinesisConfig(stream=STREAM, endpoint_url=url, fast_parser=fast)
    source = KinesisSource(config, Commits(), lambda: False)
    parts = [source.build_part("kinesis_in", slot, None) for slot in SLOTS]
    awake = [0.0] * len(parts)
    watch, seen = rival.Stopwatch(), 0
    while seen < records:
        now = time.time()
        for i, part in enumerate(parts):
            if awake[i] <= now:
                seen += sum(len(batch.data) for batch in part.next_batch())
                awake[i] = part.next_awake().timestamp()
        time.sleep(max(0.0, min(awake) - time.time()))
    return {**watch.taken(), "records": seen}


def clients(url: str, records: int) -> dict[str, measuring.Work]:
    """Who reads, by name; rivals that are not installed are left out."""
    arguments = (url, str(records))
    found: dict[str, measuring.Work] = {
        OURS: lambda: ours(url, records, fast=True),
        OURS_SLOW: lambda: ours(url, records, fast=False),
        "boto3 alone": lambda: rival.ask("boto3_client.py", *arguments, python=sys.executable),
    }
    if rival.installed():
        found["quixstreams' consumer"] = lambda: rival.ask("quix_source.py", *arguments)
        found["async-kinesis"] = lambda: rival.ask("async_kinesis.py", *arguments)
    return found


def table(size: int, records: int, repeats: int) -> measuring.Table:
    """Measure all clients with records of one size."""
    with canned(records, size) as url:
        costs = measuring.interleaved(clients(url, records), repeats)
    cpu = {name: [100_000 * c.seen["cpu_s"] / c.seen["records"] for c in part] for name, part in costs.items()}
    base = statistics.median(cpu[OURS])
    rows = [
        [
            name,
            measuring.Spread.of(cpu[name]),
            f"{statistics.median(cpu[name]) / base:.2f}",
            measuring.Spread.of([c.seen["wall_s"] for c in part]),
            # Of a rival's own process, or of the process that was forked for ours.
            measuring.Spread.of([c.seen.get("peak_mib", c.peak_mib) for c in part]),
        ]
        for name, part in costs.items()
    ]
    if not rival.installed():
        rows += [[name, rival.NOT_INSTALLED, "", "", ""] for name in ("quixstreams' consumer", "async-kinesis")]
    note = NOTE.format(records=records, size=size, shards=SHARDS, page=PAGE, repeats=repeats)
    if size == SIZES[0]:
        note += f" Goal: CALI at most {GOAL_S} CPU s: {'held' if base <= GOAL_S else 'MISSED'}."
    columns = ("client", "CPU s for 100,000 records", "times CALI's", "wall s of the run", "peak memory, MiB")
    return measuring.Table(f"Records of {size} B", columns, rows, note)


def main() -> None:
    """Write the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="once, with few records of 400 B")
    options.add_argument("--out", type=Path, default=measuring.RESULTS)
    options.add_argument("--records", type=int, default=SHARDS * PAGE, help=f"a multiple of {SHARDS * PAGE}")
    options.add_argument("--repeats", type=int, default=2)
    given = options.parse_args()
    if given.records < SHARDS * PAGE or given.records % (SHARDS * PAGE):
        options.error(f"--records {given.records}: must be a multiple of {SHARDS * PAGE}, whole pages of every shard")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30), logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    records, repeats, sizes = given.records, given.repeats, SIZES
    if given.quick:
        records, repeats, sizes = SHARDS * PAGE, 1, SIZES[:1]
    measuring.report(
        "kinesis_client",
        "Reading a Kinesis stream",
        [table(size, records, repeats) for size in sizes],
        given.out,
    )


if __name__ == "__main__":
    main()
