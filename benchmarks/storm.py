"""A storm through the public command: 40 faults over 50 pods in ten minutes, and how many messages that makes.

    python benchmarks/storm.py [--records 1000000] [--onset 60] [--seed 7]

Writes the records (Fluent Bit's wire format, in archive objects as the page writes them) to a temporary folder, runs
`cali replay FOLDER --dry-run` in a process of its own with the default settings, and reads what that printed. A dry run
tells as a webhook does: no threads. Exit status 1 if it was more than 60 messages, or if a fault was not named as new
exactly once.
"""

import argparse
import os
import platform
import random
import re
import sys
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from resource import struct_rusage
from subprocess import Popen
from typing import NamedTuple

import zstandard

from dataflows.generate import wire
from dataflows.generate.generator import Emitted
from dataflows.generate.layouts import Entry, Layout, log4j_fields, logback, logstash, spring_boot
from dataflows.generate.services import Pod, Service
from dataflows.render.archive import lines

MOST_MESSAGES = 60
LENGTH_S = 600.0
START_TS = 1_760_000_130.0
"""In the past, since event time never runs ahead of the wall, and not at the start of a window: ten minutes touch three
windows of five."""
PER_OBJECT = 20_000
SHARD = "shardId-000000000000"
LATE_S = 2.0
"""How far behind the others a record may arrive: collectors flush in turn."""

_SERVICES = ("cart", "orders", "billing", "ledger", "stock", "mail", "search", "users", "media", "edge")
_LAYOUTS: tuple[Layout, ...] = (spring_boot, logstash, logback, log4j_fields)
_FIRST = ("amber", "brittle", "crooked", "dusty", "empty", "frozen", "gloomy", "hollow")
_SECOND = ("anchor", "bridge", "candle", "drawer", "ferry")
_FRAMES = ("Handler.accept", "Service.apply", "Client.send", "Pool.borrow")


class Fault(NamedTuple):
    """One of the 40: its name stands in every message about it, and in no other's."""

    name: str
    pods: tuple[Pod, ...]
    message: str
    trace: str


@dataclass
class Told:
    """What the command printed."""

    reasons: Counter[str]
    new: Counter[str]
    """How often each fault was named as new, by a card or by a line of a digest."""
    last: list[str]
    """The command's own account."""

    @property
    def messages(self) -> int:
        """Of all reasons."""
        return self.reasons.total()


def faults() -> list[Fault]:
    """Four faults in each of ten services with five pods; every second one has a trace."""
    names = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    return [_fault(number, name) for number, name in enumerate(names)]


def _fault(number: int, name: str) -> Fault:
    place = number % len(_SERVICES)
    service, title = _SERVICES[place], name.title().replace(" ", "")
    deployed = Service(service, "java", _LAYOUTS[place % len(_LAYOUTS)], "stdout", "exec-{}", ("1.4.0", "1.4.0"), 0)
    pods = tuple(
        Pod(deployed, "1.4.0", f"{service}-6b7c9d5f48-{i}x{place}kz", f"node-{place + i}", f"{service}-{i}", "c0")
        for i in range(5)
    )
    trace = ""
    if number // len(_SERVICES) % 2:
        frames = [f"\tat com.example.{service}.{title}{frame}({title}.java:40)" for frame in _FRAMES]
        trace = "\n".join([f"com.example.{service}.{title}Exception: the {name} gave way", *frames])
    return Fault(name, pods, f"{name} failed for order {{order}} after {{ms}} ms", trace)


def records(count: int, onset_s: float, seed: int) -> Iterator[tuple[float, bytes]]:
    """Arrival time and record, in order of arrival: the faults begin one by one, a few of them make most of the noise.

    Three records in a row share a trace id, as where one request fails in several services.
    """
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    every = faults()
    rng.shuffle(every)
    begins = [0.0, *sorted(rng.uniform(0, onset_s) for _ in every[1:])]
    weights, started = [0.0], 0
    for number in range(count):
        arrival_s = number * LENGTH_S / count
        known = max(1, bisect_right(begins, arrival_s))
        if started < known:
            fault = every[started]
            started += 1
            weights.append(weights[-1] + 1 / started)
        else:
            fault = every[bisect_right(weights, rng.random() * weights[-1]) - 1]
        yield START_TS + arrival_s, _record(fault, number, START_TS + arrival_s - rng.random() * LATE_S, rng)


def _record(fault: Fault, number: int, event_ts: float, rng: random.Random) -> bytes:
    pod = rng.choice(fault.pods)
    event_us = round(event_ts * 1_000_000)
    message = fault.message.format(order=rng.randrange(10**9), ms=rng.randrange(30_000))
    entry = Entry(
        event_us=event_us,
        service=pod.service.name,
        version=pod.version,
        level="ERROR",
        logger=f"com.example.{pod.service.name}.Worker",
        thread=f"exec-{rng.randrange(40)}",
        trace_id=f"{number // 3:032x}",
        span_id=f"{number:016x}",
        request_id=f"{number:024x}",
        message=message,
        trace=fault.trace,
    )
    fields = pod.service.layout(entry)
    return wire.render(Emitted(event_us, pod, "ERROR", message, fields, fault.name, fault.name, entry.trace_id, ()))


def write(folder: Path, found: Iterator[tuple[float, bytes]]) -> None:
    """The records as archive objects, one after the other: never more than one in memory."""
    first = 0
    while part := list(islice(found, PER_OBJECT)):
        sequences = [f"{number:056d}" for number in range(first, first + len(part))]
        body = lines(sequences, [arrival for arrival, _ in part], [raw for _, raw in part])
        name = f"logs-{SHARD}-{sequences[0]}.ndjson.zst"
        (folder / name).write_bytes(zstandard.ZstdCompressor(level=1).compress(body))
        first += len(part)


def replay(folder: Path, printed: Path) -> tuple[int, struct_rusage]:
    """Run the command with default settings; its exit status, and what it used."""
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith("CALI_")}
    command = [str(Path(sys.executable).with_name("cali")), "replay", str(folder), "--dry-run"]
    with printed.open("wb") as out:
        process = Popen(command, stdout=out, cwd=printed.parent, env=env)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used


def read(text: str) -> Told:
    """Count what was told. A message begins at the left margin; a line of a digest with a dash; others are indented."""
    told = Told(Counter(), Counter(), [])
    *cards, last = re.split(r"\n(?=\S)", text.strip("\n"))
    cards, told.last = [card for card in cards if not card[0].isdigit()], [*(c for c in cards if c[0].isdigit()), last]
    for card in cards:
        whole = " ".join(card.split())
        if "Why now: collected to keep" in whole:
            told.reasons["digest"] += 1
            for line in re.split(r"\n    - ", card)[1:]:
                told.new.update(_named(line) if "· new," in " ".join(line.split()) else ())
            continue
        told.reasons[_why(whole)] += 1
        if _why(whole) == "first seen":
            told.new.update(_named(card.partition("\n")[0]))
    return told


def _why(card: str) -> str:
    return card.rpartition("Why now: ")[2].partition(" ·")[0]


def _named(text: str) -> list[str]:
    """Faults whose name stands in a text, however it is broken into lines."""
    plain = " ".join(text.split())
    return [fault.name for fault in faults() if fault.name in plain or fault.name.title().replace(" ", "") in plain]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--onset", type=float, default=60.0, help="seconds within which all faults have begun")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "storm"
        folder.mkdir()
        write(folder, records(options.records, options.onset, options.seed))
        status, used = replay(folder, Path(place) / "printed.txt")
        told = read((Path(place) / "printed.txt").read_text())
    cpu_s = used.ru_utime + used.ru_stime
    peak_mib = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    once = [fault.name for fault in faults() if told.new[fault.name] == 1]
    print(f"{platform.python_implementation()} {platform.python_version()}, all begun in {options.onset:g} s")
    print(*told.last, sep="\n")
    print(f"messages: {told.messages} ({', '.join(f'{n} {why}' for why, n in told.reasons.most_common())})")
    print(f"faults named as new exactly once: {len(once)} of {len(faults())}")
    print(f"CPU: {cpu_s:.1f} s, {cpu_s / options.records * 100_000:.2f} s per 100,000 records; peak {peak_mib:.0f} MiB")
    agreed = told.last[0].startswith(f"{told.messages} messages ")  # the command counts what this has read
    held = status == 0 and agreed and told.messages <= MOST_MESSAGES and len(once) == len(faults()) == len(told.new)
    raise SystemExit(0 if held else f"not held: exit status {status}, named as new: {dict(told.new)}")


if __name__ == "__main__":
    main()
