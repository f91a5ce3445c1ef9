"""The proxy misbehaves as ordered, and then no more."""

import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from harness.proxy import Fault, Proxy

BODY = b"x" * 20_000
_LONG_S = 30.0
"""How long what is ordered lasts, and how long a machine may stand still."""


class _Upstream(ThreadingHTTPServer):
    daemon_threads = True
    arrived = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Upstream

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.arrived += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def upstream() -> Iterator[_Upstream]:
    """A server that counts what arrives."""
    with _Upstream(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: _Upstream) -> Iterator[Proxy]:
    """A proxy before it."""
    with Proxy(upstream.server_address[1]) as made:
        yield made


def post(proxy: Proxy, patience_s: float = _LONG_S) -> requests.Response:
    """One request on a connection of its own."""
    return requests.post(proxy.url, data=b"y" * 10_000, timeout=patience_s)


def test_it_passes_everything(proxy: Proxy, upstream: _Upstream) -> None:
    """Unasked it changes nothing."""
    assert BODY == post(proxy).content
    assert 1 == upstream.arrived
    assert proxy.passed > 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_status_is_answered_and_nothing_arrives(proxy: Proxy, upstream: _Upstream, status: int) -> None:
    """An HTTP-level fault never reaches the server; a 429 says how long to wait."""
    proxy.order(Fault("status", status), _LONG_S)
    answer = post(proxy)

    assert (status, "1" if status == 429 else None) == (answer.status_code, answer.headers.get("Retry-After"))
    assert 0 == upstream.arrived


@pytest.mark.parametrize(("kind", "arrived"), [("reset", 0), ("black_hole", 0), ("deaf", 1), ("cut", 1)])
def test_no_whole_answer_comes(proxy: Proxy, upstream: _Upstream, kind: str, arrived: int) -> None:
    """The request fails at the client; half open, the server has taken it all the same."""
    proxy.order(Fault(kind), _LONG_S)

    with pytest.raises(requests.RequestException):
        post(proxy, patience_s=0.5)
    deadline = time.monotonic() + _LONG_S
    while upstream.arrived < arrived and time.monotonic() < deadline:
        time.sleep(0.01)
    assert arrived == upstream.arrived


def test_a_slow_close_is_heard_of_late(proxy: Proxy, upstream: _Upstream) -> None:
    """The server ends an idle connection: the client hears of it later, and what it asks meanwhile goes nowhere."""
    client = HTTPConnection("127.0.0.1", proxy.port, timeout=_LONG_S)
    client.request("POST", "/", b"y")
    before = client.getresponse().read()
    begun = time.monotonic()
    proxy.order(Fault("slow_close", 0.3), _LONG_S)
    client.sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    said = client.sock.recv(1)
    late = time.monotonic() - begun
    client.close()

    assert (BODY, b"") == (before, said)
    assert 0.3 <= late < _LONG_S
    assert 1 == upstream.arrived
    assert BODY == post(proxy).content


def test_latency_delays_each_answer_once(proxy: Proxy) -> None:
    """However many pieces an answer has, it comes late once."""
    proxy.order(Fault("latency", 1.0), _LONG_S)
    begun = time.monotonic()
    answer = post(proxy)

    assert BODY == answer.content
    assert 1.0 <= time.monotonic() - begun
    assert 1 == proxy.delayed


def test_a_usual_fault_is_always_there(upstream: _Upstream) -> None:
    """What a proxy was made with comes back after what it was ordered."""
    with Proxy(upstream.server_address[1], Fault("status", 503)) as slow:
        slow.order(Fault("status", 500), _LONG_S)
        ordered = post(slow).status_code
        slow.mend()
        assert (500, 503) == (ordered, post(slow).status_code)


def test_mended_it_works_again(proxy: Proxy) -> None:
    """After an outage new connections pass."""
    proxy.order(Fault("reset"), _LONG_S)
    with pytest.raises(requests.RequestException):
        post(proxy)
    proxy.mend()

    assert BODY == post(proxy).content
