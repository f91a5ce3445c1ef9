"""CPU per record of the page, with and without its parts, interleaved in one run.

    python benchmarks/page.py [--records 200000] [--repeats 5]

The real `build()` with sinks that count and drop, records of about 580 bytes, 3 % errors with stack traces. Every
variant runs once per repeat, in turn; the table gives medians and the spread. CPU time, not wall time: compare the
rows of one run, not figures of two machines.
"""

import argparse
import itertools
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import TestingSource, run_main

from connectors.kinesis import RecordBatch
from connectors.slack import Outcome, PostResult
from connectors.slots import SLOTS, slot_number, slot_of
from connectors.spool import ZSTD_LEVEL, Chunk
from dataflows.domain.alerts import Alert
from dataflows.domain.records import parse
from dataflows.endpoints import Endpoints, delivering, guard, rulebook
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator
from dataflows.log_intelligence import build
from dataflows.render.archive import lines
from dataflows.replay.page import Forgetful, Silent, no_letter
from dataflows.settings import Settings
from dataflows.steps.clock import WallClock
from dataflows.steps.explain import Explaining
from dataflows.steps.triage import Triage

BATCH = 1000


class _Count(FixedPartitionedSink[Any, None]):
    """Counts and drops; compresses first what is a chunk, as the spool does."""

    def list_parts(self) -> list[str]:
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_CountPart":
        return _CountPart()


class _CountPart(StatefulSinkPartition[Any, None]):
    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415

        self._frame = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def write_batch(self, values: list[Any]) -> None:
        for value in values:
            if isinstance(value, Chunk):
                self._frame.compress(value.payload)

    def snapshot(self) -> None:
        return None


class _NoChannel:
    """Takes every message."""

    def channel_of(self, alert: Alert) -> str:
        del alert
        return "none"

    def post(self, alert: Alert) -> PostResult:
        del alert
        return PostResult(Outcome.ACCEPTED)


def _page(batches: list[RecordBatch]) -> Callable[[], None]:
    settings = Settings(_env_file=None)
    clock = WallClock()

    def run() -> None:
        io = Endpoints(
            source=TestingSource(batches),
            archive=_Count(),
            dead_letters=_Count(),
            search=_Count(),
            history=_Count(),
            sort=Triage(None),
            explaining=Explaining(Silent()),
            clock=clock,
            delivering=delivering(settings, _NoChannel(), Forgetful(), clock, refuse=no_letter),
            rules=rulebook(settings),
            guard=guard(settings, _NoChannel(), threads=False),
        )
        run_main(build(settings, io))

    return run


class _Level(msgspec.Struct):
    level: str = ""


def _floor(batches: list[RecordBatch]) -> Callable[[], None]:
    decode = msgspec.json.Decoder(_Level).decode
    return lambda: [decode(raw) for batch in batches for raw in batch.data] and None


def _triage(batches: list[RecordBatch]) -> Callable[[], None]:
    return lambda: [Triage(None)([batch]) for batch in batches] and None


def _framing(batches: list[RecordBatch]) -> Callable[[], None]:
    return lambda: [lines(b.sequences, b.arrivals, b.data) for b in batches] and None


def _pydantic(batches: list[RecordBatch]) -> Callable[[], None]:
    return lambda: [parse(raw, 0.0) for batch in batches for raw in batch.data] and None


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--repeats", type=int, default=5)
    given = options.parse_args()
    generator = LogGenerator(seed=1, rate=1000, start_ts=1_795_000_000, storms=None)
    data = [wire.render(emitted) for emitted in itertools.islice(generator, given.records)]
    batches = [
        RecordBatch(
            slot_of(i % 8),
            "bench",
            f"shardId-{i % 8:012d}",
            [str(i * BATCH + n) for n in range(len(part))],
            part,
            [1_795_000_000.0] * len(part),
        )
        for i, part in enumerate(data[start : start + BATCH] for start in range(0, len(data), BATCH))
    ]
    variants = {
        "whole page (zstd 1)": _page(batches),
        "triage alone": _triage(batches),
        "archive framing alone": _framing(batches),
        "floor: msgspec reads the level": _floor(batches),
        "pydantic on every record": _pydantic(batches),
    }
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(given.repeats):
        for name, run in variants.items():
            begun = time.process_time()
            run()
            cpu[name].append((time.process_time() - begun) / len(data) * 1e6)
    size = sum(map(len, data)) / len(data)
    print(f"{len(data)} records of {size:.0f} B on average; Python {platform.python_version()}, {platform.machine()}\n")
    print("| variant | CPU µs/record | spread | records per CPU s |\n|---|---|---|---|")
    for name, values in cpu.items():
        middle = statistics.median(values)
        print(f"| {name} | {middle:.2f} | {min(values):.2f}-{max(values):.2f} | {1e6 / middle:,.0f} |")


if __name__ == "__main__":
    main()
