"""`cali check` against local stand-ins of AWS and OpenSearch."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import s3
from connectors.kinesis import stream
from dataflows import check
from dataflows.demo.children import Children
from dataflows.demo.place import Place, clean, free_port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet_logs")]
pytest.importorskip("osmem_server", reason="needs the extra 'demo'")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Servers with the stream and the bucket."""
    place = Place(tmp_path_factory.mktemp("servers"), 15.0)
    with pytest.MonkeyPatch.context() as patch, Children(place.directory, clean(os.environ)) as children:
        for name in ("aws", "search"):
            children.start(name, place.servers[name])
        for port in (place.aws_port, place.search_port):
            _wait_for(port)
        _be_somebody(patch)
        stream.create(place.kinesis, 3)
        s3.create_bucket(place.s3)
        yield place


@pytest.fixture
def settings(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The settings that fit those servers."""
    monkeypatch.chdir(tmp_path)
    _be_somebody(monkeypatch)
    for name, value in place.settings().items():
        if name.startswith("CALI_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("CALI_RAG__MILVUS_URI", str(tmp_path / "none.db"))
    monkeypatch.setenv("BYTEWAX_DATAFLOW_API_PORT", str(free_port()))
    return place


def _be_somebody(patch: pytest.MonkeyPatch) -> None:
    for name, value in clean({}).items():
        if name.startswith("AWS_"):
            patch.setenv(name, value)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _verdicts(output: str) -> dict[str, str]:
    return {line[6:21].strip(): line[:4].strip() for line in output.splitlines()}


def test_all_is_well(settings: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """With every dependency there no line fails and the exit status is 0; an absent knowledge base is a warning."""
    status = check.run(offline=False)

    output = capsys.readouterr().out
    assert {
        "python": "ok",
        "settings": "ok",
        "state": "ok",
        "redaction": "ok",
        "rules": "ok",
        "slack": "ok",
        "transport": "ok",
        "running": "ok",
        "kinesis": "ok",
        "s3": "ok",
        "opensearch": "ok",
        "openai": "ok",
        "embedding": "ok",
        "knowledge base": "warn",
    } == _verdicts(output), output
    assert 0 == status
    assert "cali-demo: ACTIVE, 3 open shards, may be read" in output
    assert [] == list(s3.keys(settings.s3, settings.s3.bucket, ""))  # the probe has cleaned up


def test_each_thing_that_is_wrong_fails_with_what_to_do(
    settings: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong bucket, a missing stream and an index that is down are named, each with its setting; exit status 1."""
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("CALI_S3__BUCKET", "no-such-bucket")
    monkeypatch.setenv("CALI_KINESIS__STREAM", "no-such-stream")
    monkeypatch.setenv("CALI_OPENSEARCH__URL", url)
    monkeypatch.setenv("CALI_RAG__EMBEDDING_MODEL", "/nowhere/model")

    status = check.run(offline=False)

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]
    assert 1 == status
    assert [
        (
            "FAIL  kinesis         no-such-stream: stream 'no-such-stream' does not exist in this account and region; "
            "make it, or set CALI_KINESIS__STREAM and __REGION"
        ),
        (
            "FAIL  s3              no-such-bucket: NoSuchBucket; make the bucket, or set CALI_S3__BUCKET to one that "
            "exists"
        ),
        f"FAIL  opensearch      {url}: ConnectionError; check the address, the network and the security groups",
        (
            "FAIL  embedding       the embedding model '/nowhere/model' is no folder: correct "
            "CALI_RAG__EMBEDDING_MODEL, or leave it empty"
        ),
    ] == lines


def test_a_model_server_that_is_down_fails(
    settings: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model's server that is set and does not answer fails, and the key is not shown."""
    key = "sk-" + "x" * 24
    monkeypatch.setenv("CALI_OPENAI__BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    monkeypatch.setenv("CALI_OPENAI__API_KEY", key)
    monkeypatch.setenv("CALI_RAG__EMBEDDING_MODEL", "/nowhere/model")

    status = check.run(offline=False)

    output = capsys.readouterr().out
    assert 1 == status
    assert "FAIL" == _verdicts(output)["openai"]
    assert key not in output
