"""Whoever can write a log line can neither stop triage, nor make it slow, nor forge a line of CALI's own log."""

import json
import time

import pytest
import structlog

from connectors.kinesis import RecordBatch
from dataflows import logs
from dataflows.steps.triage import Triage

UNITS = (
    "a",
    " ",
    "\n",
    "\tat ",
    "Caused by: ",
    "trace_id=",
    "request_id=0",
    "[traceId=",
    "\\ud83d",
    "2026-11-22T05:00:00Z ",
    "ERROR ",
    "password=",
    "https://a:",
    "eyJ",
    "0x",
    "{",
    "::",
)
"""What the expressions of triage begin with, or look for."""
SMALL, LARGE = 16_000, 64_000


def _record(unit: str, size: int) -> bytes:
    text = unit * (size // len(unit))
    return json.dumps(
        {"level": "ERROR", "log": text, "service": text, "trace_id": text, "x": {text[:99]: text}}
    ).encode()


def _cost(records: list[bytes]) -> float:
    """CPU seconds of one batch, the best of three."""
    best = float("inf")
    for _ in range(3):
        count = len(records)
        batch = RecordBatch("slot-00", "s", "shard", [str(n) for n in range(count)], records, [1.76e9] * count)
        started = time.process_time()
        Triage(b"k" * 16)([batch])
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_is_dear(unit: str) -> None:
    """In every place of a record at once, four times as much of it costs less than ten times: quadratic is sixteen."""
    small, large = _cost([_record(unit, SMALL)]), _cost([_record(unit, LARGE)])
    assert large < max(10 * small, 0.2)


def _wide(fields: int) -> bytes:
    named = {f"field{number}": number for number in range(fields)}
    return json.dumps({"level": "ERROR", "log": "x", **named}).encode()


def test_many_names_cost_in_proportion() -> None:
    """A record may have as many fields as fit into it; four times as many cost less than ten times as much."""
    assert _cost([_wide(8_000)]) < 10 * _cost([_wide(2_000)])


def test_a_text_makes_no_second_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends and quotes in a value are escaped: one event is one line of JSON, and its fields are its own."""
    before = structlog.get_config()
    forged = '"}\n{"event": "drain.started", "level": "info"}\r\u2028'
    try:
        logs.configure("INFO")
        structlog.get_logger().warning("it.happened", service=forged)
    finally:
        structlog.configure(**before)
    [line] = capsys.readouterr().err.rstrip("\n").split("\n")
    event = json.loads(line)
    assert ("it.happened", forged) == (event["event"], event["service"])
