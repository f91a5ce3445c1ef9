"""`triage`: unpack, look at the level cheaply, validate and fingerprint what is WARN or worse, redact it."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple, cast

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator

from connectors.kinesis import BadPiece, Loss, RecordBatch, unpack
from dataflows import metrics
from dataflows.domain.alerts import Sighting, fault_of
from dataflows.domain.books import Account, Books, minute_of
from dataflows.domain.fingerprint import Fingerprint, Fingerprinter
from dataflows.domain.levels import Level
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.own import Own
from dataflows.domain.peek import is_quiet
from dataflows.domain.records import (
    MAX_PIECE_BYTES,
    MAX_SERVICE_CHARS,
    Kubernetes,
    LogRecord,
    Rejected,
    RejectionError,
    RejectReason,
    parse,
)
from dataflows.domain.redaction import Redactor, redact
from dataflows.domain.redaction.fields import redact_fields
from dataflows.domain.resent import Resent
from dataflows.domain.trace.frames import FRAMEWORKS, Frameworks
from dataflows.render.search import MAX_FIELDS_BYTES, record_document

log = structlog.get_logger(__name__)

MAX_TEXT = 8_000
"""Characters of an exemplar that travel with an alert: a long trace with its causes, and small state."""


_MAX_MARK = 48
"""Characters of a mark such as `[PASSWORD:3f2a9c01]`."""

MAX_UNPACKED_LETTERS = 32 * 2**20
"""Bytes of rejected pieces that one batch keeps beyond those that were read: only compressed records have more. 8 of
61 kB with 60 MiB of zeros in each took 1.9 GB, and the restart read them again (measured). Our choice."""
CUT_LETTER = 1_000
"""What is kept of each piece above that, bytes."""

_NAMES = ("service", "version", "trace_id", "request_id")
MAX_PLACES_KNOWN = 10_000
"""Pods whose names were found clean, at most; then it is asked again."""


class Alarm(NamedTuple):
    """One WARN+ record: what the throttle needs, and its search document. Everything in it is redacted."""

    sighting: Sighting
    document: bytes


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
    """Sorts the pieces of a batch. Never raises for data. One instance serves all workers of a process."""

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
        self._key = redaction_key
        self._redactor = redactor
        self._frameworks = frameworks
        self._cap = cap
        self._own = own or Own("")
        self._resent = resent
        self._books = books or Books()
        self._local = threading.local()
        self._clean_places: set[tuple[str, ...]] = set()

    def __call__(self, batches: list[RecordBatch]) -> list[AlarmingBatch | RejectedBatch]:
        """At most one `AlarmingBatch` and one `RejectedBatch` per batch."""
        out: list[AlarmingBatch | RejectedBatch] = []
        for batch in batches:
            alarms: list[Alarm] = []
            rejected: list[Rejected] = []
            self._sort(batch, alarms, rejected)
            minute = minute_of(batch.arrivals)
            if alarms:
                out.append(AlarmingBatch(batch.slot, alarms, minute))
            if rejected:
                out.append(RejectedBatch(batch.slot, batch.stream, rejected, minute))
        metrics.SINCE_BATCH.beat()
        return out

    def _sort(self, batch: RecordBatch, alarms: list[Alarm], rejected: list[Rejected]) -> None:
        rejected += [_lost(batch.shard, loss) for loss in batch.losses]
        letters = _Letters(batch)
        loud = [not is_quiet(record) for record in batch.data]
        pieces = below = loud.count(False)
        subs = batch.subs or (0,) * len(batch.sequences)
        records = zip(batch.sequences, batch.arrivals, batch.data, subs, strict=True)
        for sequence, arrival_ts, raw, first in compress(records, loud):
            for sub, piece in enumerate(unpack(raw), first):
                pieces += 1
                if isinstance(piece, BadPiece):
                    bad = RejectionError(RejectReason.BAD_COMPRESSION, piece.reason)
                    rejected.append(letters.reject(sequence, sub, arrival_ts, bad, piece.raw))
                    continue
                if piece != raw.removesuffix(b"\n") and is_quiet(piece):  # the record itself was looked at
                    below += 1
                    continue
                try:
                    alarm = self._read(piece, batch.shard, sequence, sub, arrival_ts)
                except RejectionError as err:
                    rejected.append(letters.reject(sequence, sub, arrival_ts, err, piece))
                except Exception as err:  # noqa: BLE001 - a piece that we fail on must not stop the stream
                    bad = _fault(err, f"{batch.shard}-{sequence}-{sub}")
                    rejected.append(letters.reject(sequence, sub, arrival_ts, bad, piece))
                else:
                    if alarm is None:
                        below += 1
                    else:
                        alarms.append(alarm)
        metrics.PIECES.inc(pieces)
        metrics.BELOW.inc(below)
        for level, count in Counter([alarm.sighting.level for alarm in alarms]).items():
            metrics.ALARMING.labels(level).inc(count)
        counts = (
            (Account.UNPACKED, pieces),
            (Account.ALARMING, len(alarms)),
            (Account.BELOW, below),
            (Account.REJECTED, len(rejected) - len(batch.losses)),
            (Account.LOST, len(batch.losses)),
        )
        self._books.enter(minute_of(batch.arrivals), counts)

    def _read(self, piece: bytes, shard: str, sequence: str, sub: int, arrival_ts: float) -> Alarm | None:
        if len(piece) > MAX_PIECE_BYTES:
            raise RejectionError(RejectReason.TOO_LARGE, f"{len(piece)} bytes, at most {MAX_PIECE_BYTES}")
        record, duplicate_keys = parse(piece, arrival_ts)
        if record.level < Level.WARN:
            return None
        if self._own(record.kubernetes):
            metrics.OWN.inc()
            return None
        if self._resent is not None and self._resent.is_copy(piece, arrival_ts):
            metrics.RESENT.inc()
            return None
        if duplicate_keys:
            metrics.DUPLICATE_KEYS.inc()
        return self._alarm(record, shard, sequence, sub, arrival_ts)

    def _alarm(self, record: LogRecord, shard: str, sequence: str, sub: int, arrival_ts: float) -> Alarm:
        # Redacted first: a template made of redacted text is safe, and marks group like the values they hide.
        message = self._redact(record.message)
        record = self._clean(record)
        print_ = self._fingerprint(message, record.service, arrival_ts)
        place = record.kubernetes
        sighting = Sighting(
            fault=fault_of(print_.fingerprint, record.service, place.namespace_name),
            event_ts=record.event_ts,
            arrival_ts=arrival_ts,
            level=record.level.name,
            namespace=place.namespace_name,
            pod=place.pod_name,
            version=record.version,
            node=place.host,
            trace_id=record.trace_id,
            request_id=record.request_id,
            record_id=f"{shard}-{sequence}-{sub}",
            kind=print_.kind,
            types=print_.types,
            coarse=print_.coarse,
            template=print_.template,
            text=bounded(message, MAX_TEXT),
        )
        kept = redact_fields(record.fields, self._key, self._redactor, kept=MAX_FIELDS_BYTES)
        fields = cast("dict[str, Any]", kept)
        document = record_document(record, print_, message, fields, shard, sequence, sub, arrival_ts)
        return Alarm(sighting, document)

    def _clean(self, record: LogRecord) -> LogRecord:
        """The same record without anything to hide in its names.

        Whoever sends a request may choose its ids, and a service's name and version come from its own log line.
        """
        place = self._place(record.kubernetes)
        names = (record.service, record.version, record.trace_id, record.request_id)
        if len(record.service) <= MAX_SERVICE_CHARS and self._redactor.harmless(names):
            return record if place is record.kubernetes else record.model_copy(update={"kubernetes": place})
        clean: dict[str, Any] = {name: self._redact(getattr(record, name)) for name in _NAMES}
        clean["service"] = bounded(clean["service"], MAX_SERVICE_CHARS)
        return record.model_copy(update=clean | {"kubernetes": place})

    def _place(self, place: Kubernetes) -> Kubernetes:
        """The names of a place, redacted; they repeat, so what was found clean is remembered."""
        names = (place.pod_name, place.host, place.namespace_name, place.container_name)
        if names in self._clean_places:
            return place
        if self._redactor.harmless(names):
            if len(self._clean_places) >= MAX_PLACES_KNOWN:
                self._clean_places.clear()
            self._clean_places.add(names)
            return place
        kept = ("pod_name", "host", "namespace_name", "container_name")
        return place.model_copy(update={name: self._redact(getattr(place, name)) for name in kept})

    def _redact(self, text: str) -> str:
        clean = self._redactor(text, self._key)
        for kind in clean.found:
            metrics.REDACTIONS.labels(kind).inc()
        return clean.text

    def _fingerprint(self, message: str, service: str, arrival_ts: float) -> Fingerprint:
        print_ = self._fingerprinter()(message, service)
        if self._cap is None:
            return print_
        print_, fallback = self._cap.admit(print_, service, arrival_ts)
        if fallback:
            metrics.CAPPED.labels(fallback).inc()
        return print_

    def _fingerprinter(self) -> Fingerprinter:
        """One per worker thread: it remembers words and lines."""
        found: Fingerprinter | None = getattr(self._local, "fingerprinter", None)
        if found is None:
            found = self._local.fingerprinter = Fingerprinter(self._frameworks)
        return found


def bounded(text: str, most: int) -> str:
    """At most so many characters of a redacted text, without half a mark at its end: it reads like a new secret."""
    if len(text) <= most:
        return text
    cut = text[:most]
    before, opened, mark = cut.rpartition("[")
    return before if opened and "]" not in mark and len(mark) < _MAX_MARK else cut


def _fault(err: Exception, record_id: str) -> RejectionError:
    if isinstance(err, RecursionError):
        return RejectionError(RejectReason.TOO_DEEP, "nested deeper than it can be worked on")
    log.error("triage.fault", record_id=record_id, error=type(err).__name__, effect="it is in the dead letters")
    return RejectionError(RejectReason.FAULT, f"CALI failed on it with {type(err).__name__}: a bug, replay it later")


class _Letters:
    """Makes the dead letters of one batch, and bounds their memory. What was not compressed is never cut."""

    def __init__(self, batch: RecordBatch) -> None:
        self._shard = batch.shard
        self._room = MAX_UNPACKED_LETTERS + sum(map(len, batch.data))

    def reject(self, sequence: str, sub: int, arrival_ts: float, err: RejectionError, raw: bytes) -> Rejected:
        metrics.REJECTED.labels(err.reason.value).inc()
        detail = err.detail
        if len(raw) > max(self._room, CUT_LETTER):
            detail = f"{detail}; the first {CUT_LETTER} of its {len(raw)} bytes, whole in the archive"
            raw = raw[:CUT_LETTER]
        self._room -= len(raw)
        return Rejected(self._shard, sequence, sub, arrival_ts, err.reason, detail, raw)


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
