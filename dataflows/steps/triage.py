"""`triage`: unpack, look at the level cheaply, validate and fingerprint what is WARN or worse, redact it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress
from operator import not_
from typing import NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Stream, operator

from connectors.kinesis import BadPiece, Loss, RecordBatch, unpack
from dataflows import metrics
from dataflows.domain.books import Account, Books, minute_of
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.own import Own
from dataflows.domain.peek import are_quiet
from dataflows.domain.redaction import Redactor, redact
from dataflows.domain.rejections import Rejected, RejectionError, RejectReason
from dataflows.domain.resent import Resent
from dataflows.domain.trace.frames import FRAMEWORKS, Frameworks
from dataflows.steps.alarming import Alarm, Alarming, Loud

MAX_UNPACKED_LETTERS = 32 * 2**20
"""Bytes of rejected pieces that one batch keeps beyond those that were read: only compressed records have more. 8 of
61 kB with 60 MiB of zeros in each took 1.9 GB, and the restart read them again (measured). Our choice."""
CUT_LETTER = 1_000
"""What is kept of each piece above that, bytes."""

_TOGETHER, _TOGETHER_BYTES = 256, 2**20
"""Pieces, and their bytes, that go through the stages of `Alarming` at once: what a processor's cache holds."""


class AlarmingBatch(NamedTuple):
    """The alarming records of one batch, in order."""

    slot: str
    alarms: list[Alarm]
    minute: int = 0
    """See `dataflows.domain.books.minute_of`."""


class RejectedBatch(NamedTuple):
    """The rejected pieces of one batch, in order."""

    slot: str
    stream: str
    pieces: list[Rejected]
    minute: int = 0
    """See `dataflows.domain.books.minute_of`."""


@dataclass(frozen=True)
class TriageOut:
    """Streams out of `triage`. What is in neither is below WARN and counted."""

    alarming: Stream[AlarmingBatch]
    rejected: Stream[RejectedBatch]


class Triage:
    """Sorts the pieces of batches. Never raises for data. One instance serves all workers of a process."""

    def __init__(  # noqa: PLR0913 - what a deployment may set
        self,
        redaction_key: bytes | None,
        *,
        redactor: Redactor = redact,
        frameworks: Frameworks = FRAMEWORKS,
        cap: NewFaultCap | None = None,
        own: Own | None = None,
        resent: Resent | None = None,
        books: Books | None = None,
    ) -> None:
        self._alarming = Alarming(redaction_key, redactor, frameworks, cap=cap, own=own or Own(""), resent=resent)
        self._books = books or Books()

    def __call__(self, batches: list[RecordBatch]) -> list[AlarmingBatch | RejectedBatch]:
        """At most one `AlarmingBatch` and one `RejectedBatch` per batch."""
        sorted_ = [_Sorted(batch) for batch in batches]
        together: list[tuple[_Sorted, Loud]] = []
        size = 0
        for one in sorted_:
            for loud in one.louds():
                together.append((one, loud))
                size += len(loud.piece)
                if len(together) >= _TOGETHER or size >= _TOGETHER_BYTES:
                    self._settle(together)
                    together, size = [], 0
        self._settle(together)
        out: list[AlarmingBatch | RejectedBatch] = []
        for one in sorted_:
            out += one.told(self._books)
        metrics.SINCE_BATCH.beat()
        return out

    def _settle(self, together: list[tuple["_Sorted", Loud]]) -> None:
        """Take pieces through the stages, and each to the batch that it came with."""
        self._alarming([loud for _, loud in together if loud.error is None])
        for one, loud in together:
            one.take(loud)


class _Sorted:
    """What becomes of the pieces of one batch."""

    def __init__(self, batch: RecordBatch) -> None:
        self._batch = batch
        self._pieces = self._below = 0
        self._alarms: list[Alarm] = []
        self._rejected = [_lost(batch.shard, loss) for loss in batch.losses]
        self._letters = _Letters(batch)

    def louds(self) -> Iterator[Loud]:
        """The pieces that may alarm, and those that cannot be opened, in order; the others are counted."""
        batch = self._batch
        quiet = are_quiet(batch.data)
        self._pieces = self._below = quiet.count(True)
        for at in compress(range(len(quiet)), map(not_, quiet)):
            yield from self._opened(at)

    def _opened(self, at: int) -> Iterator[Loud]:
        """Likewise of one record that was not quiet. A bomb's pieces end with this call, before the next is opened."""
        batch = self._batch
        sequence, arrival_ts, raw = batch.sequences[at], batch.arrivals[at], batch.data[at]
        pieces, first = list(unpack(raw)), batch.subs[at] if batch.subs else 0
        self._pieces += len(pieces)
        for sub, (piece, below) in enumerate(zip(pieces, _quiet_pieces(raw, pieces), strict=True), first):
            if isinstance(piece, BadPiece):
                bad = RejectionError(RejectReason.BAD_COMPRESSION, piece.reason)
                yield Loud(piece.raw, batch.shard, sequence, sub, arrival_ts, error=bad)
            elif below:
                self._below += 1
            else:
                yield Loud(piece, batch.shard, sequence, sub, arrival_ts)

    def take(self, loud: Loud) -> None:
        """Note what became of a piece."""
        if loud.alarm is not None:
            self._alarms.append(loud.alarm)
        elif loud.error is not None:
            self._rejected.append(self._letters.reject(loud, loud.error))
        else:
            self._below += 1

    def told(self, books: Books) -> list[AlarmingBatch | RejectedBatch]:
        """Count what was taken, and give it on."""
        batch = self._batch
        metrics.PIECES.inc(self._pieces)
        metrics.BELOW.inc(self._below)
        for level, count in Counter([alarm.sighting.level for alarm in self._alarms]).items():
            metrics.ALARMING.labels(level).inc(count)
        minute = minute_of(batch.arrivals)
        counts = (
            (Account.UNPACKED, self._pieces),
            (Account.ALARMING, len(self._alarms)),
            (Account.BELOW, self._below),
            (Account.REJECTED, len(self._rejected) - len(batch.losses)),
            (Account.LOST, len(batch.losses)),
        )
        books.enter(minute, counts)
        out: list[AlarmingBatch | RejectedBatch] = []
        if self._alarms:
            out.append(AlarmingBatch(batch.slot, self._alarms, minute))
        if self._rejected:
            out.append(RejectedBatch(batch.slot, batch.stream, self._rejected, minute))
        return out


def _quiet_pieces(raw: bytes, pieces: list[bytes | BadPiece]) -> list[bool]:
    """`are_quiet` of the pieces of a record that was not quiet as a whole; a piece that cannot be opened is not."""
    if len(pieces) == 1 and pieces[0] == raw.removesuffix(b"\n"):
        return [False]  # it is the record, which was looked at
    return are_quiet([b"" if isinstance(piece, BadPiece) else piece for piece in pieces])


class _Letters:
    """Makes the dead letters of one batch, and bounds their memory. What was not compressed is never cut."""

    def __init__(self, batch: RecordBatch) -> None:
        self._room = MAX_UNPACKED_LETTERS + sum(map(len, batch.data))

    def reject(self, loud: Loud, err: RejectionError) -> Rejected:
        metrics.REJECTED.labels(err.reason.value).inc()
        detail, raw = err.detail, loud.piece
        if len(raw) > max(self._room, CUT_LETTER):
            detail = f"{detail}; the first {CUT_LETTER} of its {len(raw)} bytes, whole in the archive"
            raw = raw[:CUT_LETTER]
        self._room -= len(raw)
        return Rejected(loud.shard, loud.sequence, loud.sub, loud.arrival_ts, err.reason, detail, raw)


def _lost(shard: str, loss: Loss) -> Rejected:
    """A gap in the stream, told in the dead letters. It is no piece, so the books of triage do not count it."""
    return Rejected(shard, loss.after or "0", -1, loss.arrival_ts, RejectReason.POSSIBLE_LOSS, loss.reason, b"")


def _alarming(item: AlarmingBatch | RejectedBatch) -> AlarmingBatch | None:
    return item if isinstance(item, AlarmingBatch) else None


def _rejected(item: AlarmingBatch | RejectedBatch) -> RejectedBatch | None:
    return item if isinstance(item, RejectedBatch) else None


@operator
def triage(
    step_id: str, batches: Stream[RecordBatch], sort: Callable[[list[RecordBatch]], list[AlarmingBatch | RejectedBatch]]
) -> TriageOut:
    """Split record batches into alarming and rejected ones; what is below WARN is counted and ends here."""
    sorted_ = op.flat_map_batch("sort", batches, sort)
    return TriageOut(op.filter_map("alarming", sorted_, _alarming), op.filter_map("rejected", sorted_, _rejected))
