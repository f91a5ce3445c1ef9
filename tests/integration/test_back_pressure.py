"""S3 is down for longer than the spool has room: reading stops, and nothing is lost."""

import base64
import json
import os
import time
from collections import Counter
from typing import Any

import pytest

pytestmark = pytest.mark.slow
MIB = 2**20


def wait_until(true: Any, seconds: float) -> None:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.1)


def test_a_full_spool_stops_reading_and_drains_later(pipeline: Any) -> None:
    """With a bound of 1 MiB the spool stays within one round of it; once S3 is back each record is there once."""
    records = [
        json.dumps({"level": "INFO", "log": base64.b64encode(os.urandom(15_000)).decode()}).encode() + b"\n"
        for _ in range(400)
    ]
    spool = pipeline.folder / "state" / "spool" / "archive"
    down = {"CALI_S3__ENDPOINT_URL": "http://127.0.0.1:9", "CALI_S3__CLOSE_TIMEOUT_S": "1"}
    pipeline.start(CALI_STATE__SPOOL_MAX_BYTES=str(MIB), **down)
    for start in range(0, 400, 40):
        pipeline.put(records[start : start + 40])
    wait_until(lambda: b"spool.full" in pipeline.log.read_bytes(), 60)
    pipeline.stop()
    spooled = sum(path.stat().st_size for path in spool.rglob("*.zst"))
    pipeline.start(CALI_STATE__SPOOL_MAX_BYTES=str(MIB))
    wait_until(lambda: len(pipeline.archived()) >= 400, 90)
    pipeline.stop()

    assert MIB <= spooled < 5 * MIB
    assert Counter(records) == Counter(archived.raw for archived in pipeline.archived())
