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
    """With a bound of 1 MiB the spool passes it by one read and stays there; later each record is archived once."""
    records = [
        json.dumps({"level": "INFO", "log": base64.b64encode(os.urandom(15_000)).decode()}).encode() + b"\n"
        for _ in range(400)
    ]
    left = list(records)
    down = {"CALI_S3__ENDPOINT_URL": "http://127.0.0.1:9", "CALI_S3__CLOSE_TIMEOUT_S": "1"}

    def put(count: int) -> None:
        pipeline.put(left[:count])
        del left[:count]

    def spooled() -> int:
        return sum(path.stat().st_size for path in (pipeline.folder / "state" / "spool" / "archive").rglob("*.zst"))

    def is_full() -> bool:
        return b"spool.full" in pipeline.log.read_bytes()

    pipeline.start(CALI_STATE__SPOOL_MAX_BYTES=str(MIB), **down)
    while not is_full():  # a read that takes all of them would pass the bound by all of them
        more = spooled() + 1
        put(20)
        wait_until(lambda more=more: spooled() >= more or is_full(), 60)
    while left:
        put(40)
    time.sleep(3)  # some ten reads
    pipeline.stop()
    held = spooled()
    pipeline.start(CALI_STATE__SPOOL_MAX_BYTES=str(MIB))
    wait_until(lambda: len(pipeline.archived()) >= 400, 90)
    pipeline.stop()

    assert MIB <= held < 2 * MIB
    assert Counter(records) == Counter(archived.raw for archived in pipeline.archived())
