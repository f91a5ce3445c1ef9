"""The queries of docs/archive.md, on an archive that the pipeline's own parts wrote."""

import json
import re
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.kinesis import RecordBatch
from connectors.spool import SpoolPart
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.render.archive import lines
from dataflows.steps import archive as archive_step
from dataflows.steps import dead_letters as dead_letters_step
from dataflows.steps.clock import WallClock
from dataflows.steps.triage import RejectedBatch

PAGE = (Path(__file__).parents[2] / "docs" / "archive.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
T0 = 1_795_253_100.0  # 2026-11-21 09:25:00 UTC
RECORDS = [
    b'{"level":"ERROR","service":"checkout","log":"card refused"}\n',
    '{"level":"INFO","service":"checkout","log":"결제"}\n'.encode(),
    b'{"level":"ERROR","service":"api","log":"boom"}\n',
    b"\x1f\x8b not text",
    b'{"not":quite json}\n',
    b'{"log":"{}","log_json":{"level":"WARN","message":"slow"},"kubernetes":{"labels":{"app":"checkout"}}}\n',
    b'{"log":"ERROR no card","log_content":"no card","kubernetes":{"labels":{"app":"checkout"}}}\n',
]


def blocks(language: str) -> list[str]:
    """Code of the page."""
    return [found["text"] for found in BLOCKS.finditer(PAGE) if found["language"] == language]


def queries() -> list[str]:
    """The DuckDB queries of the page, in order."""
    return [text for text in blocks("sql") if "read_json" in text]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of a bucket: a few records of three hours, and what was rejected of them."""
    sequences = [str(n) for n in range(1, 8)]
    arrivals = [T0, T0 + 1, T0 + 2, T0 + 3_600, T0 + 3_601, T0 + 7_200, T0 + 7_201]
    batch = RecordBatch("slot-00", "logs", "shardId-000000000000", sequences, RECORDS, arrivals)
    bad = Rejected(batch.shard, "5", 0, T0 + 3_601, RejectReason.NOT_JSON, "no JSON", RECORDS[4])
    chunks = archive_step._chunks(batch)
    chunks += dead_letters_step._chunks(WallClock(), RejectedBatch("slot-00", "logs", [bad]))
    part = SpoolPart(tmp_path / "spool")
    for _, chunk in chunks:
        part.write(chunk)
        for sealed in part.seal():
            target = tmp_path / "bucket" / sealed["key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            part.path(sealed).rename(target)
    return tmp_path / "bucket"


def ask(query: str, store: Path) -> list[Any]:
    """Rows of a query of the page."""
    with duckdb.connect() as connection:
        return connection.sql(query.replace("s3://BUCKET", str(store))).fetchall()


def test_one_service_in_one_hour(store: Path) -> None:
    """Partitions prune, fields of the record can be asked for, and text is text."""
    rows = ask(queries()[0], store)
    assert [("1", "ERROR", "card refused"), ("2", "INFO", "결제")] == [(row[0], row[2], row[3]) for row in rows]
    assert [T0, T0 + 1] == [row[1].replace(tzinfo=UTC).timestamp() for row in rows]


def test_one_service_in_fluent_bits_own_form(store: Path) -> None:
    """Level, text and service are found where Fluent Bit puts them; a level that only the text tells is empty."""
    rows = ask(queries()[0].replace('"hour" = 9', '"hour" = 11'), store)
    assert [("6", "WARN", "slow"), ("7", None, "no card")] == [(row[0], row[2], row[3]) for row in rows]


def test_books_of_the_hours(store: Path) -> None:
    """A record that is no text counts too; a line that is not quite JSON is left out, as the page says."""
    assert [(9, 3, 0), (10, 1, 1), (11, 2, 0)] == [row[1:] for row in ask(queries()[1], store)]


def test_reasons_of_dead_letters(store: Path) -> None:
    """Reason, count and the bytes of an example."""
    assert [("not_json", 1, RECORDS[4].decode())] == [(row[0], row[1], row[3]) for row in ask(queries()[2], store)]


def test_pyarrow_reads_an_object(store: Path) -> None:
    """The Python of the page reads sequence numbers and arrivals."""
    pytest.importorskip("pyarrow", reason="pyarrow is no dependency of the project")
    (python,) = blocks("python")
    found: dict[str, Any] = {"PATH": str(next(store.glob("archive/*/hour=09/*")))}
    exec(python, found)  # noqa: S102 - the page's own code
    assert [("1", 1_795_253_100_000), ("2", 1_795_253_101_000), ("3", 1_795_253_102_000)] == [
        (row["sequence"], row["arrived"]) for row in found["table"].to_pylist()
    ]


def test_the_table_of_athena_has_the_columns_of_a_line() -> None:
    """Names that the DDL declares are those of both forms of a line, in any order."""
    (ddl,) = [text for text in blocks("sql") if "CREATE EXTERNAL TABLE" in text]
    declared = re.findall(r"`?(\w+)`? (?:string|bigint)", ddl.partition("PARTITIONED")[0])
    written = {key for line in lines(["1", "2"], [T0, T0], [b"{}", b""]).splitlines() for key in json.loads(line)}
    assert written == set(declared)
