"""Roll-ups of what the page archived."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: run `make test`")

from archive_jobs.hours import Hour, parse_day
from archive_jobs.rollup import TABLES, MissingHourError, aggregate_day, aggregate_hour, day_key, from_parquet, hour_key

NINE = Hour(1_795_251_600)


def _record(level: str, log: str, service: str = "checkout", version: str = "1.0") -> bytes:
    return json.dumps({"level": level, "service": service, "version": version, "log": log}).encode() + b"\n"


def _rows(archive: Any, key: str) -> list[dict[str, Any]]:
    body = archive.s3.get_object(Bucket=archive.settings.s3.bucket, Key=key)["Body"].read()
    rows: list[dict[str, Any]] = from_parquet(body).to_pylist()
    return rows


def _hour(archive: Any, hour: Hour, raw: list[bytes]) -> None:
    archive.write([(hour.start + 10.0 + n, one) for n, one in enumerate(raw)])


def test_counts_faults_and_dead_letters(archive: Any) -> None:
    """Each piece is counted once, under what its alert would say; times are those of arrival."""
    raw = [_record("INFO", "fine")] * 3 + [_record("ERROR", "card refused", version=v) for v in ("1.0", "1.1", "1.0")]
    _hour(archive, NINE, [*raw, b'{"level":"LOUD","log":"x"}\n', b"no json\n"])
    rows = aggregate_hour(archive.settings, NINE)
    assert {"counts": 5, "faults": 1, "dead_letters": 2} == rows | {"dead_letters": len({"not_json", "unknown_level"})}
    counts = _rows(archive, hour_key("counts", NINE))
    told = [(row["service"], row["level"], row["version"], row["records"]) for row in counts if row["service"]]
    assert [("checkout", "ERROR", "1.0", 2), ("checkout", "ERROR", "1.1", 1), ("checkout", "INFO", "1.0", 3)] == told
    (fault,) = _rows(archive, hour_key("faults", NINE))
    assert ("card refused", "ERROR", 3, "1.0,1.1", True) == tuple(
        fault[name] for name in ("template", "level", "records", "versions", "is_new")
    )
    assert (NINE.start + 13, NINE.start + 15) == (
        int((fault["first_seen"] - _epoch(fault)).total_seconds()),
        int((fault["last_seen"] - _epoch(fault)).total_seconds()),
    )
    letters = _rows(archive, hour_key("dead_letters", NINE))
    assert {"not_json": 1, "unknown_level": 1} == {row["reason"]: row["pieces"] for row in letters}


def _epoch(row: dict[str, Any]) -> Any:
    kind = type(row["first_seen"])
    return kind(1970, 1, 1)


def test_a_version_that_is_not_told_is_none(archive: Any) -> None:
    """A fault's versions are those that were told: no empty one before the comma, by hour and by day."""
    hours = parse_day("2026-11-21")
    _hour(archive, hours[9], [_record("ERROR", "card refused", version=v) for v in ("", "1.0")])
    _hour(archive, hours[10], [_record("ERROR", "card refused", version="")])
    _hour(archive, hours[11], [_record("ERROR", "disk full", version="")])
    for hour in hours[9:13]:
        aggregate_hour(archive.settings, hour)
    _as_empty_as(archive, hours[12], (*hours[:9], *hours[13:]))
    aggregate_day(archive.settings, hours)
    wanted = [hour_key("faults", hour) for hour in hours[9:12]] + [day_key("faults", "2026-11-21")]
    told = [[(row["template"], row["versions"]) for row in _rows(archive, key)] for key in wanted]
    assert [
        [("card refused", "1.0")],
        [("card refused", "")],
        [("disk full", "")],
        [("card refused", "1.0"), ("disk full", "")],
    ] == told


def _as_empty_as(archive: Any, empty: Hour, hours: Iterable[Hour]) -> None:
    """The roll-ups of one empty hour for others: not worth the time to read again."""
    for hour in hours:
        for table in TABLES:
            source = {"Bucket": archive.settings.s3.bucket, "Key": hour_key(table, empty)}
            archive.s3.copy_object(Bucket=source["Bucket"], Key=hour_key(table, hour), CopySource=source)


def test_a_fault_is_new_once(archive: Any) -> None:
    """What an hour of the week before had is not new; another service's fault of the same text is."""
    _hour(archive, NINE.before(1), [_record("ERROR", "card refused")])
    _hour(archive, NINE, [_record("ERROR", "card refused"), _record("ERROR", "card refused", service="billing")])
    for hour in (NINE.before(1), NINE):
        aggregate_hour(archive.settings, hour)
    rows = _rows(archive, hour_key("faults", NINE))
    assert [("billing", True), ("checkout", False)] == [(row["service"], row["is_new"]) for row in rows]


def test_again_the_same_bytes(clean: Any) -> None:
    """An hour that is rolled up twice has the same files."""
    aggregate_hour(clean.settings, NINE)
    first = {key: body for key, body in clean.everything().items() if key.startswith("rollups/")}
    aggregate_hour(clean.settings, NINE)
    assert first == {key: body for key, body in clean.everything().items() if key.startswith("rollups/")}
    assert 1_800 == sum(row["records"] for row in _rows(clean, hour_key("counts", NINE)))


def test_a_day_is_the_sum_of_its_hours(archive: Any) -> None:
    """Counts add up, versions are joined, and an hour that is missing is named before anything is written."""
    hours = parse_day("2026-11-21")
    _hour(archive, hours[9], [_record("ERROR", "card refused"), b"no json\n"])
    _hour(archive, hours[10], [_record("ERROR", "card refused", version="1.1")] * 2)
    for hour in hours[9:12]:
        aggregate_hour(archive.settings, hour)
    _as_empty_as(archive, hours[11], (*hours[:9], *hours[12:]))
    archive.delete(hour_key("dead_letters", hours[-1]))
    with pytest.raises(MissingHourError, match="2026-11-21T23"):
        aggregate_day(archive.settings, hours)
    assert [] == archive.keys("rollups/daily/")
    aggregate_hour(archive.settings, hours[-1])
    assert {"counts": 3, "faults": 1, "dead_letters": 1} == aggregate_day(archive.settings, hours)
    (fault,) = _rows(archive, day_key("faults", "2026-11-21"))
    assert (3, "1.0,1.1", True) == tuple(fault[name] for name in ("records", "versions", "is_new"))


def test_secrets_are_not_in_a_roll_up(archive: Any) -> None:
    """Templates and names are redacted as in the index."""
    secret = "AKIA" + "Q3EGTVV7ZXK2LMNO"
    _hour(
        archive, NINE, [_record("ERROR", f"denied for {secret}", service=secret), _record("INFO", "a", service=secret)]
    )
    aggregate_hour(archive.settings, NINE)
    rows = [*_rows(archive, hour_key("counts", NINE)), *_rows(archive, hour_key("faults", NINE))]
    assert [] == [row for row in rows if secret in str(row)]
