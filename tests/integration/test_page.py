"""The page end to end: Kinesis in; S3, OpenSearch and Slack out."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def wait_until(true: Any, seconds: float = 40.0) -> Any:
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def error(message: str, service: str = "checkout", **fields: Any) -> bytes:
    """A record in the parsed-fields shape of the wire format."""
    return json.dumps({"level": "ERROR", "service": service, "log_content": message, **fields}).encode() + b"\n"


def info(number: int) -> bytes:
    """A record below WARN."""
    return json.dumps({"level": "INFO", "service": "checkout", "log_content": f"order {number} paid"}).encode() + b"\n"


MALFORMED = {
    "empty": b"",
    "cut_off": b'{"level":"ERROR","log":"bo',
    "not_an_object": b'[{"level":"ERROR","log":"boom"}]\n',
    "not_json": bytes(range(11, 32)),
    "bad_compression": gzip.compress(b'{"level":"ERROR","log":"boom"}\n')[:-6],
    "too_large": gzip.compress(b'{"level":"ERROR","log":"' + b"x" * 1_100_000 + b'"}\n'),
    "wrong_type": b'{"level":"ERROR","log_content":5,"service":"a"}\n',
    "unknown_level": b'{"level":"BANANA","log":"x"}\n',
    "bad_utf8": b'{"level":"ERROR","log":"\xff\xfe"}\n',
    "too_deep": b'{"level":"ERROR","log":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n",
}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_record_ends_where_it_should(pipeline: Any, workers: int) -> None:
    """All records are archived, WARN+ ones indexed and announced once, bad ones dead-lettered with their reason."""
    large = error("y" * (1_048_576 - 200), service="huge")
    good = [info(i) for i in range(300)] + [error(f"payment {i} failed: timeout after {i} ms") for i in range(40)]
    good += [gzip.compress(error("zipped fault") + info(1)), large]
    pipeline.put([*good, *MALFORMED.values()])
    pipeline.start(workers=workers, CALI_WINDOW__LENGTH_S="3600")

    assert wait_until(lambda: len(pipeline.documents()) == 42 and len(pipeline.slack.messages) == 3)
    status = pipeline.stop()
    raw = Counter(record.raw for record in pipeline.archived())
    reasons = Counter(letter["reason"] for letter in pipeline.dead())
    statuses = Counter(alert["status"] for alert in pipeline.alerts())

    assert 0 == status, pipeline.log.read_text()[-3000:]
    assert Counter(pipeline.put_records) == raw
    assert Counter(MALFORMED.keys()) == reasons
    assert Counter({"sent": 3}) == statuses


def test_a_drain_replays_nothing_and_keeps_open_windows(pipeline: Any) -> None:
    """After SIGTERM the next start goes on: no record twice, no second alert, the window's count intact."""
    pipeline.put([error("disk full on /data") for _ in range(5)])
    pipeline.start(CALI_WINDOW__LENGTH_S="3600")
    assert wait_until(lambda: len(pipeline.slack.messages) == 1 and len(pipeline.documents()) == 5)
    first = pipeline.stop()
    pipeline.put([error("disk full on /data") for _ in range(7)])
    pipeline.start(CALI_WINDOW__LENGTH_S="3600")
    assert wait_until(lambda: len(pipeline.documents()) == 12)
    second = pipeline.stop()

    assert (0, 0) == (first, second), pipeline.log.read_text()[-3000:]
    assert 12 == len(pipeline.archived())
    assert 1 == len(pipeline.slack.messages)


def test_kills_lose_nothing_and_double_nothing(pipeline: Any) -> None:
    """Two SIGKILLs in the middle: archive and index exactly once, every fault announced."""
    faults = [f"fault number {word} broke" for word in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")]
    sent = 0
    for round_ in range(3):
        pipeline.start(interval=2, CALI_WINDOW__LENGTH_S="3600")
        for step in range(12):
            batch = [error(f"{faults[(2 * round_ + i) % 6]} id={sent + i}", unique=sent + i) for i in range(40)]
            sent += 40
            pipeline.put([*batch, *(info(n) for n in range(60))])
            time.sleep(0.3)
            if round_ < 2 and step == 8:
                break
        if round_ < 2:
            pipeline.stop(signal.SIGKILL)
    assert wait_until(lambda: len(pipeline.documents()) == sent and len(pipeline.slack.messages) >= 6)
    status = pipeline.stop()
    raw = Counter(record.raw for record in pipeline.archived())
    announced = Counter(
        word for message in pipeline.slack.messages for word in faults if word.split()[2] in json.dumps(message.payload)
    )

    assert 0 == status, pipeline.log.read_text()[-3000:]
    assert Counter(pipeline.put_records) == raw
    assert sent == len({record["_id"] for record in pipeline.documents()})
    assert set(faults) == set(announced)
    assert len(pipeline.slack.messages) <= 6 + 2


def test_dependencies_that_are_down_stop_nothing(pipeline: Any) -> None:
    """With S3 and OpenSearch unreachable alerts still go out; once they are back everything arrives."""
    pipeline.put([error("cache miss storm") for _ in range(20)])
    nowhere = "http://127.0.0.1:9"
    pipeline.start(
        CALI_WINDOW__LENGTH_S="3600",
        CALI_S3__ENDPOINT_URL=nowhere,
        CALI_OPENSEARCH__URL=nowhere,
        CALI_S3__CLOSE_TIMEOUT_S="0.5",
        CALI_OPENSEARCH__CLOSE_TIMEOUT_S="0.5",
    )
    assert wait_until(lambda: len(pipeline.slack.messages) == 1)
    first = pipeline.stop()
    assert [] == pipeline.archived()
    pipeline.start(CALI_WINDOW__LENGTH_S="3600")
    assert wait_until(lambda: len(pipeline.documents()) == 20 and len(pipeline.archived()) == 20)
    second = pipeline.stop()

    assert (0, 0) == (first, second), pipeline.log.read_text()[-3000:]
    assert 1 == len(pipeline.slack.messages)


def test_the_archive_replays_as_it_was(pipeline: Any) -> None:
    """What the page archived, replayed dry from S3, makes the same alerts."""
    pipeline.put([error(f"tape {i} is full", service="backup", timestamp=1_795_000_000 + i) for i in range(9)])
    pipeline.put([info(1), b"broken"])
    pipeline.start(CALI_WINDOW__LENGTH_S="3600")
    assert wait_until(lambda: len(pipeline.slack.messages) == 1 and len(pipeline.documents()) == 9)
    pipeline.stop()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "cali"), "replay", f"s3://{pipeline.bucket.name}/archive/", "--dry-run"],
        env={**os.environ, **pipeline.env},
        cwd=pipeline.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert [
        "2 messages would have been sent: 1 first, 1 summary",
        "11 records read; 11 pieces: 9 alarming, 1 below WARN, 1 rejected (1 not_json)",
    ] == done.stdout.splitlines()[-2:]
