"""Each expectation fails exactly when it should: a clean hour, and one planted defect after the other.

Great Expectations is heavy and no dependency of the project: `make test-airflow` has it.
"""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zstandard

pytest.importorskip("great_expectations", reason="Great Expectations is not installed: run `make test-airflow`")

from archive_jobs.hours import Hour
from archive_jobs.quality import check
from archive_jobs.results import failed, result_key
from archive_jobs.suites import Limits, checks

from connectors.kinesis import Loss
from dataflows.render.archive import refused_line

NINE = 1_795_251_600
HOUR = Hour(NINE)
LIMITS = Limits(silent_records=30)
"""The test's hour is thin: an object holds about 37 records."""
PAGE = Path(__file__).parents[2] / "docs" / "data_quality.md"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

Spoil = Callable[[int, Callable[[int, Any], Any]], Any]
Plant = Callable[[Any], None]


def _failed(archive: Any) -> set[str]:
    return {one["check"] for one in failed(check(archive.settings, HOUR, LIMITS))}


def test_a_clean_hour_passes_twice_with_the_same_bytes(clean: Any) -> None:
    """Nothing fails, every check has looked at something, and a second run writes what the first one did."""
    first = check(clean.settings, HOUR, LIMITS)
    written = {ending: clean.everything()[result_key(HOUR, ending)] for ending in ("json", "html", "prom")}
    second = check(clean.settings, HOUR, LIMITS)
    assert [] == failed(first)
    assert [one.id for one in checks(LIMITS)] == [one["check"] for one in first["checks"]]
    assert 1_800 == first["measured"]["records"]
    assert first == second
    assert written == {ending: clean.everything()[result_key(HOUR, ending)] for ending in ("json", "html", "prom")}


def _with(**fields: Any) -> Callable[[int, Any], Any]:
    def change(n: int, record: Any) -> Any:
        del n
        return record[0], json.dumps({"level": "INFO", "service": "checkout", "log": "fine", **fields}).encode() + b"\n"

    return change


@pytest.mark.parametrize(
    ("change", "every", "expected"),
    [
        pytest.param(_with(log=["no", "text"]), 50, {"schema"}, id="message of a wrong type"),
        pytest.param(_with(level="LOUD"), 50, {"level"}, id="unknown level"),
        pytest.param(_with(time="2026-11-21T03:00:00Z"), 50, {"event_time"}, id="six hours late"),
        pytest.param(_with(time="2026-11-21T12:00:00Z"), 50, {"event_time"}, id="from the future"),
        pytest.param(_with(service=""), 50, {"service"}, id="no service"),
        pytest.param(_with(level="LOUD"), 10, {"level", "dead_letter_share"}, id="many dead letters"),
        pytest.param(_with(level="LOUD"), 200, set[str](), id="a few bad records are allowed"),
    ],
)
def test_records(spoiled: Spoil, change: Callable[[int, Any], Any], every: int, expected: set[str]) -> None:
    """What is wrong with more than a hundredth of the records fails its own check and no other."""
    assert expected == _failed(spoiled(every, change))


def _manifest(lines: list[bytes], manifest: dict[str, str]) -> dict[str, str]:
    body = zstandard.compress(b"".join(line + b"\n" for line in lines))
    return {**manifest, "records": str(len(lines)), "sha256": sha256(body).hexdigest()}


def _changed_byte(archive: Any) -> None:
    lines, manifest = archive.lines(archive.keys()[3])
    archive.put(archive.keys()[3], [lines[0].replace(b'"', b"'", 1), *lines[1:]], manifest)


def _one_line_less(archive: Any) -> None:
    lines, manifest = archive.lines(archive.keys()[3])
    archive.put(archive.keys()[3], lines[:-1], {**_manifest(lines[:-1], manifest)})


def _no_manifest(archive: Any) -> None:
    archive.put(archive.keys()[3], archive.lines(archive.keys()[3])[0], {})


def _strange_line(archive: Any) -> None:
    lines, manifest = archive.lines(archive.keys()[3])
    lines.insert(1, b'{"some":"thing"}')
    archive.put(archive.keys()[3], lines, _manifest(lines, manifest))


def _another_hour(archive: Any) -> None:
    line = b'{"sequence":"1","arrived":%d,"end":"","record":{"level":"INFO","service":"a","log":"b"}}' % (
        (NINE - 1) * 1000
    )
    manifest = {"stream": "logs", "shard": "shardId-000000000009", "first": "1", "last": "1"}
    name = "archive/date=2026-11-21/hour=09/logs-shardId-000000000009-1.ndjson.zst"
    archive.put(name, [line], _manifest([line], manifest))


def _twice(archive: Any) -> None:
    lines, manifest = archive.lines(archive.keys()[3])
    archive.put(archive.keys()[3].replace(".ndjson", f"-{manifest['last']}.ndjson"), lines, _manifest(lines, manifest))


def _lost_object(archive: Any) -> None:
    archive.delete(archive.keys()[7])


def _stray_letter(archive: Any) -> None:
    line = json.dumps(
        {"shard": "shardId-000000000000", "sequence": "77", "sub": 0, "stream": "logs", "arrived": NINE * 1000}
        | {"failed": NINE * 1000, "attempts": 1, "reason": "not_json", "detail": "no JSON", "base64": "e30="}
    ).encode()
    name = "dead-letters/date=2026-11-21/hour=09/logs-shardId-000000000000-77-0.ndjson.zst"
    manifest = {"stream": "logs", "shard": "shardId-000000000000", "first": "77-0", "last": "77-0"}
    archive.put(name, [line], _manifest([line], manifest))


def _usual_volume(archive: Any) -> None:
    for days in range(1, 4):
        body = json.dumps({"measured": {"records": 100_000}}).encode()
        key = result_key(HOUR.before(24 * days))
        archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=key, Body=body)


def _secret(archive: Any) -> None:
    told = ("password" + "=hunter2hunter2").encode()
    line = refused_line("cali-logs-2026.11.21", "a-1-0", "refused", b'{"message":"' + told + b'"}').rstrip()
    name = "dead-letters/refused=cali-logs-2026.11.21/abc-0.ndjson.zst"
    archive.put(name, [line], _manifest([line], {"first": "0", "last": "0"}))


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (_changed_byte, {"manifest", "line_form"}),
        (_one_line_less, {"manifest"}),
        (_no_manifest, {"manifest"}),
        (_strange_line, {"line_form"}),
        (_another_hour, {"hour_folder"}),
        (_twice, {"sequence_order"}),
        (_lost_object, {"sequence_gap"}),
        (_stray_letter, {"stray_dead_letters"}),
        (_usual_volume, {"volume_ratio"}),
        (_secret, {"secrets"}),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_objects(clean: Any, plant: Plant, expected: set[str]) -> None:
    """What is wrong with one object fails its own check and no other."""
    plant(clean)
    assert expected == _failed(clean)


def test_an_object_of_ten_seconds_is_missed_at_the_default_limits(archive: Any, busy_minutes: list[Any]) -> None:
    """28 records a second in two shards, `-s 10`: five minutes pass as they are, and fail without one of 60 objects."""
    archive.write(busy_minutes, epoch_s=10)
    before = {one["check"] for one in failed(check(archive.settings, HOUR, Limits()))}
    archive.delete(archive.keys()[7])
    assert (set(), {"sequence_gap"}) == (
        before,
        {one["check"] for one in failed(check(archive.settings, HOUR, Limits()))},
    )


def test_dead_letters_that_are_not_there(spoiled: Spoil) -> None:
    """Records that the page rejects must be in the dead letters."""
    archive = spoiled(200, _with(level="LOUD"))
    for key in archive.keys("dead-letters/")[:1]:
        archive.delete(key)
    assert {"missing_dead_letters"} == _failed(archive)


def test_a_loss_that_the_reader_noted(archive: Any, hour_of_logs: list[Any]) -> None:
    """A note that records before a place may be lost fails the hour."""
    archive.write(hour_of_logs, losses=(Loss("49599999999", float(NINE + 5), "expired"),))
    assert {"possible_losses"} == _failed(archive)


def test_an_hour_without_records(archive: Any) -> None:
    """An empty hour is not clean: nothing was read."""
    assert {"records"} == _failed(archive)


def test_a_result_holds_no_text_of_a_record(clean: Any) -> None:
    """Places are told and not values: what failed as a secret is in none of the three forms."""
    _secret(clean)
    check(clean.settings, HOUR, LIMITS)
    forms = [clean.everything()[result_key(HOUR, ending)] for ending in ("json", "html", "prom")]
    assert [False] * 3 == [b"hunter2" in form for form in forms]
    assert b"refused=cali-logs-2026.11.21/abc-0.ndjson.zst#0" in forms[0]
    assert b"hunter2" not in base64.b64encode(forms[1])


def test_every_check_is_explained() -> None:
    """The page that says what to do has a section for each check, in the order of the suites."""
    told = [line.split("`")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("### `")]
    assert [one.id for one in checks(LIMITS)] == told


def test_the_korean_page_has_the_same_checks() -> None:
    """Neither language explains a check that the other leaves out."""
    korean = PAGE.parent / "ko" / PAGE.name
    told = [line.split("`")[1] for line in korean.read_text(encoding="utf-8").splitlines() if line.startswith("### `")]
    assert [one.id for one in checks(LIMITS)] == told
