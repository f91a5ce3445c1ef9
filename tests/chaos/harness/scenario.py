"""What one run does, drawn from its seed: the same seed makes the same plan, on any machine."""

import json
import random
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Literal

from harness.proxy import Fault

Dependency = Literal["kinesis", "s3", "search", "slack"]
Kind = Literal["kill", "term", "outage", "disk", "clock", "reshard"]
Reshard = Literal["split", "merge"]
DEPENDENCIES: tuple[Dependency, ...] = ("kinesis", "s3", "search", "slack")

TWO_IN_A_SLOT = 65
"""Shards of a stream whose first and last share a slot: there are 64 slots, and a shard's ordinal picks one."""
SLOW_S3_S = 0.5
LONG_EPOCH_S = 10
"""What production runs with (`-s 10`)."""

_LOAD_S = 6.0
_STORM, _NO_STORM = 20, 60
"""Messages of a channel in a minute. The second is more than there are faults: a digest takes a minute."""
_LINGER_S = 5.0
"""Longer than every time-out of a run."""
_JUMPS_S = (-86_400.0, -3_600.0, -30.0, -3.0, 3.0, 30.0, 3_600.0, 36_000.0)
"""By how much a clock jumps. Forward less than the stream's retention, of 24 hours: a page whose clock says that it was
away for longer tells, rightly, that records may be lost."""
_VALUES = {"latency": 0.4, "slow_close": _LINGER_S}
_FAULTS = (
    *("latency", "reset", "black_hole", "deaf", "cut", "slow_close"),
    *("status:429", "status:500", "status:503"),
)

SEEDS_OF_TESTS = (2, 31, 33, 94, 116)
"""What `make test` runs: few, for the time they take. `test_scenario.py` says what must be among them."""


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
    """Seconds after the event before. Whatever may end the page waits for it to read before they count, unless
    they are negative: then it comes so long after the start, in the middle of the start-up."""
    layout: Layout | None = None
    """How the page is started again after it, if it ended."""
    dependency: Dependency | None = None
    fault: Fault | None = None
    """Of an `outage`."""
    lasts_s: float = 0.0
    """Of an `outage` or a `disk`; a full disk lasts beyond the end of an epoch, which writes in any case."""
    file_bytes: int = 0
    """Of a `disk`: no file may grow beyond it."""
    jump_s: float = 0.0
    """Of a `clock`: how far the page's wall clock is set forward, or back."""
    reshard: Reshard | None = None


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
    per_minute: int
    """Messages of a channel; beyond, faults are lines of a digest, which waits for the end of the minute."""
    events: tuple[Event, ...]

    @property
    def reshards(self) -> bool:
        """Whether shards end: then the stream must be on a server whose shards can."""
        return any(event.kind == "reshard" for event in self.events)

    def shown(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @property
    def digest(self) -> str:
        """Eight characters that tell this plan from others."""
        return blake2b(self.shown().encode(), digest_size=4).hexdigest()


def draw(seed: int) -> Scenario:
    """The plan of a seed."""
    rng = random.Random(seed)  # noqa: S311 - a plan, not a secret
    long_epoch = rng.random() < 1 / 12
    crowded = not long_epoch and rng.random() < 1 / 6
    resharded = not long_epoch and not crowded and rng.random() < 1 / 5
    epoch_s = LONG_EPOCH_S if long_epoch else 3 if crowded else rng.choice((1, 1, 2) if resharded else (1, 1, 2, 3))
    events = _resharded(rng, epoch_s) if resharded else _committed(rng) if long_epoch else _events(rng, epoch_s)
    return Scenario(
        seed=seed,
        layout=_layout(rng),
        epoch_s=epoch_s,
        shards=TWO_IN_A_SLOT if crowded else rng.choice((1, 3, 4)),
        bot=rng.random() < 0.6,
        window_s=rng.choice((2, 5, 3600)),
        s3_latency_s=SLOW_S3_S if not crowded and rng.random() < 0.3 else 0.0,
        load_s=LONG_EPOCH_S + 4.0 if long_epoch else _LOAD_S,
        rate=rng.choice((20, 40)) if resharded else rng.choice((60, 100, 200)),
        faults=rng.choice((5, 15, 30)),
        bursts=rng.choice((0, 0, 1) if resharded else (0, 0, 1, 3)),
        large=0 if resharded else rng.choice((0, 0, 1, 2)),
        per_minute=_STORM if rng.random() < 1 / 8 else _NO_STORM,
        events=events,
    )


def _layout(rng: random.Random) -> Layout:
    return Layout(workers=rng.choice((1, 1, 2)), processes=2 if rng.random() < 0.15 else 1)


def _events(rng: random.Random, epoch_s: int) -> tuple[Event, ...]:
    return tuple(_event(rng, epoch_s) for _ in range(rng.randint(2, 5)))


def _resharded(rng: random.Random, epoch_s: int) -> tuple[Event, ...]:
    """A reshard and a kill soon after it, and then more of everything. The server is slow: `draw` keeps records few."""
    kill = Event("kill", round(rng.uniform(0.0, 2.0 * epoch_s), 2), _layout(rng))
    more = [_reshard(rng) if rng.random() < 0.5 else _event(rng, epoch_s) for _ in range(rng.randint(0, 3))]
    return (_reshard(rng), kill, *more)


def _reshard(rng: random.Random) -> Event:
    return Event("reshard", round(rng.uniform(0.5, 2.0), 2), reshard=rng.choice(("split", "split", "merge")))


def _committed(rng: random.Random) -> tuple[Event, ...]:
    """A kill after the first epoch was committed, perhaps during an outage of a store."""
    gap_s = rng.uniform(LONG_EPOCH_S + 0.5, LONG_EPOCH_S + 3)
    kill = Event("kill", round(gap_s, 2), layout=_layout(rng))
    return (_outage(rng, rng.choice(("s3", "search"))), kill) if rng.random() < 0.5 else (kill,)


def _event(rng: random.Random, epoch_s: int) -> Event:
    kind: Kind = rng.choices(("kill", "term", "outage", "disk", "clock"), (8, 4, 10, 2, 3))[0]
    if kind == "outage":
        return _outage(rng, rng.choice(DEPENDENCIES))
    gap_s = -rng.uniform(0.2, 1.5) if kind == "kill" and rng.random() < 0.1 else rng.uniform(0.2, 2.5)
    event = Event(kind, round(gap_s, 2), layout=_layout(rng))
    if kind == "clock":
        return replace(event, jump_s=rng.choice(_JUMPS_S))
    if kind != "disk":
        return event
    return Event(kind, event.gap_s, event.layout, lasts_s=epoch_s + 1.5, file_bytes=rng.choice((0, 20_000, 100_000)))


def _outage(rng: random.Random, dependency: Dependency) -> Event:
    kind, _, status = rng.choice(_FAULTS).partition(":")
    return Event(
        kind="outage",
        gap_s=round(rng.uniform(0.1, 1.5), 2),
        dependency=dependency,
        fault=Fault(kind, float(status) if status else _VALUES.get(kind, 0.0)),
        lasts_s=round(rng.uniform(0.5, 3.5), 2),
    )
