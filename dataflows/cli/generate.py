"""`cali generate`: where the records go."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from connectors.errors import ConnectorError
from connectors.kinesis import Producer
from dataflows.generate import cri, wire
from dataflows.generate.generator import Emitted, LogGenerator
from dataflows.settings import load

_AT_ONCE = 500


def run(rate: float, count: int, seed: int, to: str, start: str | None) -> int:
    """Write `count` records; exit status 0, or 2 with the reason."""
    try:
        started = datetime.fromisoformat(start) if start else datetime.now(UTC)
    except ValueError:
        help_ = "give one such as 2026-11-21T09:00:00+09:00"
        print(f"cali generate: --start {start!r} is no time: {help_}", file=sys.stderr)
        return 2
    try:
        started = started if started.tzinfo else started.replace(tzinfo=UTC)
        records = islice(LogGenerator(seed=seed, rate=rate, start_ts=started.timestamp()), count)
        if to == "stdout":
            for emitted in records:
                sys.stdout.buffer.write(wire.render(emitted))
            sys.stdout.flush()
        elif to == "kinesis":
            _to_kinesis(records, rate)
        elif to.startswith("dir:") and len(to) > len("dir:"):
            with cri.CriWriter(Path(to.removeprefix("dir:"))) as files:
                for emitted in records:
                    files.write(emitted)
        else:
            print(f"cali generate: --to {to!r} is none of stdout, kinesis, dir:PATH", file=sys.stderr)
            return 2
    except BrokenPipeError:
        sys.stderr.close()  # the reader has enough, as in `cali generate | head`
    except (ValueError, ImportError, OSError, ConnectorError) as err:
        print(f"cali generate: {err}", file=sys.stderr)
        return 2
    return 0


def _to_kinesis(records: Iterator[Emitted], rate: float) -> None:
    """Put records at their rate, in real time."""
    producer = Producer(load().kinesis)
    begun, sent = time.monotonic(), 0
    while batch := [wire.render(emitted) for emitted in islice(records, _AT_ONCE)]:
        producer.put(batch)
        sent += len(batch)
        time.sleep(max(0.0, begun + sent / rate - time.monotonic()))
    print(f"{sent} records put", file=sys.stderr)
