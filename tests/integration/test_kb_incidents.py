"""`cali kb feedback`, `resolve` and `incidents` as people type them, beside a pipeline that has the notebook open."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataflows.cli import app
from rag.incidents import Incident, Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("quiet_logs")]

ROOT = Path(__file__).parents[2]
ONE, TWO = "a" * 32, "b" * 32
SECRET = "hunter2" + "hunter2"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """The notebook of a pipeline that runs, with two incidents in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALI_STATE__DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CALI_RAG__MILVUS_URI", str(tmp_path / "kb.db"))
    monkeypatch.setenv("CALI_RAG__MILVUS_TIMEOUT_S", "60")
    with Notebook(tmp_path / "state" / "incidents.sqlite3", "default") as made:
        made.note(Incident(ONE, "orders", "HikariPool timed out", 0.0, 0.0, summary="Pool", cited_doc_id="en/pool"))
        made.note(Incident(TWO, "cart", "disk full", 60.0, 60.0))
        yield made


def kb(*arguments: str) -> tuple[int, str]:
    """Exit status, and what was printed."""
    got = CliRunner().invoke(app, ["kb", *arguments])
    return got.exit_code, got.stdout + got.stderr


def test_what_people_say_is_redacted_and_kept(book: Notebook) -> None:
    """Feedback falls on the runbook that was cited; a secret in a resolution or a note is masked first."""
    assert kb("feedback", "aaaaaa", "--right", "--note", f"password={SECRET}") == (0, f"{ONE}: en/pool was right\n")
    assert kb("feedback", "bbbbbb", "--doc", "en/disk", "--wrong") == (0, f"{TWO}: en/disk was wrong\n")
    assert kb("resolve", "aaaaaa", f"rotated it, password={SECRET}") == (0, f"{ONE}: resolution kept\n")
    said = {judgement.doc_id: (judgement.helpful, judgement.note) for judgement in book.judgements()}
    kept = book.named(ONE).resolution
    assert (said["en/pool"][0], said["en/disk"]) == (True, (False, ""))
    assert (SECRET in kept, SECRET in said["en/pool"][1], kept.startswith("rotated it")) == (False, False, True)


def test_incidents_are_listed_and_forgotten(book: Notebook) -> None:
    """One line each, the one seen last first; a forgotten one is not listed any more."""
    status, listed = kb("incidents", "ls")
    assert (status, [line.split("\t") for line in listed.splitlines()]) == (
        0,
        [
            [TWO, "cart", "1970-01-01T00:01:00+00:00", "1", "-", ""],
            [ONE, "orders", "1970-01-01T00:00:00+00:00", "1", "-", "Pool"],
        ],
    )
    assert kb("incidents", "forget", "bbbbbb") == (0, f"{TWO}: forgotten\n")
    assert [incident.fingerprint for incident in book.all()] == [ONE]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("feedback", "aaaaaa"), "--right or --wrong"),
        (("feedback", "aaaaaa", "--right", "--wrong"), "--right or --wrong"),
        (("feedback", "cccccc", "--right"), "'cccccc' fits 0 incidents"),
        (("feedback", "bbbbbb", "--right"), "--doc"),
        (("resolve", "aaaaaa", " "), "the text is empty"),
        (("resolve", "aaaaaa", "rotated \udcff"), "is not UTF-8"),
        (("feedback", "aaaaaa", "--right", "--note", "\udcff"), "is not UTF-8"),
        (("feedback", "aaaaaa", "--right", "--doc", "\udcff"), "is not UTF-8"),
        (("ingest", ""), "'' does not exist"),
        (("incidents", "forget", "aa"), "'aa' is too short"),
        (("calibrate",), "--feedback"),
    ],
)
def test_what_cannot_be_done_is_one_line(book: Notebook, arguments: tuple[str, ...], words: str) -> None:
    """Status 2, what was wrong, and what to do; nothing is written."""
    status, said = kb(*arguments)
    assert (status, words in said, len(said.splitlines())) == (2, True, 1)
    assert [(i.resolution, i.feedback) for i in book.all()] == [("", 0), ("", 0)]


def test_calibration_learns_from_feedback(book: Notebook, tmp_path: Path) -> None:
    """Labelled logs and feedback together make the gate; feedback on a runbook that is not there is named."""
    cases = str(ROOT / "rag" / "evals" / "cases")
    assert kb("ingest", str(ROOT / "runbooks"))[0] == 0
    for number in range(4):
        name = f"{number:x}" * 32
        log = (ROOT / "rag" / "evals" / "cases" / "deadlock" / "log.txt").read_text(encoding="utf-8")
        book.note(Incident(name, "orders", f"{log} {number}", 0.0, 0.0))
        book.judge(name, "en/db-deadlock", helpful=number % 2 == 0, note="", now=float(number))
    book.judge(ONE, "gone/for-good", helpful=True, note="", now=9.0)
    status, said = kb("calibrate", *[cases] * 4, "--feedback")
    assert (status, "'gone/for-good' is left out" in said) == (0, True)
    gate = json.loads((tmp_path / "kb.gate.json").read_text(encoding="utf-8"))
    assert gate["measured"]["logs"] == 12 * 4 + 4
    assert "52 labelled logs" in said
