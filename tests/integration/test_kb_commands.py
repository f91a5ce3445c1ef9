"""`cali kb` as people type it, over the shipped runbooks and cases."""

import json
from pathlib import Path
from secrets import token_hex

import pytest
from typer.testing import CliRunner

from dataflows.cli import app
from rag.config import RagConfig
from rag.milvus import MilvusStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("quiet_logs")]

ROOT = Path(__file__).parents[2]
CASES = str(ROOT / "rag" / "evals" / "cases")


def test_ingest_measure_and_calibrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runbooks go in, a URL of no allowed host is named, cases are measured, labels make a gate beside the database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_RAG__MILVUS_URI", str(tmp_path / "kb.db"))
    monkeypatch.setenv("CALI_RAG__MILVUS_TIMEOUT_S", "60")
    run = CliRunner()

    ingested = run.invoke(app, ["kb", "ingest", str(ROOT / "runbooks"), "https://docs.example.com/a.md"])
    assert (ingested.exit_code, ingested.stdout) == (0, "39 added, 0 updated, 0 unchanged, 0 removed\n")
    assert "CALI_RAG__URL_HOSTS" in ingested.stderr

    measured = run.invoke(app, ["kb", "eval", "--json", CASES])
    rows = {row["name"]: row for row in json.loads(measured.stdout.splitlines()[-1])["rows"]}
    assert list(rows) == ["cali", "bm25", "dense", "cali (ko)", "bm25 (ko)", "dense (ko)"]
    assert rows["cali"]["hit3"] == 1.0

    few = run.invoke(app, ["kb", "calibrate", CASES])
    assert (few.exit_code, "12 labelled logs" in few.stderr, (tmp_path / "kb.gate.json").exists()) == (2, True, False)

    made = run.invoke(app, ["kb", "calibrate", *[CASES] * 4])
    assert (made.exit_code, "written to" in made.stdout) == (0, True)
    assert json.loads((tmp_path / "kb.gate.json").read_text(encoding="utf-8"))["measured"]["logs"] == 48


def test_a_secret_of_a_runbook_stays_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is indexed, quoted and asked about has a mark in its place, and the runbook is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_RAG__MILVUS_URI", str(tmp_path / "kb.db"))
    secret = token_hex(12)
    page = f"# Redis refuses connections\n\n## Fix\n\n- Log in with password={secret} and restart the pod.\n"
    (tmp_path / "redis.md").write_text(page, encoding="utf-8")
    run = CliRunner()

    ingested = run.invoke(app, ["kb", "ingest", str(tmp_path / "redis.md")])
    with MilvusStore(RagConfig(milvus_uri=str(tmp_path / "kb.db")), model="any", dim=384, any_model=True) as store:
        (document,) = store.documents()
    assert (0, 1) == (ingested.exit_code, ingested.stderr.count("'redis': PASSWORD masked"))
    assert page.replace(secret, "[PASSWORD]") == document.text


@pytest.mark.parametrize("command", ["eval", "calibrate"])
def test_labels_that_are_not_there_are_named(tmp_path: Path, command: str) -> None:
    """A wrong path ends the command with one line before anything is loaded."""
    got = CliRunner().invoke(app, ["kb", command, str(tmp_path / "none.json")])
    assert (got.exit_code, "none.json" in got.stderr) == (2, True)


def test_a_runbook_that_names_the_head_of_a_private_key_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a key is masked: what stands below its name is found and quoted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_RAG__MILVUS_URI", str(tmp_path / "kb.db"))
    head, foot, key = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----", token_hex(32)
    page = "# TLS fails\n\n## Check\n\nThe file begins with `{}`.\n\n```\n{}\n```\n\n## Fix\n\n- Restart.\n"
    (tmp_path / "tls.md").write_text(page.format(head, f"{head}\n{key}\n{foot}"), encoding="utf-8")
    CliRunner().invoke(app, ["kb", "ingest", str(tmp_path / "tls.md")])
    with MilvusStore(RagConfig(milvus_uri=str(tmp_path / "kb.db")), model="any", dim=384, any_model=True) as store:
        (document,) = store.documents()
    assert page.format("[PRIVATE_KEY]", "[PRIVATE_KEY]") == document.text


def test_fields_are_masked_and_a_runbook_that_grows_too_long_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address with a token is stored as id, source and link; marks are longer than what they hide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_RAG__MILVUS_URI", str(tmp_path / "kb.db"))
    monkeypatch.setenv("CALI_REDACTION__KEY", token_hex(16))
    token = token_hex(20)
    address = f"https://raw.example.com/rb.md?token={token}"
    first = {"id": address, "title": "Redis", "text": "Restart it.", "source": address, "url": address}
    second = {"id": "long", "title": "Mail", "text": "".join(f"- a{number % 10}@b.co\n" for number in range(6000))}
    (tmp_path / "list.json").write_text(json.dumps([first, second]), encoding="utf-8")
    ingested = CliRunner().invoke(app, ["kb", "ingest", str(tmp_path / "list.json")])
    with MilvusStore(RagConfig(milvus_uri=str(tmp_path / "kb.db")), model="any", dim=384, any_model=True) as store:
        (document,) = store.documents()
    assert (0, 1, False) == (
        ingested.exit_code,
        ingested.stderr.count("'long' cannot be used with its secrets masked"),
        token in f"{document}{ingested.output}{ingested.stderr}",
    )
