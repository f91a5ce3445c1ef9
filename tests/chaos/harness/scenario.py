"""What one run does, drawn from its seed: the same seed makes the same plan, on any machine."""

import json
import random
from dataclasses import asdict, dataclass
from typing import Literal

from harness.proxy import Fault

Dependency = Literal["kinesis", "s3", "search", "slack"]
Kind = Literal["kill", "term", "outage", "disk"]
DEPENDENCIES: tuple[Dependency, ...] = ("kinesis", "s3", "search", "slack")

TWO_IN_A_SLOT = 65
"""Shards of a stream whose first and last share a slot: there are 64 slots, and a shard's ordinal picks one."""
SLOW_S3_S = 0.5
LONG_EPOCH_S = 10
"""What production runs with (`-s 10`)."""

_LOAD_S = 6.0
_FAULTS = (
    *("latency", "reset", "black_hole", "deaf", "cut"),
    *("status:429", "status:500", "status:503"),
)


@dataclass(frozen=True)
class Layout:
    """How the page is started."""

    workers: int
    """Of each process."""
    processes: int


@dataclass(frozen=True)
class Event:
    """One thing that goes wrong."""

    kind: Kind
    gap_s: float
    """Seconds after the event before. A `kill`, `term` or `disk` waits for the page to read before they count, unless
    they are negative: then it comes so long after the start, in the middle of the start-up."""
    layout: Layout | None = None
    """How the page is started again after it."""
    dependency: Dependency | None = None
    fault: Fault | None = None
    """Of an `outage`."""
    lasts_s: float = 0.0
    """Of an `outage` or a `disk`; a full disk lasts beyond the end of an epoch, which writes in any case."""
    file_bytes: int = 0
    """Of a `disk`: no file may grow beyond it."""


@dataclass(frozen=True)
class Scenario:
    """One run."""

    seed: int
    layout: Layout
    epoch_s: int
    shards: int
    bot: bool
    """A bot token; else a webhook."""
    window_s: int
    s3_latency_s: float
    load_s: float
    rate: int
    """Records per second."""
    faults: int
    """Distinct faults among the normal records; late and future-dated ones have others."""
    bursts: int
    """Bursts of 40 malformed records."""
    large: int
    """Records of 1 MiB."""
    events: tuple[Event, ...]

    def shown(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


def draw(seed: int) -> Scenario:
    """The plan of a seed."""
    rng = random.Random(seed)  # noqa: S311 - a plan, not a secret
    long_epoch = rng.random() < 1 / 12
    crowded = not long_epoch and rng.random() < 1 / 6
    epoch_s = LONG_EPOCH_S if long_epoch else 3 if crowded else rng.choice((1, 1, 2, 3))
    return Scenario(
        seed=seed,
        layout=_layout(rng),
        epoch_s=epoch_s,
        shards=TWO_IN_A_SLOT if crowded else rng.choice((1, 3, 4)),
        bot=rng.random() < 0.6,
        window_s=rng.choice((2, 5, 3600)),
        s3_latency_s=SLOW_S3_S if not crowded and rng.random() < 0.3 else 0.0,
        load_s=LONG_EPOCH_S + 4.0 if long_epoch else _LOAD_S,
        rate=rng.choice((60, 100, 200)),
        faults=rng.choice((5, 15, 30)),
        bursts=rng.choice((0, 0, 1, 3)),
        large=rng.choice((0, 0, 1, 2)),
        events=_committed(rng) if long_epoch else _events(rng, epoch_s),
    )


def _layout(rng: random.Random) -> Layout:
    return Layout(workers=rng.choice((1, 1, 2)), processes=2 if rng.random() < 0.15 else 1)


def _events(rng: random.Random, epoch_s: int) -> tuple[Event, ...]:
    return tuple(_event(rng, epoch_s) for _ in range(rng.randint(2, 5)))


def _committed(rng: random.Random) -> tuple[Event, ...]:
    """A kill after the first epoch was committed, perhaps during an outage of a store."""
    gap_s = rng.uniform(LONG_EPOCH_S + 0.5, LONG_EPOCH_S + 3)
    kill = Event("kill", round(gap_s, 2), layout=_layout(rng))
    return (_outage(rng, rng.choice(("s3", "search"))), kill) if rng.random() < 0.5 else (kill,)


def _event(rng: random.Random, epoch_s: int) -> Event:
    kind: Kind = rng.choices(("kill", "term", "outage", "disk"), (4, 2, 5, 1))[0]
    if kind == "outage":
        return _outage(rng, rng.choice(DEPENDENCIES))
    gap_s = -rng.uniform(0.2, 1.5) if kind == "kill" and rng.random() < 0.1 else rng.uniform(0.2, 2.5)
    event = Event(kind, round(gap_s, 2), layout=_layout(rng))
    if kind != "disk":
        return event
    return Event(kind, event.gap_s, event.layout, lasts_s=epoch_s + 1.5, file_bytes=rng.choice((0, 20_000, 100_000)))


def _outage(rng: random.Random, dependency: Dependency) -> Event:
    kind, _, status = rng.choice(_FAULTS).partition(":")
    return Event(
        kind="outage",
        gap_s=round(rng.uniform(0.1, 1.5), 2),
        dependency=dependency,
        fault=Fault(kind, float(status) if status else 0.4 if kind == "latency" else 0.0),
        lasts_s=round(rng.uniform(0.5, 3.5), 2),
    )
