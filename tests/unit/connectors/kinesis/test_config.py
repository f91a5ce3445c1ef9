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
        {"idle_gap_s": float("inf")},
        {"timeout_s": 0},
        {"start": "EARLIEST"},
        {"start": "AT_TIMESTAMP"},
        {"start": "AT_TIMESTAMP", "start_timestamp": "2026-11-21T00:00:00"},
        {"unknown": 1},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(given: dict[str, Any]) -> None:
    """A rate the service would throttle, no time-out, a start time without a zone: none is accepted."""
    with pytest.raises(ValidationError):
        KinesisConfig.model_validate(given)


def test_a_start_time_with_a_zone_is_taken() -> None:
    """AT_TIMESTAMP takes ISO 8601 with an offset."""
    config = KinesisConfig.model_validate({"start": "AT_TIMESTAMP", "start_timestamp": "2026-11-21T09:00:00+09:00"})
    assert config.start_timestamp is not None
    assert 1_795_219_200.0 == config.start_timestamp.timestamp()
