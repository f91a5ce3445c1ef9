"""What the soak reads: records in Fluent Bit's format, prepared once, dated when they are asked for.

Record `n` of the run is a pure function of the seed, the rate, the start and `n`, so a page that is asked for twice is
the same twice, and no two records are equal: each carries its own time, as a container runtime writes it.
"""

import re
import time
from collections.abc import Iterable
from itertools import islice, product
from typing import NamedTuple

from dataflows.domain.levels import Level
from dataflows.domain.peek import peek
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator

ALARMING_EVERY = 33
"""One record in so many is of WARN or above: 3 %."""
NEW_EVERY = 10
"""One alarming record in so many is of a fault that began in the last minutes."""
NEW_PER_MINUTE = 3
"""Faults that nobody has seen before, per minute of the run."""
LIVES_MINUTES = 3
"""Minutes for which such a fault goes on; then it is quiet and is resolved."""
_BENIGN, _ALARMING = 5_000, 1_000
_FIRST_SEQUENCE = 49_600_000_000_000_000_000_000
_SPACE = 10**15
"""Room for the records of one shard between its sequence numbers and those of the next."""

_TIME = re.compile(rb"\d{4}-\d\d-\d\d(?P<sep>[ T])\d\d:\d\d:\d\d(?P<point>[.,])\d{3}(?P<rest>\d{6})?")
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")


class Template(NamedTuple):
    """A record with holes where its times stand."""

    pieces: tuple[bytes, ...]
    holes: tuple[tuple[bytes, bytes, bool], ...]
    """Of the time that follows each piece but the last: what stands before the clock, before the fraction, and whether
    the fraction has nine digits."""

    def dated(self, day: bytes, clock: bytes, nanos: int) -> bytes:
        """The record as of a moment."""
        fraction = b"%09d" % nanos
        out = [self.pieces[0]]
        for (sep, point, long), piece in zip(self.holes, self.pieces[1:], strict=True):
            out += (day, sep, clock, point, fraction if long else fraction[:3], piece)
        return b"".join(out)


def template_of(record: bytes) -> Template:
    """Cut the times out of a record."""
    found = list(_TIME.finditer(record))
    ends = [0, *(one.end() for one in found)]
    starts = [*(one.start() for one in found), len(record)]
    return Template(
        tuple(record[a:b] for a, b in zip(ends, starts, strict=True)),
        tuple((one["sep"], one["point"], one["rest"] is not None) for one in found),
    )


def name_of_fault(number: int) -> str:
    """A class name of its own for each number, without digits: fingerprints do not see those."""
    words = next(islice(product(_SYLLABLES, repeat=3), number, None))
    return "".join(words).capitalize()


def _new_fault(number: int) -> bytes:
    """A record with a trace, of a fault that no other number has."""
    name = name_of_fault(number)
    trace = (
        f"com.example.soak.{name}Exception: could not finish\\n"
        f"\\tat com.example.soak.{name}.run({name}.java:84)\\n"
        f"\\tat com.example.soak.Worker.call(Worker.java:31)\\n"
        "\\tat java.base/java.lang.Thread.run(Thread.java:1583)"
    )
    return (
        b'{"stream":"stdout","time":"2026-01-01T00:00:00.000000000Z","log_json":{"@timestamp":"2026-01-01T00:00:00.000Z",'
        b'"level":"ERROR","logger_name":"com.example.soak.%b","message":"%b gave up","stack_trace":"%b"},'
        b'"kubernetes":{"pod_name":"soak-5d8f7c9b44-x2x2x","namespace_name":"shop","labels":{"app":"soak",'
        b'"version":"1.0.0"},"host":"node","container_name":"soak"},"@timestamp":"2026-01-01T00:00:00.000Z"}\n'
    ) % (name.encode(), name.encode(), trace.encode())


class Feed:
    """The stream of the run: `rate` records a second over `shards` shards, from `start` for `seconds`."""

    def __init__(self, rate: int, shards: int, start: float, seconds: float, seed: int = 1) -> None:
        self.rate, self.shards, self.start = rate, shards, start
        self.per_shard = int(rate * seconds) // shards
        emitted = LogGenerator(seed=seed, rate=1000, start_ts=1_795_000_000, storms=None)
        self._benign, self._alarming = _pools(emitted)
        minutes = int(seconds // 60) + 1
        self._new = [template_of(_new_fault(n)) for n in range(NEW_PER_MINUTE * minutes)]
        self._moment_of = (-1, b"", b"")

    def sequence(self, shard: int, index: int) -> int:
        """Sequence number of the record `index` of a shard."""
        return _FIRST_SEQUENCE + shard * _SPACE + index

    def place(self, sequence: int) -> tuple[int, int]:
        """Shard and index of a sequence number."""
        return divmod(sequence - _FIRST_SEQUENCE, _SPACE)

    def arrival(self, shard: int, index: int) -> float:
        """When the stream took a record, seconds since the epoch."""
        return self.start + (index * self.shards + shard) / self.rate

    def available(self, shard: int, now: float) -> int:
        """How many records of a shard have arrived by now."""
        return min(self.per_shard, max(0, int(((now - self.start) * self.rate - shard) // self.shards) + 1))

    def record(self, shard: int, index: int) -> bytes:
        """The bytes of one record."""
        number = index * self.shards + shard
        seconds, fraction = divmod(number, self.rate)
        whole, nanos = divmod(round(self.start * 1e6) * 1_000 + fraction * 1_000_000_000 // self.rate, 1_000_000_000)
        day, clock = self._moment(whole + seconds)
        return self._template(number, seconds).dated(day, clock, nanos)

    def _template(self, number: int, seconds: int) -> Template:
        turn, rest = divmod(number, ALARMING_EVERY)
        if rest:
            return self._benign[number % len(self._benign)]
        nth, other = divmod(turn, NEW_EVERY)
        if other:
            return self._alarming[turn % len(self._alarming)]
        last = min(len(self._new), NEW_PER_MINUTE * (seconds // 60 + 1))
        living = range(max(0, last - NEW_PER_MINUTE * LIVES_MINUTES), last)
        return self._new[living[nth % len(living)]]

    def _moment(self, whole: int) -> tuple[bytes, bytes]:
        """Day and clock of a second. The last one is remembered: records are asked for in order."""
        if self._moment_of[0] != whole:
            day, clock = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(whole)).encode().split()
            self._moment_of = (whole, day, clock)
        return self._moment_of[1:]


def _pools(emitted: LogGenerator) -> tuple[list[Template], list[Template]]:
    benign: list[Template] = []
    alarming: list[Template] = []
    for one in emitted:
        line = wire.render(one)
        pool, room = (alarming, _ALARMING) if _is_alarming(line) else (benign, _BENIGN)
        if len(pool) < room:
            pool.append(template_of(line))
        if len(benign) == _BENIGN and len(alarming) == _ALARMING:
            return benign, alarming
    msg = "the generator never ends"
    raise AssertionError(msg)


def _is_alarming(line: bytes) -> bool:
    level = peek(line)
    return level is None or level >= Level.WARN


def coverage(runs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Of runs of indices (first, one past the last): how many different ones there are, and how many occur again."""
    different = doubled = end = 0
    for first, stop in sorted(runs):
        different += max(0, stop - max(first, end))
        doubled += max(0, min(stop, end) - first)
        end = max(end, stop)
    return different, doubled
