"""`cali check` and a pipeline that runs beside it: one line made of that pipeline's own metrics."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dataflows.check.line import Line
from dataflows.check.running import MAX_BYTES, PORT_VARIABLE, running

PIPELINE = """\
# TYPE cali_kinesis_reads_total counter
cali_kinesis_reads_total 7
# TYPE cali_kinesis_behind_milliseconds gauge
cali_kinesis_behind_milliseconds{shard="a"} 1500
cali_kinesis_behind_milliseconds{shard="b"} 250
# TYPE cali_seconds_since_last_read gauge
cali_seconds_since_last_read 2.2
# TYPE cali_spool_bytes gauge
cali_spool_bytes 3145728
# TYPE cali_outbox_messages gauge
cali_outbox_messages 4
# TYPE cali_breaker_state gauge
cali_breaker_state{dependency="s3"} 0
cali_breaker_state{dependency="opensearch"} %d
"""

Serve = Callable[[int, str], dict[str, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a metrics page on loopback; returns the environment that names its port."""
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def start(status: int, body: str) -> dict[str, str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return {PORT_VARIABLE: str(server.server_port)}

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_running_pipeline_is_one_line(serve: Serve) -> None:
    """Breakers by name, the shard that is furthest behind, the age of the last read, spool and outbox."""
    there = serve(200, PIPELINE % 0)
    told = (
        "breakers: opensearch closed, s3 closed; behind 1.5 s; last read 2 s ago; spool 3.0 MiB; outbox 4 "
        f"(port {there[PORT_VARIABLE]})"
    )
    assert Line("ok", "running", told) == running(there)


def test_a_breaker_that_tries_is_no_failure(serve: Serve) -> None:
    """Half-open is on its way back."""
    line = running(serve(200, PIPELINE % 1))
    assert ("ok", True) == (line.verdict, "opensearch half-open" in line.detail)


def test_an_open_breaker_fails(serve: Serve) -> None:
    """The line names the dependency that is left alone."""
    line = running(serve(200, PIPELINE % 2))
    assert ("FAIL", True, True) == (
        line.verdict,
        "opensearch OPEN, s3 closed" in line.detail,
        "; opensearch failed again and again and what is for it waits" in line.detail,
    )


def test_metrics_that_are_not_there_are_left_out(serve: Serve) -> None:
    """An older pipeline, or one that has no breaker yet, is a line all the same."""
    there = serve(200, "# TYPE cali_kinesis_reads_total counter\ncali_kinesis_reads_total 0\n")
    told = f"breakers: none; behind 0.0 s; spool 0.0 MiB; outbox 0 (port {there[PORT_VARIABLE]})"
    assert Line("ok", "running", told) == running(there)


def test_no_pipeline_is_no_failure() -> None:
    """Where nothing answers, the line says so and how to name another port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = f"not running here: nothing answers at port {port} ({PORT_VARIABLE})"
    assert Line("ok", "running", told) == running({PORT_VARIABLE: str(port)})


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "# TYPE go_goroutines gauge\ngo_goroutines 8\n"), (200, "<html>hello</html>"), (404, ""), (500, "x")],
)
def test_something_else_that_answers_is_a_warning(serve: Serve, status: int, body: str) -> None:
    """Another program at that port is told, and is never a trace."""
    assert "warn" == running(serve(status, body)).verdict


def test_an_endless_answer_is_given_up(serve: Serve) -> None:
    """What is longer than any pipeline's metrics is not read to its end."""
    line = running(serve(200, "#" * (MAX_BYTES + 1)))
    assert ("warn", True) == (line.verdict, "ValueError" in line.detail)


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "3030/tcp"])
def test_a_port_that_is_none_fails(port: str) -> None:
    """The line names the variable and its value."""
    told = f"{PORT_VARIABLE} is {port!r}: give a port, 1 to 65535"
    assert Line("FAIL", "running", told) == running({PORT_VARIABLE: port})
