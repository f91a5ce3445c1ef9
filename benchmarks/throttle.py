"""The throttle with many live faults: CPU per record, bytes of state per fault, and the pause that a snapshot costs.

    python benchmarks/throttle.py [--quick] [--out FOLDER]

64 buckets as in the page, repeats of faults in random order, times as they come. The two sizes run in turn within
every repeat. The pause is what one worker is held for by one bucket: the copy and the pickling, 64 of them an epoch.
"""

import argparse
import pickle
import random
import time
from pathlib import Path

from measuring import RESULTS, Spread, Table, report

from dataflows.domain.alerts import Sighting
from dataflows.domain.rules import NO_RULES
from dataflows.domain.throttling import Bucket
from dataflows.steps.throttle import BUCKETS, WindowConfig, _policy, bucket_of

SIZES = (10_000, 200_000)
BATCH = 50
W = 1_795_000_200.0


def _sighting(n: int, ts: float) -> Sighting:
    return Sighting(
        fault=f"{n * 2_654_435_761 % 2**64:016x}:service-{n % 40}",
        event_ts=ts,
        arrival_ts=ts,
        level="ERROR",
        namespace="shop",
        pod=f"service-{n % 40}-7d9f8b6c5-{n % 50:05d}",
        version="1.42.0",
        node=f"ip-10-0-{n % 12}-17.compute.internal",
        trace_id=f"{n:032x}",
        request_id="",
        record_id=f"shardId-000000000000-{n:056d}-0",
        kind="trace",
        types=("com.example.shop.StockException", "java.net.SocketTimeoutException"),
        coarse=f"{n % 997:016x}",
        template=f"Failed to reserve stock for order <*>: upstream answered <*> after <*> ms, case {n % 1000}",
        text="Failed to reserve stock for order 4711\n" + "\tat com.example.shop.Stock.reserve(Stock.java:17)\n" * 20,
    )


class _Run:
    """All buckets with so many live faults."""

    def __init__(self, size: int) -> None:
        policy = _policy(WindowConfig(max_faults=400_000))
        self.buckets = {f"bucket-{n:02d}": Bucket(None, policy) for n in range(BUCKETS)}
        self.of_bucket: dict[str, list[int]] = {}
        for n in range(size):
            seen = _sighting(n, W + 1)
            self.of_bucket.setdefault(bucket_of(seen.fault), []).append(n)
            self.buckets[bucket_of(seen.fault)].see([seen], W + 1, NO_RULES)
        self.pauses: list[float] = []
        self.bytes = 0

    def count(self, records: int) -> float:
        """CPU microseconds per record: batches of one bucket, just made, as triage makes them."""
        rng = random.Random(7)  # noqa: S311 - not for secrets
        spent, done = 0.0, 0
        numbers = list(self.of_bucket.items())
        while done < records:
            key, members = rng.choice(numbers)
            batch = [_sighting(n, W + 1) for n in rng.choices(members, k=BATCH)]
            before = time.process_time()
            self.buckets[key].see(batch, W + 2, NO_RULES)
            spent += time.process_time() - before
            done += BATCH
        return spent / done * 1e6

    def snapshot(self) -> None:
        """An epoch's snapshots."""
        self.bytes = 0
        for bucket in self.buckets.values():
            before = time.perf_counter()
            self.bytes += len(pickle.dumps(bucket.state()))
            self.pauses.append(time.perf_counter() - before)


def main() -> None:
    """Write the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="few records: does it run, about how fast")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    sizes, records, repeats = (SIZES[:1], 20_000, 2) if given.quick else (SIZES, 100_000, 3)
    runs = {size: _Run(size) for size in sizes}
    cpu: dict[int, list[float]] = {size: [] for size in sizes}
    for run in runs.values():
        run.snapshot()
        run.pauses.clear()  # the first encodes everything: a start, not an epoch
    for _ in range(repeats):
        for size, run in runs.items():
            cpu[size].append(run.count(records))
            run.snapshot()
    rows = [
        (f"{size:,}", Spread.of(cpu[size]), round(run.bytes / size), *_pauses(run, repeats))
        for size, run in runs.items()
    ]
    columns = (
        "live faults",
        "CPU µs an alarming record",
        "bytes of state a fault",
        "snapshot of a bucket, ms",
        "of all, ms",
    )
    note = f"{records:,} records a repeat, all of them repeats of live faults. What a snapshot takes is wall time."
    report("throttle", "The throttle", [Table("Live faults", columns, rows, note)], given.out)


def _pauses(run: _Run, repeats: int) -> tuple[Spread, str]:
    return Spread.of([pause * 1e3 for pause in run.pauses]), f"{sum(run.pauses) / repeats * 1e3:.0f}"


if __name__ == "__main__":
    main()
