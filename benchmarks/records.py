"""The records that the page is measured with: prepared before the clock starts, the same for the same recipe.

Batches of lines (`record_lines.py`), with the place and arrival that Kinesis gives them.
"""

from functools import lru_cache
from random import Random
from typing import NamedTuple

from record_lines import START_TS, USUAL_SHARE, Maker

from connectors.kinesis import RecordBatch
from connectors.slots import slot_of

BATCH = 1_000
"""Records of one read; GetRecords gives up to 10,000 and a busy shard about this many."""
SHARDS = 8
FILL_S, SPAN_S = 180.0, 110.0
"""Arrival seconds in which every fault is seen once, and those of the rest. Within them no service passes the default
cap on new fingerprints with 1,000 faults."""
WARM, WARM_S = 10, 10.0
"""Before the measurement come a tenth as many records as in it, and the arrival seconds of those."""
MAX_POOL_BYTES = 20_000_000
"""Of quiet records that occur again after so many bytes: zstd at level 1 looks back 0.5 MB."""


class Recipe(NamedTuple):
    """What is to be prepared."""

    records: int
    share: float = USUAL_SHARE
    """Of records from WARN up."""
    faults: int = 1_000
    """Different ones, met at random."""
    size: int = 580
    """Bytes of a record on average, with its line end, at the usual share; quiet ones keep their size at another."""
    shape: str = ""
    """`text`, `fields` or `json`; empty: a third each."""
    seed: int = 1
    fill: int = 1_000
    """Of the faults so many are seen once before the measurement, at most."""


class Prepared(NamedTuple):
    """Batches in order of arrival, to be read round by round over the shards."""

    fill: list[RecordBatch]
    """Faults, each once."""
    warm: list[RecordBatch]
    """A tenth as many records as are measured, of the same kind, before them."""
    measured: list[RecordBatch]

    def owned(self) -> "Prepared":
        """Copies of what is before and in the measurement, made by whoever asks.

        A forked process that touches an object of its parent copies the page of memory under it, which a reader of a
        stream, whose records are its own, never does.
        """
        return Prepared(*([_copy(batch) for batch in batches] for batches in self))

    @property
    def records(self) -> int:
        """How many are measured."""
        return sum(len(batch.data) for batch in self.measured)

    @property
    def mean_bytes(self) -> float:
        """Of the measured ones."""
        return sum(len(raw) for batch in self.measured for raw in batch.data) / self.records


def _copy(batch: RecordBatch) -> RecordBatch:
    return batch._replace(
        sequences=[sequence.encode().decode() for sequence in batch.sequences],
        data=[bytes(memoryview(raw)) for raw in batch.data],
        arrivals=[ts + 0.0 for ts in batch.arrivals],
    )


def prepare(recipe: Recipe) -> Prepared:
    """Make the batches of a recipe."""
    maker, faults = Maker(recipe.seed, recipe.size, recipe.shape), min(recipe.faults, recipe.fill)
    fill = [maker.loud(fault, START_TS + FILL_S * fault / faults) for fault in range(faults)]
    pool = _pool(recipe.size, recipe.shape, recipe.seed, min(recipe.records, MAX_POOL_BYTES // recipe.size))
    warm, chosen = recipe.records // WARM, _chosen(recipe)

    def records(chosen: list[int | None], begin: float, span: float) -> list[bytes]:
        return [
            pool[n % len(pool)] if fault is None else maker.loud(fault, begin + span * n / len(chosen))
            for n, fault in enumerate(chosen)
        ]

    begin, rest_s = START_TS + FILL_S, SPAN_S - WARM_S
    before = records(chosen[:warm], begin, WARM_S)
    measured = records(chosen[warm:], begin + WARM_S, rest_s)
    return Prepared(
        _batches(fill, START_TS, FILL_S, 0),
        _batches(before, begin, WARM_S, len(fill)),
        _batches(measured, begin + WARM_S, rest_s, len(fill) + warm),
    )


def met(recipe: Recipe) -> set[int]:
    """Faults that occur in what `prepare` makes."""
    return set(range(min(recipe.faults, recipe.fill))) | {fault for fault in _chosen(recipe) if fault is not None}


def _chosen(recipe: Recipe) -> list[int | None]:
    """For each record after the fill its fault, or None for a quiet one: evenly spread, to the share exactly."""
    rng = Random(recipe.seed + 1)  # noqa: S311 - log lines, not secrets
    chosen: list[int | None] = []
    for count in (recipe.records // WARM, recipe.records):
        due = 0.0
        for _ in range(count):
            due += recipe.share
            chosen.append(rng.randrange(recipe.faults) if due >= 1.0 else None)
            due -= due >= 1.0
    return chosen


@lru_cache(maxsize=4)
def _pool(size: int, shape: str, seed: int, count: int) -> list[bytes]:
    """Quiet records; several recipes share them."""
    maker = Maker(seed, size, shape)
    return [maker.quiet(START_TS + FILL_S + SPAN_S * n / count) for n in range(count)]


def _batches(data: list[bytes], begin: float, span: float, first: int) -> list[RecordBatch]:
    """Arrivals are spread evenly over the span; sequence numbers have the length of Kinesis' own."""
    out = []
    for number, start in enumerate(range(0, len(data), BATCH)):
        part, shard = data[start : start + BATCH], number % SHARDS
        sequences = [f"4959{first + start + n:052d}" for n in range(len(part))]
        arrivals = [round(begin + span * (start + n) / len(data), 3) for n in range(len(part))]
        out.append(RecordBatch(slot_of(shard), "bench", f"shardId-{shard:012d}", sequences, part, arrivals))
    return out
