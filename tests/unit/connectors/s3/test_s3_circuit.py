"""A bucket that fails again and again is left alone, and what counts as failing."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from loopback_bucket import LIMIT_S, Store, chunk, key
from prometheus_client import REGISTRY

from connectors.breaker import FAILURES, REST_S, Breaker, breaker
from connectors.errors import TerminalError, TransientError
from connectors.s3 import S3Config, S3Outbox, S3Sink
from connectors.s3.client import sorted_errors
from connectors.slots import SLOTS
from connectors.spool import Chunk, Commits


def circuit_of(config: S3Config) -> Breaker:
    """The breaker that the uploaders of this bucket share."""
    return breaker("s3", f"{config.endpoint_url}/{config.bucket}")


def opened(config: S3Config) -> Breaker:
    """That breaker after failures in a row."""
    circuit = circuit_of(config)
    for _ in range(FAILURES):
        with pytest.raises(TransientError), circuit():
            raise TransientError(*["down"])
    return circuit


def test_a_bucket_that_fails_again_and_again_is_left_alone(store: Store, config: S3Config, tmp_path: Path) -> None:
    """While the circuit is open nothing is called or counted as a fault: files wait; after the rest they go up."""
    circuit = opened(config)
    outbox = S3Outbox("resting", config, tmp_path)
    outbox.put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    uploader = outbox._uploader
    with uploader._wake:
        assert uploader._wake.wait_for(lambda: uploader._busy is None and bool(uploader._jobs), LIMIT_S)
    faults = REGISTRY.get_sample_value("cali_s3_faults_total", {"sink": "resting"})
    assert ("open", [], 0, 0.0) == (circuit.state, store.keys, store.refused, faults or 0.0)
    circuit._rests_until -= REST_S
    uploader.drain()
    assert ("closed", ["dead-letters/refused=i/a-0.ndjson.zst"]) == (circuit.state, store.keys)


def test_a_bucket_that_is_not_there_opens_the_circuit(config: S3Config, tmp_path: Path) -> None:
    """Refused connections are failures of S3: after some the breaker is open and its gauge says so."""
    gone = config.model_copy(update={"endpoint_url": "http://127.0.0.1:9", "close_timeout_s": 0.0})
    circuit = circuit_of(gone)
    for _ in range(FAILURES - 1):
        with pytest.raises(TransientError), circuit():
            raise TransientError(*["down"])
    outbox = S3Outbox("gone", gone, tmp_path)
    outbox.put(Chunk("dead-letters/refused=i", "a", "0", "0", 1, b"{}\n"))
    with outbox._uploader._wake:  # put back after the failure that opened the circuit
        assert outbox._uploader._wake.wait_for(lambda: circuit.state == "open", LIMIT_S)
    outbox._uploader.drain()
    assert ("open", 2) == (circuit.state, REGISTRY.get_sample_value("cali_breaker_state", {"dependency": "s3"}))


def test_a_refusal_is_an_answer(store: Store, config: S3Config, tmp_path: Path) -> None:
    """A bucket that refuses (403) lives: the circuit stays closed, and the file goes up once it is allowed."""
    store.refusals = FAILURES
    config = config.model_copy(update={"close_timeout_s": 60.0})
    part: Any = S3Sink("denied", config, tmp_path, Commits()).build_part("out", SLOTS[0], None)
    part.write_batch([chunk(1)])
    part.snapshot()
    part.close()
    assert ([key(1)], FAILURES, "closed") == (store.keys, store.refused, circuit_of(config).state)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", TerminalError),
        (404, "NoSuchBucket", TerminalError),
        (400, "ExpiredToken", TerminalError),
        (400, "RequestTimeout", TransientError),
        (429, "TooManyRequests", TransientError),
        (500, "InternalError", TransientError),
        (503, "SlowDown", TransientError),
    ],
)
def test_what_time_heals_is_transient(status: int, code: str, kind: type[Exception]) -> None:
    """The retry table: throttling, 429 and 5xx are transient, other refusals terminal; the message is the code."""
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind, match=f"^{code}$"), sorted_errors():
        raise ClientError(answer, "PutObject")


def test_no_answer_is_transient() -> None:
    """A connection that cannot be made is told by the name of the error, without the address."""
    with pytest.raises(TransientError, match=r"^EndpointConnectionError$"), sorted_errors():
        raise EndpointConnectionError(endpoint_url="http://secret.example")
