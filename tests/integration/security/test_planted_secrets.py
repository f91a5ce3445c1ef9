"""No secret of a log record or of a setting in anything that CALI puts out: both are planted, and all outputs searched.

The archive, the dead letters and their spool hold raw bytes on purpose and are left out.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from planting.outputs import Output, files, index, objects, process
from planting.records import line, planted
from planting.secrets_made import Secrets
from planting.servers import Echo, Model

pytestmark = pytest.mark.slow

CALI = str(Path(sys.executable).parent / "cali")
Until = Callable[..., Any]


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def credentials(secrets: Secrets) -> dict[str, str]:
    """A secret in every setting that takes one. None of it has to be right: nobody here checks."""
    return {
        "AWS_ACCESS_KEY_ID": secrets.token("aws", "AWS_ACCESS_KEY_ID"),
        "AWS_SECRET_ACCESS_KEY": secrets.plain("AWS_SECRET_ACCESS_KEY", 40),
        "AWS_SESSION_TOKEN": secrets.plain("AWS_SESSION_TOKEN", 80),
        "CALI_OPENSEARCH__USERNAME": "cali",
        "CALI_OPENSEARCH__PASSWORD": secrets.plain("CALI_OPENSEARCH__PASSWORD"),
        "CALI_OPENAI__API_KEY": secrets.plain("CALI_OPENAI__API_KEY", 40, "sk-"),
        "CALI_RAG__EMBEDDING_API_KEY": secrets.plain("CALI_RAG__EMBEDDING_API_KEY"),
        "CALI_RAG__MILVUS_TOKEN": secrets.plain("CALI_RAG__MILVUS_TOKEN", before="root:"),
        "CALI_REDACTION__KEY": secrets.plain("CALI_REDACTION__KEY"),
    }


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base of one runbook."""
    folder = tmp_path_factory.mktemp("kb")
    book, place = folder / "book.md", folder / "runbooks.db"
    book.write_text("# Redis refused\n\nCheck that Redis runs and restart it.\n", encoding="utf-8")
    with Model() as model:
        env = {**os.environ, **explained_by(model, place)}
        run = subprocess.run([CALI, "kb", "ingest", str(book)], env=env, cwd=folder, capture_output=True, check=False)
    assert 0 == run.returncode, run.stderr
    return place


def explained_by(model: Model, knowledge: Path) -> dict[str, str]:
    """Settings with which every log matches the runbook, and the model is asked."""
    return {
        "CALI_RAG__MILVUS_URI": str(knowledge),
        "CALI_RAG__EMBEDDING_URL": model.url,
        "CALI_RAG__EMBEDDING_MODEL": "test",
        "CALI_RAG__MATCH_AT": "0",
        "CALI_RAG__RELATED_AT": "0",
    }


def commands(folder: Path, *calls: tuple[dict[str, str], list[str]]) -> Iterator[Output]:
    """What `cali` prints in each environment, all calls at once; their statuses may be bad."""
    given: dict[str, Any] = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    running = [(call, subprocess.Popen([CALI, *call], env={**os.environ, **env}, **given)) for env, call in calls]
    for call, one in running:
        out, _ = one.communicate(timeout=90)
        assert out, call
        yield f"cali {call[0]}", out


def test_secrets_in_records_stay_in_the_archive(
    pipeline: Any, model: Model, knowledge: Path, opensearch: str, tmp_path: Path, until: Until
) -> None:
    """Secrets of nine kinds in every place of a record, and in records that are none, are seen nowhere."""
    secrets, port = Secrets(), free_port()
    found = planted(secrets)
    pipeline.env |= credentials(secrets) | explained_by(model, knowledge)
    settings = {
        "CALI_LOG_LEVEL": "DEBUG",
        "CALI_SLACK__BOT_TOKEN": secrets.plain("CALI_SLACK__BOT_TOKEN", 40, f"xox{'b-'}"),
        "CALI_SLACK__API_URL": pipeline.slack.api_url,
        "CALI_SLACK__MAX_PER_MINUTE": "60",
        "CALI_SLACK__BURST": "60",
        "CALI_SLACK__DIGEST_S": "0.5",
        "CALI_OPENAI__BASE_URL": f"{model.url}/v1",
        "CALI_DEAD_LETTERS__LIMIT_SHARE": "0.01",
        "CALI_DEAD_LETTERS__LIMIT_MINIMUM": "1",
        "CALI_WINDOW__LENGTH_S": "3600",
        "BYTEWAX_DATAFLOW_API_ENABLED": "1",
        "BYTEWAX_DATAFLOW_API_PORT": str(port),
    }
    pipeline.env |= settings
    pipeline.put(found.alarming + found.rejected)
    pipeline.start()
    until(lambda: len(pipeline.documents()) == len(found.alarming), what="every record is indexed")
    until(lambda: len(pipeline.slack.messages) > 20 and len(model.prompts) > 20, what="alerts are told and explained")
    metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    outputs = [
        *process(pipeline.process.pid),
        ("/metrics", metrics.encode()),
        ("/dataflow", requests.get(f"http://127.0.0.1:{port}/dataflow", timeout=10).content),
    ]
    status = pipeline.stop()
    outputs += [
        *files(tmp_path),
        *files(knowledge),
        *objects(pipeline.bucket),
        *index(opensearch, pipeline.stream),
        ("Slack", repr([message.payload for message in pipeline.slack.messages]).encode()),
        ("Slack, refused", repr(pipeline.slack.rejected).encode()),
        *(("a prompt or a text to embed", body) for body in model.bodies),
        *commands(tmp_path, (pipeline.env, ["check"]), (pipeline.env, ["why", pipeline.alerts()[0]["fingerprint"]])),
    ]

    assert [] == secrets.found_in(outputs)
    assert 0 == status, pipeline.log.read_text()[-3000:]
    assert len(found.rejected) == len(pipeline.dead())
    raw = b"".join(record.raw for record in pipeline.archived())
    assert len(secrets.found_in([("the archive", raw)])) > 90  # the search does find what is there


def test_secrets_of_settings_stay_out_of_errors(
    pipeline: Any, model: Model, knowledge: Path, echo: Echo, tmp_path: Path, until: Until
) -> None:
    """Every dependency refuses with 401, 403, 500, 400 and 503, repeats what it was sent, and then is gone."""
    secrets = Secrets()
    pipeline.env |= credentials(secrets) | explained_by(model, knowledge)
    hook = f"{echo.url}/services/T00000000/B00000000/{secrets.plain('CALI_SLACK__WEBHOOK_URL', 24)}"
    settings = {
        "CALI_LOG_LEVEL": "DEBUG",
        "CALI_S3__ENDPOINT_URL": echo.url,
        "CALI_S3__CLOSE_TIMEOUT_S": "0.2",
        "CALI_OPENSEARCH__URL": echo.url,
        "CALI_OPENSEARCH__MAX_BACKOFF_S": "0.1",
        "CALI_OPENSEARCH__REST_S": "0.1",
        "CALI_OPENSEARCH__CLOSE_TIMEOUT_S": "0.2",
        "CALI_OPENAI__BASE_URL": f"{echo.url}/openai",
        "CALI_SLACK__WEBHOOK_URL": hook,
        "CALI_SLACK__WEBHOOK_URLS": json.dumps({"#more": f"{hook}/more"}),
        "CALI_SLACK__MAX_BACKOFF_S": "0.1",
        "CALI_WINDOW__LENGTH_S": "3600",
    }
    secret = secrets.token("github", "a message")
    pipeline.put([line(log_content=f"fault {word}: {secret}") for word in ("one", "two", "three", "four")])
    pipeline.start(**settings)
    everything = {pipeline.bucket.name, "_bulk", "_index_template", "openai", "services"}
    until(lambda: everything <= echo.asked, what=f"all of {everything} are asked")
    token = secrets.plain("CALI_SLACK__BOT_TOKEN", 40, f"xox{'b-'}")
    refusing = pipeline.env | settings | {"CALI_SLACK__BOT_TOKEN": token}
    refusing |= {"CALI_KINESIS__ENDPOINT_URL": echo.url}
    milvus = refusing | {"CALI_RAG__MILVUS_URI": echo.url.replace("//", "//root:" + secrets.plain("a URL") + "@")}
    calls = ((env, ["check"]) for env in (refusing | {"CALI_RAG__EMBEDDING_URL": echo.url}, milvus))
    outputs = list(commands(tmp_path, *calls))
    echo.__exit__()
    until(lambda: "ConnectionError" in pipeline.log.read_text(), what="the log tells that nobody listens any more")
    status = pipeline.stop()

    assert [] == secrets.found_in([*outputs, *files(tmp_path)])
    assert 0 == status, pipeline.log.read_text()[-3000:]
