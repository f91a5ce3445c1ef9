"""Where an hour's result lies, and its forms: JSON, a page of HTML, and metrics. The same data give the same bytes."""

import html
import json
from typing import Any, TypedDict

from prometheus_client import CollectorRegistry, Gauge

from archive_jobs.hours import Hour

FORMAT = 1
"""Of the JSON; a new number for a change that old readers cannot take."""


class CheckResult(TypedDict):
    """What became of one check. Holds counts and places, never a value out of a record."""

    check: str
    passed: bool
    looked_at: int
    """Rows."""
    unexpected: int
    allowed_share: float
    """Of rows that may be unexpected."""
    observed: float | None
    """Of a check of one number: that number; None where it could not be told, as in a first week."""
    expected: str
    """For people."""
    places: list[str]
    """The first rows that were unexpected: record ids or keys."""


class Result(TypedDict):
    """What became of an hour."""

    format: int
    suite: int
    """Version of the suites."""
    hour: str
    passed: bool
    measured: dict[str, float | int | str | None]
    checks: list[CheckResult]


def result_key(hour: Hour, ending: str = "json") -> str:
    """Key of an hour's result."""
    return f"{hour.folder('quality')}result.{ending}"


def told_key(hour: Hour) -> str:
    """Key of the mark that Slack was told of an hour."""
    return f"{hour.folder('quality')}told.json"


def failed(result: Result) -> list[CheckResult]:
    """The checks that did not pass."""
    return [check for check in result["checks"] if not check["passed"]]


def to_json(result: Result) -> bytes:
    """For programs."""
    return json.dumps(result, indent=2).encode() + b"\n"


def sentence(check: CheckResult) -> str:
    """One line for people: what was seen, and what is allowed."""
    if check["observed"] is not None:
        return f"{check['check']}: {check['observed']:g}, expected {check['expected']}"
    if check["looked_at"] == 0:
        return f"{check['check']}: nothing to look at, expected {check['expected']}"
    seen = f"{check['unexpected']} of {check['looked_at']}"
    return f"{check['check']}: {seen} are not {check['expected']} (allowed: {check['allowed_share']:.1%})"


_STYLE = (
    "body{font:15px sans-serif;margin:2em;max-width:72em}table{border-collapse:collapse}"
    "td,th{border:1px solid #bbb;padding:.3em .7em;text-align:left;vertical-align:top}.no{background:#fdd}"
)


def to_html(result: Result) -> bytes:
    """For people: no script, nothing that is fetched from elsewhere."""
    word = "passed" if result["passed"] else "FAILED"
    rows = "".join(
        f'<tr class="{"yes" if check["passed"] else "no"}"><td>{html.escape(check["check"])}</td>'
        f"<td>{'passed' if check['passed'] else 'FAILED'}</td><td>{html.escape(sentence(check))}</td>"
        f"<td>{'<br>'.join(map(html.escape, check['places']))}</td></tr>"
        for check in result["checks"]
    )
    measured = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(str(value))}</td></tr>"
        for name, value in result["measured"].items()
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Data quality {result["hour"]}</title>'
        f"<style>{_STYLE}</style><h1>Data quality of {result['hour']} UTC: {word}</h1>"
        f"<table><tr><th>check</th><th></th><th>seen</th><th>first places</th></tr>{rows}</table>"
        f"<h2>Measured</h2><table>{measured}</table><p>Suite version {result['suite']}. What each check means and what "
        "to do: docs/data_quality.md.</p></html>\n"
    )
    return page.encode()


def to_metrics(result: Result, hour: Hour) -> CollectorRegistry:
    """Gauges for a Pushgateway and for the text file beside the result."""
    registry = CollectorRegistry()
    passed = Gauge("archive_quality_check_passed", "1 if the check passed.", ["check"], registry=registry)
    for check in result["checks"]:
        passed.labels(check["check"]).set(check["passed"])
    numbers: tuple[tuple[str, str, Any], ...] = (
        ("archive_quality_hour_timestamp_seconds", "Start of the hour that was checked last.", hour.start),
        ("archive_quality_records", "Records in the archive of that hour.", result["measured"]["records"]),
        ("archive_quality_dead_letters", "Dead letters of that hour.", result["measured"]["dead_letters"]),
    )
    for name, told, value in numbers:
        Gauge(name, told, registry=registry).set(value)
    return registry
