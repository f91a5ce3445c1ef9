"""Compares what was put with what came out. Pure: the demo believes what it reads back, not what it meant to do."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from connectors.opensearch import Found
from dataflows.demo.feed import Truth
from dataflows.demo.readback import Evidence
from dataflows.demo.scrape import Numbers

ANNOUNCING = frozenset({"first", "new_window"})
"""Reasons of the alerts that open a window; the others sum one up."""


class Check(NamedTuple):
    """One promise, and whether it was kept."""

    what: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Run:
    """One run as a whole."""

    truth: Truth
    evidence: Evidence
    numbers: Numbers
    window_s: float
    exit_status: int | None
    log: str
    """What the pipeline wrote to its own log."""


def announcements(alerts: Iterable[Found]) -> list[Found]:
    """The alerts that open a window."""
    return [alert for alert in alerts if alert.source["reason"] in ANNOUNCING]


def checks(run: Run) -> list[Check]:
    """Every promise of the demo, in the order of the page."""
    truth, evidence, numbers = run.truth, run.evidence, run.numbers
    rejected = numbers.total("cali_pieces_rejected_total")
    alarming = numbers.total("cali_pieces_alarming_total")
    below = numbers.total("cali_pieces_below_level_total")
    archived = evidence.archived.total()
    statuses = Counter(str(alert.source["status"]) for alert in evidence.alerts)
    return [
        _same("SIGTERM ends the pipeline (exit status)", 0, run.exit_status),
        _same("every record put was read", truth.put, numbers.total("cali_kinesis_records_total")),
        _same("every record read is in the archive", truth.put, archived),
        Check(
            "each is there once, byte for byte",
            evidence.archived == truth.records and not evidence.repeated,
            _difference(truth.records, evidence.archived, evidence.repeated),
        ),
        _same(
            "pieces = alarming + below WARN + rejected", numbers.total("cali_pieces_total"), alarming + below + rejected
        ),
        _same("every WARN+ record is indexed, once", len(truth.alarming), len(evidence.documents)),
        _same("alarming = indexed (pipeline's own books)", alarming, len(evidence.documents)),
        _same("every malformed record is a dead letter", truth.malformed, evidence.dead.total()),
        _same("every alert was sent", {"sent": len(evidence.alerts)}, dict(statuses)),
        _same("every alert is one message in Slack", len(evidence.alerts), len(evidence.messages)),
        _same("Slack refused no message", 0, evidence.refused),
        _announced(run),
        _leaks(run),
    ]


def _same(what: str, expected: object, found: object) -> Check:
    if expected == found:
        return Check(what, ok=True, detail=_shown(found))
    return Check(what, ok=False, detail=f"expected {_shown(expected)}, found {_shown(found)}")


def _shown(value: object) -> str:
    return (
        f"{value:,}"
        if isinstance(value, int)
        else ", ".join(f"{count:,} {name}" for name, count in value.items())
        if isinstance(value, dict)
        else str(value)
    )


def _difference(expected: Counter[bytes], found: Counter[bytes], repeated: int) -> str:
    missing, surplus = (expected - found).total(), (found - expected).total()
    return f"{missing:,} missing, {surplus:,} altered, {repeated:,} twice"


def _announced(run: Run) -> Check:
    """Each statement once per window in which it happened.

    A record read after the next window has opened counts there, as the throttle documents: that many may be missing.
    """
    length = run.window_s
    expected = {(said.source, said.event_ts - said.event_ts % length) for said in run.truth.alarming.values()}
    found: Counter[tuple[str, float]] = Counter()
    strangers = 0
    for alert in announcements(run.evidence.alerts):
        place = run.evidence.places.get(str(alert.source["record_id"]).rpartition("-")[0], b"")
        said = run.truth.alarming.get(place)
        if said is None:
            strangers += 1
        else:
            found[said.source, datetime.fromisoformat(alert.source["window_start"]).timestamp()] += 1
    late = run.numbers.total("cali_late_records_total")
    missing = expected - set(found)
    twice = [name for (name, _), count in found.items() if count > 1]
    unexpected = set(found) - expected
    never = {name for name, _ in expected} - {name for name, _ in found}
    ok = not (twice or strangers or unexpected or never) and len(missing) <= late
    parts = [f"{len(found):,} of {len(expected):,}"]
    for label, names in (("twice", twice), ("never", never), ("in no such window", {n for n, _ in unexpected})):
        parts += [f"{label}: {', '.join(sorted(names))}"] if names else []
    parts += [f"{strangers} of unknown records"] if strangers else []
    parts += [f"{len(missing)} windows missing, {late} late records"] if missing else []
    return Check("each fault is announced once per window", ok, "; ".join(parts))


def _leaks(run: Run) -> Check:
    """No planted value may stand in anything that people or the index see. Values have no white space in them."""
    places = {
        "messages": [str(message["payload"]) for message in run.evidence.messages],
        "documents": [str(found.source) for found in run.evidence.documents],
        "alerts": [str(found.source) for found in run.evidence.alerts],
        "the pipeline's log": [run.log],
    }
    parts = []
    for place, texts in places.items():
        words = "\n".join({word for text in texts for word in text.split()})
        if leaked := [value for value in run.truth.planted if value in words]:
            parts.append(f"{len(leaked)} in {place}, one of {len(leaked[0])} characters begins {leaked[0][:3]!r}")
    planted = len(run.truth.planted)
    detail = "; ".join(parts) or f"none of {planted:,} found"
    return Check("no planted secret or personal value got out", not parts, detail)
