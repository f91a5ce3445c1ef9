"""What the command line says of settings, buckets and results that cannot work."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archive_jobs.__main__ import main
from archive_jobs.bucket import Bucket, NoJsonError
from archive_jobs.hours import Hour
from archive_jobs.measures import usual_records
from archive_jobs.results import result_key

NINE = Hour(1_795_251_600)


@pytest.fixture
def run(archive: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command on the archive's bucket, or another; its status and what it says of errors."""
    monkeypatch.setenv("CALI_S3__ENDPOINT_URL", str(archive.settings.s3.endpoint_url))

    def once(*arguments: str, bucket: str = archive.settings.s3.bucket) -> tuple[int, str]:
        monkeypatch.setenv("CALI_S3__BUCKET", bucket)
        return main(arguments), capsys.readouterr().err

    return once


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--bad-share", "1.5", "--bad-share 1.5 cannot be: it must be 0 to 1"),
        ("--dead-letter-share", "nan", "--dead-letter-share nan cannot be: it must be 0 to 1"),
        ("--lateness-s", "-1", "--lateness-s -1 cannot be: it must be a finite number, 0 or more"),
        ("--silent-records", "inf", "--silent-records inf cannot be: it must be a finite number, 0 or more"),
        ("--volume-low", "6", "--volume-low 6 is above --volume-high 5: nothing could pass"),
    ],
)
def test_limits_that_cannot_be(run: Callable[..., Any], option: str, value: str, told: str) -> None:
    """They are named before anything is read."""
    assert (2, f"{told}\n") == run("check", "--hour", NINE.text, option, value)


def test_a_bucket_that_is_not_there(run: Callable[..., Any]) -> None:
    """It is named, with what to do."""
    told = "TerminalError: bucket 'cali-nowhere': NoSuchBucket: set CALI_S3__BUCKET, or make the bucket\n"
    assert (3, told) == run("verdict", "--hour", NINE.text, bucket="cali-nowhere")


def test_no_credentials(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said where they may come from."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    other = "cali-no-credentials"  # a client is kept for each setting
    status, told = run("verdict", "--hour", NINE.text, bucket=other)
    assert (3, True) == (status, "NoCredentialsError: give AWS credentials: a role, a profile" in told)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"format":1}', b"\xff"])
def test_a_result_that_is_none(archive: Any, run: Callable[..., Any], body: bytes) -> None:
    """Its place is named, and it is not taken for a bad hour."""
    archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=result_key(NINE), Body=body)
    place = f"s3://{archive.settings.s3.bucket}/{result_key(NINE)}"
    told = f"{place} is not what this program writes: delete it and check its hour again\n"
    assert (2, told) == run("verdict", "--hour", NINE.text)


def test_a_result_of_the_week_before_that_is_none(archive: Any) -> None:
    """The usual volume cannot be told from it: its place is named."""
    key = result_key(NINE.before(24))
    archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=key, Body=b'{"measured":{"records":null}}')
    with pytest.raises(NoJsonError, match=re.escape(key)):
        usual_records(Bucket(archive.settings.s3), NINE)


def test_an_error_of_the_program_is_no_bad_hour(archive: Any, run: Callable[..., Any]) -> None:
    """A result that nobody thought of: the status is 4, and the trace is there."""
    found = b'{"format":1,"suite":3,"hour":"","passed":false,"measured":{},"checks":[7]}'
    archive.s3.put_object(Bucket=archive.settings.s3.bucket, Key=result_key(NINE), Body=found)
    status, told = run("verdict", "--hour", NINE.text)
    assert (4, True) == (status, told.startswith("Traceback"))
