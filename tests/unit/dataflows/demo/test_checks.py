"""The demo's own checks: silent when all is well, precise when it is not."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.opensearch import Found
from dataflows.demo.checks import Run, checks
from dataflows.demo.feed import Said, Truth, digest
from dataflows.demo.readback import Evidence
from dataflows.demo.scrape import Numbers

ERROR, INFO, BAD = b"error record", b"info record", b"malformed"
T0 = 1_763_764_860.0  # a multiple of 15 s
SECRET = "S3cret" + "Word"
_NONE: frozenset[tuple[str, str]] = frozenset()
_FIRST = ("cali_alert_decisions_total", frozenset({("reason", "first")}))


def _alert(reason: str = "first", record: str = "shard-1-0", window: str = "2025-11-21T22:41:00.000Z") -> Found:
    source = {
        "reason": reason,
        "status": "sent",
        "held": "",
        "lines": [],
        "record_id": record,
        "window_start": window,
        "text": "t",
    }
    return Found(f"{reason}:{window}", source)


def _run(**changes: Any) -> Run:
    """Three records: one alarming, one below, one malformed; all as it should be, but for the changes."""
    truth = Truth(
        records=Counter([digest(ERROR), digest(INFO), digest(BAD)]),
        alarming={digest(ERROR): Said("deadlock/inventory", is_fault=True, event_ts=T0 + 3)},
        malformed=1,
        planted={SECRET},
    )
    evidence = Evidence(
        objects=2,
        archived=Counter(truth.records),
        places={"shard-1": digest(ERROR), "shard-2": digest(INFO), "shard-3": digest(BAD)},
        repeated=0,
        dead=Counter({"cut_off": 1}),
        documents=[Found("shard-1-0", {"message": "deadlock"})],
        alerts=[_alert()],
        messages=[{"payload": {"text": "deadlock"}}],
        refused=0,
    )
    samples = {
        "cali_kinesis_records_total": 3.0,
        "cali_pieces_total": 3.0,
        "cali_pieces_alarming_total": 1.0,
        "cali_pieces_below_level_total": 1.0,
        "cali_pieces_rejected_total": 1.0,
    }
    numbers = {(name, _NONE): value for name, value in samples.items()} | {_FIRST: changes.pop("counted", 1.0)}
    run = Run(truth, evidence, Numbers(numbers), 0, "log")
    wrong = {name: changes.pop(name) for name in list(changes) if name in Evidence.__dataclass_fields__}
    return replace(run, evidence=replace(evidence, **wrong), **changes)


def _failed(run: Run) -> dict[str, str]:
    return {check.what: check.detail for check in checks(run) if not check.ok}


def test_all_is_well() -> None:
    """Books that balance fail nothing."""
    assert {} == _failed(_run())


@pytest.mark.parametrize(
    ("make", "what", "detail"),
    [
        (lambda: _run(exit_status=-15), "SIGTERM ends the pipeline (exit status)", "expected 0, found -15"),
        (
            lambda: _run(archived=Counter([digest(ERROR), digest(INFO), digest(b"other")])),
            "each is there once, byte for byte",
            "1 missing, 1 altered, 0 twice",
        ),
        (lambda: _run(repeated=1), "each is there once, byte for byte", "0 missing, 0 altered, 1 twice"),
        (lambda: _run(dead=Counter()), "every malformed record is a dead letter", "expected 1, found 0"),
        (
            lambda: _run(messages=[{"payload": {}}, {"payload": {}}]),
            "every alert is one message in Slack",
            "1 alerts sent, 2 messages in Slack",
        ),
        (lambda: _run(refused=1), "Slack refused no message", "expected 0, found 1"),
        (
            lambda: _run(alerts=[_alert("summary")]),
            "each fault is announced as new once",
            "0 of 1; never: deadlock/inventory",
        ),
        (
            lambda: _run(log=f"password={SECRET}"),
            "no planted secret or personal value got out",
            "1 in the pipeline's log, one of 10 characters begins 'S3c'",
        ),
        (
            lambda: _run(messages=[{"payload": {"blocks": [{"text": f"x{SECRET}y"}]}}]),
            "no planted secret or personal value got out",
            "1 in messages, one of 10 characters begins 'S3c'",
        ),
    ],
)
def test_what_is_wrong_is_named(make: Callable[[], Run], what: str, detail: str) -> None:
    """One thing that is wrong fails one check, which names what was expected and what was found."""
    assert {what: detail} == _failed(make())


def test_an_alert_that_waits_is_not_sent() -> None:
    """An alert left in the outbox fails the check of deliveries with the count of its status."""
    waiting = _alert()
    waiting.source["status"] = "waiting"

    assert {"every alert is one message in Slack": "0 alerts sent, 1 messages in Slack; 1 waiting"} == _failed(
        _run(alerts=[waiting])
    )


def test_a_held_alert_is_told_in_a_digest() -> None:
    """Held and named in a digest that was sent is told; held and named nowhere is not, but for a quiet end."""
    held, end = _alert("summary"), _alert("resolved")
    held.source.update(status="held", held="held_storm")
    end.source.update(status="held", held="held_quiet")
    digest_ = _alert("digest")
    digest_.source.update(lines=[held.id])
    told = _run(alerts=[_alert(), held, end, digest_], messages=[{"payload": {}}] * 2)

    assert {} == _failed(told)
    assert {"every alert is one message in Slack": "1 alerts sent, 1 messages in Slack; 1 told nowhere"} == _failed(
        _run(alerts=[_alert(), held])
    )


def test_two_announcements_of_one_fault_fail() -> None:
    """A fault that got two fingerprints is announced twice: the index has two documents, and both count."""
    twin = _alert()._replace(id="other")
    run = _run(alerts=[_alert(), twin], messages=[{"payload": {}}] * 2)

    assert {"each fault is announced as new once": "1 of 1; twice: deadlock/inventory"} == _failed(run)


def test_a_record_that_is_neither_told_nor_held_fails() -> None:
    """The throttle's books: every alarming record opens something or is counted by its reason."""
    run = _run(counted=0.0)

    assert {"each is told or held, by its reason": "expected 1, found 0"} == _failed(run)
