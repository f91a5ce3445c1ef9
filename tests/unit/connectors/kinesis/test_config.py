"""Settings of the Kinesis source."""

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.kinesis.config import KinesisConfig


def test_the_defaults_keep_to_the_service_s_limits() -> None:
    """Five reads a second and shard, 10,000 records a read (AWS quotas), from the oldest record on."""
    config = KinesisConfig()
    assert (0.2, 10_000, "TRIM_HORIZON") == (config.behind_gap_s, config.read_limit, config.start)


@pytest.mark.parametrize(
    "given",
    [
        {"read_limit": 0},
        {"read_limit": 10_001},
        {"behind_gap_s": 0.1},
        {"tip_gap_s": 0.1},
        {"idle_gap_s": float("inf")},
        {"timeout_s": 0},
        {"start": "EARLIEST"},
        {"start": "AT_TIMESTAMP"},
        {"start": "AT_TIMESTAMP", "start_timestamp": "2026-11-21T00:00:00"},
        {"unknown": 1},
        {"stream": ""},
        {"stream": "a" * 129},
        {"stream": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs"},
        {"stream": "logs\n"},
        {"endpoint_url": "bar"},
        {"endpoint_url": "ftp://host"},
        {"endpoint_url": "http://"},
        {"endpoint_url": "http://host:0"},
        {"endpoint_url": "http://host:65536"},
        {"endpoint_url": "http://[::1"},
        {"endpoint_url": "http://my_host"},
        {"endpoint_url": "http://host/?a=b"},
        {"endpoint_url": "http://ho st"},
        {"endpoint_url": "http://host\n"},
        {"endpoint_url": "http://user@host"},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(given: dict[str, Any]) -> None:
    """A rate the service would throttle, no time-out, a start without a zone, a name or address that cannot be."""
    with pytest.raises(ValidationError):
        KinesisConfig.model_validate(given)


def test_a_start_time_with_a_zone_is_taken() -> None:
    """AT_TIMESTAMP takes ISO 8601 with an offset."""
    config = KinesisConfig.model_validate({"start": "AT_TIMESTAMP", "start_timestamp": "2026-11-21T09:00:00+09:00"})
    assert config.start_timestamp is not None
    assert 1_795_219_200.0 == config.start_timestamp.timestamp()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4566",
        "https://vpce-0a-1b.kinesis.eu-west-1.vpce.amazonaws.com",
        "http://[::1]:4566/",
        "HTTP://H",
    ],
)
def test_an_endpoint_is_taken_as_it_is(url: str) -> None:
    """Emulators, VPC endpoints and IPv6 addresses pass unchanged."""
    assert url == KinesisConfig(endpoint_url=url).endpoint_url


def test_a_refused_address_is_not_in_the_error() -> None:
    """The error of a wrong configuration holds no value: it may be a password."""
    secret = "hunter" + "2" * 10
    with pytest.raises(ValidationError) as caught:
        KinesisConfig(endpoint_url=f"http://user:{secret}@host")
    assert secret not in str(caught.value)
