"""Calls end although bytes keep coming: over the real clients of Kinesis, S3 and OpenSearch, and real sockets."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool

from connectors.deadline import SLOWEST_BYTES_S, WAITS, Clocked, bound_boto, bounded
from connectors.errors import TransientError
from connectors.kinesis import KinesisConfig
from connectors.kinesis.client import KinesisClient
from connectors.opensearch import Doc, OpenSearchConfig
from connectors.opensearch.client import bulk, connect
from connectors.s3 import S3Config
from connectors.s3.client import client, sorted_errors
from connectors.s3.objects import put
from connectors.spool import Sealed

TIMEOUT_S = 0.3
LIMIT_S = 20.0
PATIENT_S = 1.5
"""The time-out of calls that must not fail: a busy machine may stand still for a while."""
Serve = Callable[[socket.socket], None]


@pytest.fixture
def serving() -> Iterator[Callable[[Serve], str]]:
    """A server that does with each connection what a test says; its address."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def run(serve: Serve) -> None:
        while not over.is_set():
            with suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    serve(peer)

    def start(serve: Serve) -> str:
        threads.append(threading.Thread(target=run, args=(serve,)))
        threads[0].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    over.set()
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join(LIMIT_S)


def dripping(head: bytes) -> Serve:
    """Answers a byte at a time, each well within the time-out, until the peer is gone."""

    def serve(peer: socket.socket) -> None:
        peer.settimeout(LIMIT_S)
        peer.recv(65_536)
        with suppress(OSError):
            for byte in head:
                peer.sendall(bytes([byte]))
            while True:
                peer.sendall(b" ")
                time.sleep(TIMEOUT_S / 10)  # what is tested: a slow peer

    return serve


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of nobody."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")


def read(url: str, _: Path) -> None:
    """One read of a shard."""
    KinesisClient(KinesisConfig(endpoint_url=url, region="us-east-1", timeout_s=TIMEOUT_S)).get("iterator")


def upload(url: str, folder: Path) -> None:
    """One upload, large enough to be announced by `Expect: 100-continue`; the SDK tries three times."""
    config = S3Config(endpoint_url=url, region="us-east-1", timeout_s=TIMEOUT_S)
    (folder / "file").write_bytes(b"x" * 3 * 2**20)
    with sorted_errors():
        put(client(config), config, folder / "file", Sealed(key="a.zst", count=1, first="1", last="1"))


def index(url: str, _: Path) -> None:
    """One bulk call."""
    found = connect(OpenSearchConfig(url=url, timeout_s=TIMEOUT_S))
    try:
        bulk(found, [Doc("cali-logs-2026.11.22", "a", b"{}")])
    finally:
        found.close()


@pytest.mark.slow
@pytest.mark.parametrize("call", [read, upload, index])
@pytest.mark.parametrize("head", [HEAD, HEAD[:20]], ids=["body", "head"])
def test_a_dripping_answer_is_given_up(
    serving: Callable[[Serve], str], tmp_path: Path, call: Callable[[str, Path], None], head: bytes
) -> None:
    """Three time-outs after its begin the answer counts as none: a failure that time may heal."""
    url = serving(dripping(head))
    began = time.monotonic()
    with pytest.raises(TransientError):
        call(url, tmp_path)
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.slow
def test_a_server_that_is_gone_after_100_continue(serving: Callable[[Serve], str], tmp_path: Path) -> None:
    """The SDK would look for the end of its head for ever."""

    def serve(peer: socket.socket) -> None:
        peer.recv(65_536)
        peer.sendall(b"HTTP/1.1 100 Continue\r\n")

    with pytest.raises(TransientError):
        upload(serving(serve), tmp_path)


@pytest.mark.slow
def test_a_connection_is_used_again(serving: Callable[[Serve], str]) -> None:
    """Each call has a clock of its own: the second call over one connection is as good as the first."""
    connections: list[int] = []

    def serve(peer: socket.socket) -> None:
        connections.append(1)
        asked = b""
        with suppress(OSError):
            while part := peer.recv(65_536):
                asked += part
                if asked.endswith(b"\r\n\r\nx"):  # whole: head and body may come one after the other
                    asked = b""
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    url = serving(serve)
    with bounded(HTTPConnectionPool, PATIENT_S)("127.0.0.1", int(url.rpartition(":")[2])) as pool:
        got = []
        for rest_s in (PATIENT_S * WAITS, 0.0):  # the first call's clock runs out meanwhile
            got.append(pool.request("POST", "/", body=b"x").data)
            time.sleep(rest_s)
    assert ([b"ok"] * 2, 1) == (got, len(connections))


def test_what_moves_may_take_its_time() -> None:
    """A call ends after three time-outs, and later by what it has moved at the slowest rate; no wait is longer."""
    now = [0.0]
    clocked = Clocked(10.0, lambda: now[0])
    now[0] = 25.0
    assert 5.0 == clocked.wait_s()
    clocked.moved(100 * SLOWEST_BYTES_S)
    assert 10.0 == clocked.wait_s()
    now[0] = 130.0
    with pytest.raises(TimeoutError, match="more than 3 times the time-out of 10 s"):
        clocked.wait_s()


def test_another_botocore_is_left_alone() -> None:
    """A client that is made otherwise works as it did, without the bound."""
    strange: Any = object()
    assert bound_boto(strange, 1.0) is False
