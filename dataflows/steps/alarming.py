"""What may alarm becomes an alarm: parsed, redacted, fingerprinted, and made a document, in stages over many pieces.

A stage goes over all pieces before the next one begins: the code of one stage stays in the processor's caches, which
takes a third off what one piece after the other costs (measured: 150 to 184 µs in place of 263 for an ERROR with its
trace, in one run).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import structlog

from dataflows import metrics
from dataflows.domain.alerts import Sighting, fault_of
from dataflows.domain.fingerprint import Fingerprint, Fingerprinter
from dataflows.domain.levels import Level
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.own import Own
from dataflows.domain.records import MAX_PIECE_BYTES, MAX_SERVICE_CHARS, Kubernetes, LogRecord, parse
from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction.fields import redact_fields
from dataflows.domain.rejections import RejectionError, RejectReason
from dataflows.domain.resent import Resent
from dataflows.domain.trace.frames import Frameworks
from dataflows.render.search import MAX_FIELDS_BYTES, record_document

log = structlog.get_logger(__name__)

MAX_TEXT: Final = 8_000
"""Characters of an exemplar that travel with an alert: a long trace with its causes, and small state."""

MAX_PLACES_KNOWN: Final = 10_000
"""Pods whose names were found clean, at most; then it is asked again."""

_MAX_MARK: Final = 48
"""Characters of a mark such as `[PASSWORD:3f2a9c01]`."""
_NAMES: Final = ("service", "version", "trace_id", "request_id")
_UNREAD: Final = LogRecord(level=Level.WARN, message="", service="", event_ts=0.0)
_UNSEEN: Final = Fingerprint("", "", "message", (), "")


class Alarm(NamedTuple):
    """One WARN+ record: what the throttle needs, and its search document. Everything in it is redacted."""

    sighting: Sighting
    document: bytes


@dataclass(slots=True, eq=False)
class Loud:
    """One piece that may alarm, on its way through the stages. Afterwards it has an `alarm`, an `error` or neither."""

    piece: bytes
    shard: str
    sequence: str
    sub: int
    arrival_ts: float
    error: RejectionError | None = None
    """Why it is a dead letter."""
    alarm: Alarm | None = None
    """What it became; with neither, it is none: below WARN, CALI's own, or a copy of what was seen."""
    record: LogRecord = _UNREAD
    twice: bool = False
    """Its JSON names a key twice: the last value won."""
    message: str = ""
    """Redacted."""
    print_: Fingerprint = _UNSEEN

    @property
    def record_id(self) -> str:
        """The id of its document: made of data, so the same at every reading."""
        return f"{self.shard}-{self.sequence}-{self.sub}"


class Alarming:
    """The stages. Never raises for data. Threads may share it."""

    def __init__(  # noqa: PLR0913 - what a deployment may set
        self,
        redaction_key: bytes | None,
        redactor: Redactor,
        frameworks: Frameworks,
        *,
        cap: NewFaultCap | None,
        own: Own,
        resent: Resent | None,
    ) -> None:
        self._key = redaction_key
        self._redactor = redactor
        # Shared, and not by thread: Bytewax's workers are threads that Python forgets, with all that is local to them,
        # whenever they let go of its lock.
        self._fingerprinter = Fingerprinter(frameworks)
        self._cap = cap
        self._own = own
        self._resent = resent
        self._clean_places: set[tuple[str, ...]] = set()
        # Redacted before fingerprints: a template of redacted text is safe, and marks group like the values they hide.
        self._stages = (_read, self._is_wanted, self._redact, self._clean, self._fingerprint, self._finish)

    def __call__(self, louds: Sequence[Loud]) -> None:
        """Take each piece as far as it goes."""
        for stage in self._stages:
            louds = _through(stage, louds)

    def _is_wanted(self, loud: Loud) -> bool:
        """Tell whether a record is an alarm for people: neither CALI's own, nor a copy."""
        if self._own(loud.record.kubernetes):
            metrics.OWN.inc()
            return False
        if self._resent is not None and self._resent.is_copy(loud.piece, loud.arrival_ts):
            metrics.RESENT.inc()
            return False
        if loud.twice:
            metrics.DUPLICATE_KEYS.inc()
        return True

    def _redact(self, loud: Loud) -> bool:
        loud.message = self._redacted(loud.record.message)
        return True

    def _clean(self, loud: Loud) -> bool:
        """Hide what is to hide in the names of a record.

        Whoever sends a request may choose its ids, and a service's name and version come from its own log line.
        """
        record = loud.record
        place = self._place(record.kubernetes)
        names = (record.service, record.version, record.trace_id, record.request_id)
        if len(record.service) > MAX_SERVICE_CHARS or not self._redactor.harmless(names):
            clean: dict[str, Any] = {name: self._redacted(getattr(record, name)) for name in _NAMES}
            clean["service"] = bounded(clean["service"], MAX_SERVICE_CHARS)
            loud.record = record.model_copy(update=clean | {"kubernetes": place})
        elif place is not record.kubernetes:
            loud.record = record.model_copy(update={"kubernetes": place})
        return True

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
        return place.model_copy(update={name: self._redacted(getattr(place, name)) for name in kept})

    def _redacted(self, text: str) -> str:
        clean = self._redactor(text, self._key)
        for kind in clean.found:
            metrics.REDACTIONS.labels(kind).inc()
        return clean.text

    def _fingerprint(self, loud: Loud) -> bool:
        service = loud.record.service
        loud.print_ = self._fingerprinter(loud.message, service)
        if self._cap is not None:
            loud.print_, fallback = self._cap.admit(loud.print_, service, loud.arrival_ts)
            if fallback:
                metrics.CAPPED.labels(fallback).inc()
        return True

    def _finish(self, loud: Loud) -> bool:
        kept = redact_fields(loud.record.fields, self._key, self._redactor, kept=MAX_FIELDS_BYTES)
        fields = cast("dict[str, Any]", kept)
        document = record_document(
            loud.record,
            loud.print_,
            loud.message,
            fields,
            shard=loud.shard,
            sequence=loud.sequence,
            sub=loud.sub,
            arrival_ts=loud.arrival_ts,
        )
        loud.alarm = Alarm(_sighting(loud), document)
        return True


def bounded(text: str, most: int) -> str:
    """At most so many characters of a redacted text, without half a mark at its end: it reads like a new secret."""
    if len(text) <= most:
        return text
    cut = text[:most]
    before, opened, mark = cut.rpartition("[")
    return before if opened and "]" not in mark and len(mark) < _MAX_MARK else cut


def _through(stage: Callable[[Loud], bool], louds: Sequence[Loud]) -> list[Loud]:
    """Take pieces through a stage. What it leaves out or fails on goes no further; a bad one costs only itself."""
    kept: list[Loud] = []
    for loud in louds:
        try:
            if stage(loud):
                kept.append(loud)
        except RejectionError as err:
            # Not the error itself: its traceback holds this frame, and so all pieces, until garbage is looked for.
            loud.error = RejectionError(err.reason, err.detail)
        except Exception as err:  # noqa: BLE001 - a piece that we fail on must not stop the stream
            loud.error = _fault(err, loud.record_id)
    return kept


def _read(loud: Loud) -> bool:
    piece = loud.piece
    if len(piece) > MAX_PIECE_BYTES:
        raise RejectionError(RejectReason.TOO_LARGE, f"{len(piece)} bytes, at most {MAX_PIECE_BYTES}")
    loud.record, loud.twice = parse(piece, loud.arrival_ts)
    return loud.record.level >= Level.WARN


def _sighting(loud: Loud) -> Sighting:
    record, print_ = loud.record, loud.print_
    place = record.kubernetes
    return Sighting(
        fault=fault_of(print_.fingerprint, record.service, place.namespace_name),
        event_ts=record.event_ts,
        arrival_ts=loud.arrival_ts,
        level=record.level.name,
        namespace=place.namespace_name,
        pod=place.pod_name,
        version=record.version,
        node=place.host,
        trace_id=record.trace_id,
        request_id=record.request_id,
        record_id=loud.record_id,
        kind=print_.kind,
        types=print_.types,
        coarse=print_.coarse,
        template=print_.template,
        text=bounded(loud.message, MAX_TEXT),
    )


def _fault(err: Exception, record_id: str) -> RejectionError:
    if isinstance(err, RecursionError):
        return RejectionError(RejectReason.TOO_DEEP, "nested deeper than it can be worked on")
    log.error("triage.fault", record_id=record_id, error=type(err).__name__, effect="it is in the dead letters")
    return RejectionError(RejectReason.FAULT, f"CALI failed on it with {type(err).__name__}: a bug, replay it later")
