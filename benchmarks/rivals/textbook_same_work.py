"""The flow that Bytewax's documentation teaches, doing for each record what the page does: one item at a time.

A `map` for each step, pydantic on every record, `branch` for what cannot be read, `filter`, `key_on`, a stateful
operator keyed by fault, and sinks of fixed partitions that resume, all with public operators only:
https://docs.bytewax.io/stable/tutorials/ and https://docs.bytewax.io/stable/guide/getting-started/recovery.html

Of ours it has, called for one item at a time: the pydantic model, the redactor, the fingerprint, the filter of copies,
own pods, the cap on new faults, the form of a document, the sink for the index. Its archive line is byte for byte ours.

What it leaves out, in its favour: unpacking of aggregates and compressed records; objects named by what is in them, and
their hash; the books, metrics, and the look at the share of dead letters; rules, silences and severities; escalation,
resolution and summaries that come ever more rarely; timers, so that a window's summary waits for the fault's next
record; places and versions of a fault; cascades, storms and digests; the outbox, cards and the ledger.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink
from rivals.textbook_items import (
    LINE_END,
    Arrived,
    Bad,
    Printed,
    Read,
    Told,
    alert_document,
    archive_line,
    dead_letter,
    document,
)

from dataflows.domain.fingerprint import Fingerprint, Fingerprinter
from dataflows.domain.levels import Level
from dataflows.domain.new_faults import NewFaultCap
from dataflows.domain.own import Own
from dataflows.domain.peek import peek
from dataflows.domain.records import MAX_SERVICE_CHARS, parse
from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction.fields import redact_fields
from dataflows.domain.rejections import RejectionError
from dataflows.domain.resent import Resent
from dataflows.render.search import MAX_FIELDS_BYTES
from dataflows.settings import Settings

_NAMES = ("service", "version", "trace_id", "request_id")
_PLACE = ("pod_name", "host", "namespace_name", "container_name")
MAX_PLACES_KNOWN = 10_000
"""Pods whose names were looked at, as the page remembers them."""


class Ends(NamedTuple):
    """Where it reads and writes. All sinks but the source are keyed by slot."""

    source: Source[Arrived]
    archive: Sink[Any]
    dead_letters: Sink[Any]
    search: Sink[Any]
    alerts: Sink[Any]


def read(arrived: Arrived) -> Read | Bad:
    """Validate a record with its pydantic model."""
    try:
        return Read(arrived, parse(arrived.raw.removesuffix(LINE_END), arrived.arrival_ts).record)
    except RejectionError as err:
        return Bad(arrived, err.reason.value, err.detail)


def may_alarm(arrived: Arrived) -> bool:
    """Whether a record must be read: a look at its level, with our own `peek`. No textbook has it."""
    try:
        level = peek(arrived.raw.removesuffix(LINE_END))
    except RejectionError:
        return True
    return level is None or level >= Level.WARN


def is_read(item: Read | Bad) -> bool:
    """Whether it can be worked on."""
    return isinstance(item, Read)


def is_alarming(item: Read) -> bool:
    """WARN and above."""
    return item.record.level >= Level.WARN


def is_foreign(own: Own, item: Read) -> bool:
    """Not of a pod of CALI's own."""
    return not own(item.record.kubernetes)


def is_first(resent: Resent, item: Read) -> bool:
    """Not a copy that was sent again."""
    return not resent.is_copy(item.arrived.raw.removesuffix(LINE_END), item.arrived.arrival_ts)


def redacting(redactor: Redactor, key: bytes | None) -> Callable[[Read], Printed]:
    """Makes the step that hides what is secret in message, names and fields; its result has no fingerprint yet."""

    @lru_cache(MAX_PLACES_KNOWN)
    def place(names: tuple[str, ...]) -> tuple[str, ...]:
        return names if redactor.harmless(names) else tuple(redactor(name, key).text for name in names)

    def redact(item: Read) -> Printed:
        record, update = item.record, dict[str, Any]()
        names = tuple(getattr(record.kubernetes, name) for name in _PLACE)
        if (clean := place(names)) != names:
            update["kubernetes"] = record.kubernetes.model_copy(update=dict(zip(_PLACE, clean, strict=True)))
        names = tuple(getattr(record, name) for name in _NAMES)
        if len(record.service) > MAX_SERVICE_CHARS or not redactor.harmless(names):
            update |= {name: redactor(text, key).text for name, text in zip(_NAMES, names, strict=True)}
            update["service"] = update["service"][:MAX_SERVICE_CHARS]
        fields = cast("dict[str, Any]", redact_fields(record.fields, key, redactor, kept=MAX_FIELDS_BYTES))
        kept = item._replace(record=record.model_copy(update=update)) if update else item
        return Printed(kept, redactor(record.message, key).text, fields, _UNKNOWN)

    return redact


_UNKNOWN = Fingerprint("", "", "message", (), "")


def fingerprinted(fingerprint: Fingerprinter, cap: NewFaultCap, item: Printed) -> Printed:
    """Tell the fault, or a coarser one if the service has too many new ones."""
    service = item.read.record.service
    print_, _ = cap.admit(fingerprint(item.message, service), service, item.read.arrived.arrival_ts)
    return item._replace(print_=print_)


def counted(length_s: int, state: tuple[int, int] | None, item: Printed) -> tuple[tuple[int, int], list[Told]]:
    """Tell a fault at once, count its repeats, and tell them when a later window begins.

    The state is the start of the window and what is untold; a straggler counts into the window that is open.
    """
    ts = item.read.record.event_ts
    window = int(ts - ts % length_s)
    if state is None:
        return (window, 0), [_told("first", item, window, 1)]
    start, untold = state
    if window <= start:
        return (start, untold + 1), []
    if untold:
        return (window, 1), [_told("summary", item, start, untold)]
    return (window, 0), [_told("new_window", item, window, 1)]


def _told(reason: str, item: Printed, window: int, count: int) -> Told:
    return Told(reason, item.fault, window, count, item.print_.template)


def textbook_same_work(ends: Ends, settings: Settings, redactor: Redactor, *, level_first: bool = False) -> Dataflow:
    """Archive all, keep what is bad, index and count what is alarming, tell each fault at once.

    With `level_first` only what may alarm is read with pydantic, as the page does it.
    """
    prefix, hidden = settings.opensearch.index_prefix, settings.redaction.key
    key = hidden.get_secret_value().encode() if hidden else None
    cap = NewFaultCap(settings.fingerprint.new_per_minute)
    flow = Dataflow("textbook_same_work")
    raw = op.input("kinesis_in", flow, ends.source)
    op.output("archive_out", op.map("archive_line", raw, archive_line), ends.archive)
    worth = op.filter("level", raw, may_alarm) if level_first else raw
    checked = op.branch("checked", op.map("read", worth, read), is_read)
    op.output("dead_letter_out", op.map("dead_letter", checked.falses, dead_letter), ends.dead_letters)
    alarming = op.filter("warn_and_above", checked.trues, is_alarming)
    foreign = op.filter("foreign", alarming, partial(is_foreign, Own("bench")))
    first = op.filter("first_copy", foreign, partial(is_first, Resent()))
    redacted = op.map("redact", first, redacting(redactor, key))
    printed = op.map("fingerprint", redacted, partial(fingerprinted, Fingerprinter(), cap))
    op.output("search_out", op.map("document", printed, partial(document, prefix)), ends.search)
    keyed = op.key_on("fault", printed, _fault)
    told = op.stateful_flat_map("count", keyed, partial(counted, settings.window.length_s))
    op.output("alerts_out", op.map("alert", told, partial(alert_document, prefix)), ends.alerts)
    return flow


def _fault(item: Printed) -> str:
    return item.fault
