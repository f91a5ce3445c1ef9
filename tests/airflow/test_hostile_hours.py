"""Hours that nobody planned: each fails the checks that it should, no other, and no job ends with an exception."""

import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
import zstandard

pytest.importorskip("great_expectations", reason="Great Expectations is not installed: run `make test-airflow`")

from archive_jobs.hours import HOUR_S, Hour
from archive_jobs.quality import check
from archive_jobs.results import failed
from archive_jobs.rollup import aggregate_hour
from archive_jobs.suites import Limits

NINE = 1_795_251_600
HOUR = Hour(NINE)
LIMITS = Limits(silent_records=30)
"""The test's hour is thin: an object holds about 37 records."""
LETTERS = "dead-letters/date=2026-11-21/hour=09/"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def _failed(archive: Any) -> set[str]:
    return {one["check"] for one in failed(check(archive.settings, HOUR, LIMITS))}


def _with_true_manifest(archive: Any, key: str, lines: list[bytes], **told: str) -> None:
    body = zstandard.compress(b"".join(line + b"\n" for line in lines))
    archive.put(key, lines, {**told, "records": str(len(lines)), "sha256": sha256(body).hexdigest()})


def test_an_hour_of_dead_letters_only(archive: Any, hour_of_logs: list[Any]) -> None:
    """Archive objects are missing: each letter is without its record, and roll-ups count the letters all the same."""
    archive.write([(arrival, b"no json\n") for arrival, _ in hour_of_logs])
    for key in archive.keys("archive/"):
        archive.delete(key)
    assert {"records", "stray_dead_letters"} == _failed(archive)
    assert {"counts": 0, "faults": 0, "dead_letters": 2} == aggregate_hour(archive.settings, HOUR)


def test_korean(archive: Any, hour_of_logs: list[Any]) -> None:
    """Names, messages and unknown fields in Korean are as good as any."""
    record = {"level": "ERROR", "service": "결제", "log": "카드 승인 실패: 잔액 부족", "지역": "서울"}
    raw = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    archive.write([(arrival, raw) for arrival, _ in hour_of_logs])
    assert set() == _failed(archive)
    assert {"counts": 1, "faults": 1, "dead_letters": 0} == aggregate_hour(archive.settings, HOUR)


def test_lines_in_base64_only(archive: Any, hour_of_logs: list[Any]) -> None:
    """A shipper that compresses: every line of the archive takes the second form, and every record is read."""
    archive.write([(arrival, gzip.compress(raw, mtime=0)) for arrival, raw in hour_of_logs])
    assert all(b'"base64"' in line for line in archive.lines(archive.keys()[0])[0])
    assert set() == _failed(archive)


def _cut(archive: Any, key: str) -> None:
    where = {"Bucket": archive.settings.s3.bucket, "Key": key}
    found = archive.s3.get_object(**where)
    archive.s3.put_object(**where, Body=found["Body"].read()[:-20], Metadata=found["Metadata"])


def _empty(archive: Any, key: str) -> None:
    archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=key, Body=b"")


def _other_shard(archive: Any, key: str) -> None:
    lines, told = archive.lines(key)
    _with_true_manifest(archive, key, lines, **{**told, "shard": "shardId-000000000001"})


def _other_first(archive: Any, key: str) -> None:
    lines, told = archive.lines(key)
    _with_true_manifest(archive, key, lines, **{**told, "first": "1"})


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_cut, {"manifest", "sequence_gap"}),
        (_empty, {"manifest", "sequence_gap"}),
        (_other_shard, {"manifest"}),
        (_other_first, {"manifest"}),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_an_object_that_lies(clean: Any, spoil: Callable[[Any, str], None], expected: set[str]) -> None:
    """An object that holds something else than it says; whose records cannot be read leaves a hole as well."""
    spoil(clean, clean.keys()[7])
    assert expected == _failed(clean)


@pytest.mark.parametrize(("hour", "which"), [("08", -1), ("09", 0)], ids=["last of the hour before", "first"])
def test_an_object_lost_at_the_border(archive: Any, hour_of_logs: list[Any], hour: str, which: int) -> None:
    """The silence begins in the hour before: what is lost on either side of the border fails the later hour."""
    archive.write([(arrival - HOUR_S, raw) for arrival, raw in hour_of_logs] + hour_of_logs)
    assert set() == _failed(archive) - {"event_time"}
    shard = [key for key in archive.keys(f"archive/date=2026-11-21/hour={hour}/") if "shardId-000000000000" in key]
    archive.delete(shard[which])
    assert {"sequence_gap"} == _failed(archive) - {"event_time"}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"sequence":"1","arrived":1,"base64":"e30=","sub":0,"reason":7,"detail":""}', id="number"),
        pytest.param(b'{"sequence":"1","arrived":1,"end":"","record":{"log":\xff}}', id="an archive line"),
        pytest.param(b'{"sequence":"1","arrived":NaN,"base64":"e30="}', id="no time"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_dead_letters_of_another_form(clean: Any, line: bytes) -> None:
    """A line that is no dead letter is counted as one, whatever it is."""
    told = {"stream": "logs", "shard": "shardId-000000000000", "first": "77-0", "last": "77-0"}
    _with_true_manifest(clean, f"{LETTERS}logs-shardId-000000000000-77-0.ndjson.zst", [line], **told)
    assert {"line_form"} == _failed(clean)


def test_refused_documents_of_another_form(clean: Any) -> None:
    """What lies where only redacted text may be is looked at, also if it is no refused document."""
    lines = [b"\xff", b'{"base64":"?"}', ("password" + "=hunter2hunter2").encode()]
    _with_true_manifest(clean, "dead-letters/refused=slack/abc-0.ndjson.zst", lines)
    assert {"secrets"} == _failed(clean)


def test_an_object_of_nobody(clean: Any) -> None:
    """A file that a person left in the folder is told of, by its key."""
    clean.s3.put_object(
        Bucket=clean.settings.s3.bucket, Key="archive/date=2026-11-21/hour=09/notes.txt", Body=b"look here\n"
    )
    found = failed(check(clean.settings, HOUR, LIMITS))
    assert {"manifest", "line_form"} == {one["check"] for one in found}
    assert [["archive/date=2026-11-21/hour=09/notes.txt"]] * 2 == [one["places"] for one in found]
