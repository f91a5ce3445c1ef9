"""Telling and judging an hour's result, its forms, and the command line."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from archive_jobs.__main__ import main
from archive_jobs.hours import Hour, parse_day, parse_hour
from archive_jobs.quality import NotCheckedError, NotToldError, alert_of, result, tell
from archive_jobs.results import CheckResult, Result, result_key, sentence, to_html, to_json, to_metrics
from archive_jobs.silence import silence
from archive_jobs.suites import SECRETS, VERSION
from prometheus_client import generate_latest, push_to_gateway

from connectors.slack import Outcome, PostResult
from dataflows.domain.alerts import Alert
from dataflows.render.slack import card

NINE = Hour(1_795_251_600)


def _check(name: str, *, passed: bool) -> CheckResult:
    return CheckResult(
        check=name,
        passed=passed,
        looked_at=200,
        unexpected=0 if passed else 20,
        allowed_share=0.01,
        observed=None,
        expected="one of <INFO>",
        places=[] if passed else ["shardId-000000000000-1-0"],
    )


def _result(*bad: str) -> Result:
    checks = [_check(name, passed=name not in bad) for name in ("schema", "level")]
    measured: dict[str, float | int | str | None] = {"records": 200, "dead_letters": 3}
    return Result(format=1, suite=VERSION, hour=NINE.text, passed=not bad, measured=measured, checks=checks)


class Channel:
    """A messenger that keeps what it is given."""

    def __init__(self, outcome: Outcome = Outcome.ACCEPTED) -> None:
        self.alerts: list[Alert] = []
        self._outcome = outcome

    def channel_of(self, alert: Alert) -> str:
        return alert["channel"] or "memory"

    def post(self, alert: Alert) -> PostResult:
        self.alerts.append(alert)
        return PostResult(self._outcome, detail="busy")


@pytest.fixture
def bad(archive: Any) -> Any:
    """An hour whose levels failed."""
    archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=result_key(NINE), Body=to_json(_result("level")))
    return archive


def test_a_bad_hour_is_told_once(bad: Any) -> None:
    """One message about CALI, whose text names the checks; a retry of the task tells nothing more."""
    channel = Channel()
    told = [tell(bad.settings, NINE, channel), tell(bad.settings, NINE, channel)]
    assert [True, False] == told
    assert {"checks": ["level"]} == bad.json("quality/date=2026-11-21/hour=09/told.json")
    (alert,) = channel.alerts
    assert ("cali", "ERROR") == (alert["service"], alert["level"])
    assert "level: 20 of 200 are not one of <INFO> (allowed: 1.0%)" in alert["text"]


def test_other_failures_of_the_same_hour_are_told(bad: Any) -> None:
    """An hour that is checked again and is bad in another way is told again."""
    channel = Channel()
    tell(bad.settings, NINE, channel)
    bad.s3.put_object(Bucket=bad.settings.s3.bucket, Key=result_key(NINE), Body=to_json(_result("schema", "level")))
    assert [True, 2] == [tell(bad.settings, NINE, channel), len(channel.alerts)]


def test_a_good_hour_is_not_told(archive: Any) -> None:
    """Nothing is posted."""
    archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=result_key(NINE), Body=to_json(_result()))
    channel = Channel()
    assert [False, []] == [tell(archive.settings, NINE, channel), channel.alerts]


def test_what_slack_did_not_take_is_tried_again(bad: Any) -> None:
    """The task fails, and nothing is marked as told."""
    with pytest.raises(NotToldError, match="transient: busy"):
        tell(bad.settings, NINE, Channel(Outcome.TRANSIENT))
    assert tell(bad.settings, NINE, Channel())


def test_an_hour_without_a_result(archive: Any) -> None:
    """It is said what to run."""
    with pytest.raises(NotCheckedError, match="check --hour 2026-11-21T09"):
        result(archive.settings, NINE)


def test_the_card_is_that_of_every_alert() -> None:
    """CALI's own renderer makes it: what failed, and where the result lies."""
    alert = alert_of(_result("level"), NINE, "Result: s3://b/quality/date=2026-11-21/hour=09/result.html")
    shown = json.dumps(card(alert, "en"))
    assert [True, True] == ["s3://b/quality" in shown, "level: 20 of 200" in shown]


def test_the_page_escapes() -> None:
    """Text of a result is no markup."""
    page = to_html(_result("level"))
    assert [True, False] == [b"&lt;INFO&gt;" in page, b"<INFO>" in page]


def test_metrics_by_check() -> None:
    """One gauge for each check, and the hour that they are of."""
    text = generate_latest(to_metrics(_result("level"), NINE)).decode()
    wanted = ['check_passed{check="level"} 0.0', 'check_passed{check="schema"} 1.0', "quality_records 200.0"]
    assert [True] * 3 == [line in text for line in wanted]


def test_a_pushgateway_takes_them() -> None:
    """They are pushed under one grouping key, so that a gateway keeps the newest hour."""
    asked: list[tuple[str, str]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            size = int(self.headers["Content-Length"])
            asked.append((self.path, self.rfile.read(size).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        Thread(target=server.handle_request, daemon=True).start()
        push_to_gateway(f"http://127.0.0.1:{server.server_port}", "cali-data-quality", to_metrics(_result(), NINE))
    assert [("/metrics/job/cali-data-quality", True)] == [(path, "archive_quality" in body) for path, body in asked]


def test_a_number_is_told_as_it_is() -> None:
    """A check of one number tells that number."""
    check = {**_check("volume_ratio", passed=False), "observed": 0.1, "expected": "0.2 to 5"}
    assert "volume_ratio: 0.1, expected 0.2 to 5" == sentence(check)  # type: ignore[arg-type] # one key changed


@pytest.mark.parametrize("text", ["2026-11-21", "2026-11-21T09:30", "yesterday", "", "0001-01-01T00+09:00"])
def test_what_is_no_hour(text: str) -> None:
    """It is quoted, with the form that is wanted."""
    with pytest.raises(ValueError, match=f"{re.escape(repr(text))} .* 2026-11-21T09"):
        parse_hour(text)


@pytest.mark.parametrize(
    "read", [lambda: parse_hour("1970-01-01T00"), lambda: parse_day("9999-12-31")], ids=["hour", "day"]
)
def test_years_without_an_archive(read: Callable[[], Any]) -> None:
    """An hour whose week before is not of the calendar, or is before Kinesis, is refused in one line."""
    with pytest.raises(ValueError, match="write a year from 2013 to 9998"):
        read()


def test_a_silence_holds_no_more_than_there_are() -> None:
    """The pace has the gap in it: 10 s at 10 records a second are 100; two bursts have no more than their own."""
    steady = [n * 100 for n in range(3_000) if not 1_000 <= n < 1_100]
    bursts = [0, 1, 2, 3_000_000, 3_000_001, 3_000_002]
    assert [97.7, 6.0, 0.0, 0.0] == [silence(times, len(times)) for times in (steady, bursts, [7], [])]


def test_hours_and_days() -> None:
    """UTC, whatever zone an hour is written in; a day has 24."""
    assert NINE == parse_hour("2026-11-21T09") == parse_hour("2026-11-21T18:00+09:00")
    assert NINE == parse_day("2026-11-21")[9]


def test_the_verdict_is_an_exit_status(
    bad: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 for a bad hour, 2 for one that cannot be, each with one line."""
    monkeypatch.setenv("CALI_S3__BUCKET", bad.settings.s3.bucket)
    monkeypatch.setenv("CALI_S3__ENDPOINT_URL", str(bad.settings.s3.endpoint_url))
    assert 1 == main(["verdict", "--hour", "2026-11-21T09"])
    assert {"hour": NINE.text, "passed": False} == {
        key: value for key, value in json.loads(capsys.readouterr().out).items() if key != "failed"
    }
    assert [2, 2] == [main(["verdict", "--hour", "2026-11-21T10"]), main(["verdict", "--hour", "noon"])]
    assert "'noon' is no hour" in capsys.readouterr().err


def test_placeholders_are_no_secrets() -> None:
    """What redaction leaves behind, and prose about passwords, is not taken for a secret."""
    texts = [
        "password=[SECRET]",
        "password: [SECRET:3f2a9c01]",
        "api key: expired",
        "token <*> of [EMAIL]",
        "secret=<*>",
    ]
    assert [] == [(text, rule) for text in texts for rule in SECRETS if re.search(rule, text)]
