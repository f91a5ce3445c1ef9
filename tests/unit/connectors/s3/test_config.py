"""Settings of the object store."""

import pytest
from pydantic import ValidationError

from connectors.s3 import S3Config


@pytest.mark.parametrize("bucket", ["cali-logs", "a.b-c", "123", "a" * 63])
def test_the_name_of_a_bucket_is_taken(bucket: str) -> None:
    """Names that S3 allows pass unchanged."""
    assert bucket == S3Config(bucket=bucket).bucket


@pytest.mark.parametrize(
    "bucket", ["", "ab", "a" * 64, "a b/c", "Logs", "my_logs", "-ab", "ab-", ".ab", "a..b", "abc\n", "s3://logs"]
)
def test_what_is_no_bucket_is_refused(bucket: str) -> None:
    """Names that S3 does not allow are told before the first upload fails."""
    with pytest.raises(ValidationError, match="must be the name of a bucket"):
        S3Config(bucket=bucket)


@pytest.mark.parametrize("url", ["bar", "http://", "http://host:99999", "s3://host", "http://a_b", "http://h#x"])
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    """An address that the SDK would refuse later, with a trace, is told at the start."""
    with pytest.raises(ValidationError, match="must be a base URL"):
        S3Config(endpoint_url=url)


def test_a_password_in_an_endpoint_is_refused_and_not_shown() -> None:
    """AWS credentials never go into a URL."""
    secret = "hunter" + "2" * 10
    with pytest.raises(ValidationError, match="must hold no user and password") as caught:
        S3Config(endpoint_url=f"http://user:{secret}@host")
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "alias/logs",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890ab",
        "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:kms:cn-north-1:123456789012:alias/logs",
    ],
)
def test_the_name_of_a_key_is_taken(key: str) -> None:
    """Every form in which KMS takes a key passes unchanged."""
    assert key == S3Config(kms_key_id=key).kms_key_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kms_key_id", "logs"),
        ("kms_key_id", "arn:aws:s3:::logs"),
        ("bucket_owner", "12345678901"),
        ("bucket_owner", "1234-5678-9012"),
        ("storage_class", "GLACIER"),
        ("storage_class", "standard"),
        ("compression", "snappy"),
        ("multipart_bytes", 1_000),
    ],
)
def test_what_s3_would_refuse_later_is_refused_at_once(field: str, value: object) -> None:
    """A wrong key, account, class, compression or size is told at the start, with the name of the setting."""
    with pytest.raises(ValidationError, match=field):
        S3Config.model_validate({field: value})
