"""Compares what was put with what came out. Pure: the demo believes what it reads back, not what it meant to do."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from connectors.opensearch import Found
from dataflows.demo.feed import Truth
from dataflows.demo.readback import Evidence
from dataflows.demo.scrape import Numbers
from dataflows.domain.alerts import OPENING, Reason

_COUNTED = [*OPENING, Reason.HELD_REPEAT, Reason.HELD_LATE, Reason.HELD_FILTERED]
"""What becomes of a record: it opens something, or it is counted."""


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
    exit_status: int | None
    log: str
    """What the pipeline wrote to its own log."""


def announcements(alerts: Iterable[Found]) -> list[Found]:
    """The alerts that say that a fault is new."""
    return [alert for alert in alerts if alert.source["reason"] == Reason.FIRST]


def checks(run: Run) -> list[Check]:
    """Every promise of the demo, in the order of the page."""
    truth, evidence, numbers = run.truth, run.evidence, run.numbers
    rejected = numbers.total("cali_pieces_rejected_total")
    alarming = numbers.total("cali_pieces_alarming_total")
    below = numbers.total("cali_pieces_below_level_total")
    archived = evidence.archived.total()
    counted = sum(numbers.total("cali_alert_decisions_total", reason=reason) for reason in _COUNTED)
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
        _same("each is told or held, by its reason", alarming, counted),
        _told(run),
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


def _told(run: Run) -> Check:
    """Every alert is one message, or a line of one, or the end of a fault that was told once."""
    alerts = run.evidence.alerts
    sent = [alert for alert in alerts if alert.source["status"] == "sent"]
    lines = {line for alert in sent for line in alert.source["lines"]}
    held = [alert for alert in alerts if alert.source["status"] == "held"]
    hidden = [alert for alert in held if alert.id not in lines and alert.source["held"] != Reason.HELD_QUIET]
    others = Counter(str(alert.source["status"]) for alert in alerts if alert not in sent and alert not in held)
    messages = len(run.evidence.messages)
    ok = len(sent) == messages and not hidden and not others
    parts = [f"{len(sent):,} alerts sent, {messages:,} messages in Slack"]
    parts += [f"{len(hidden):,} told nowhere"] if hidden else []
    parts += [f"{count:,} {status}" for status, count in sorted(others.items())]
    return Check("every alert is one message in Slack", ok, "; ".join(parts) if not ok else _shown(messages))


def _difference(expected: Counter[bytes], found: Counter[bytes], repeated: int) -> str:
    missing, surplus = (expected - found).total(), (found - expected).total()
    return f"{missing:,} missing, {surplus:,} altered, {repeated:,} twice"


def _announced(run: Run) -> Check:
    """Each statement is announced as new exactly once, and later only as what it is: a repeat, an end, a return."""
    found: Counter[str] = Counter()
    strangers = 0
    for alert in announcements(run.evidence.alerts):
        place = run.evidence.places.get(str(alert.source["record_id"]).rpartition("-")[0], b"")
        said = run.truth.alarming.get(place)
        if said is None:
            strangers += 1
        else:
            found[said.source] += 1
    expected = {said.source for said in run.truth.alarming.values()}
    never, twice = sorted(expected - set(found)), sorted(name for name, count in found.items() if count > 1)
    parts = [f"{len(found):,} of {len(expected):,}"]
    parts += [f"never: {', '.join(never)}"] if never else []
    parts += [f"twice: {', '.join(twice)}"] if twice else []
    parts += [f"{strangers} of unknown records"] if strangers else []
    return Check("each fault is announced as new once", not (never or twice or strangers), "; ".join(parts))


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
