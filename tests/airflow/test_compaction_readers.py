"""Compaction that is killed, and what others read of an hour that was compacted."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
from archive_jobs.bucket import Bucket
from archive_jobs.compaction import SETTLED_S, compact
from archive_jobs.hours import HOUR_S, Hour
from archive_jobs.objects import opened

from dataflows.render.archive import read_line
from dataflows.replay.account import Account
from dataflows.replay.files import Origin, read

ROOT = Path(__file__).parents[2]
NINE = Hour(1_795_251_600)
LATER = float(NINE.start + HOUR_S + SETTLED_S)
_KILLED = f"""
import os, signal, sys
from botocore.client import BaseClient
from archive_jobs.compaction import compact
from archive_jobs.hours import Hour
from dataflows.settings import load
left, real = int(sys.argv[1]), BaseClient._make_api_call

def call(self, name, arguments):
    global left
    answer = real(self, name, arguments)
    left -= name in ("PutObject", "DeleteObjects")
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

BaseClient._make_api_call = call
compact(load(), Hour({NINE.start}), {LATER})
"""
"""The job, in which the process is killed once S3 has taken so many writes."""


def _lines(archive: Any) -> list[tuple[str, int, bytes]]:
    """Every line of the hour with its shard and sequence number, as often as it is there."""
    return sorted(
        (one.manifest.shard, int(read_line(line).sequence), line)
        for one in opened(Bucket(archive.settings.s3), NINE.folder("archive"))
        for line in one.lines
    )


def _run(archive: Any, writes: int) -> int:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CALI_")},
        "CALI_S3__BUCKET": archive.settings.s3.bucket,
        "CALI_S3__ENDPOINT_URL": str(archive.settings.s3.endpoint_url),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "airflow"), str(ROOT)]),
    }
    return subprocess.run([sys.executable, "-c", _KILLED, str(writes)], env=env, check=False).returncode


def test_kill_9_in_the_middle(clean: Any) -> None:
    """Killed after a merged object is written, and after parts are deleted: at each moment every record is there.

    Once a run comes to its end each is there once, and every manifest is true.
    """
    before = _lines(clean)
    for writes in (1, 2, 3, 6):
        assert -signal.SIGKILL == _run(clean, writes)
        assert before == sorted(set(_lines(clean)))
    assert 0 == _run(clean, 1_000)
    assert before == _lines(clean)
    objects = list(opened(Bucket(clean.settings.s3), NINE.folder("archive")))
    assert [""] * 24 == [one.problem for one in objects]
    assert (24, 24, 0, []) == compact(clean.settings, NINE, LATER)


def _replayed(archive: Any) -> list[Origin]:
    account = Account()
    found = list(read(f"s3://{archive.settings.s3.bucket}/archive/", archive.settings.s3, account))
    assert 0 == account.bad_files
    return found


def test_a_replay_reads_the_same(clean: Any) -> None:
    """The same records with the same shards, sequence numbers and arrivals, in the same order."""
    before = _replayed(clean)
    compact(clean.settings, NINE, LATER)
    assert 1_800 == len(before)
    assert before == _replayed(clean)


def test_the_queries_of_the_page_tell_the_same(clean: Any, tmp_path: Path) -> None:
    """The DuckDB queries of docs/archive.md that ask the archive have the same rows."""
    page = (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    asked = [text for text in blocks if "read_json" in text and "/archive/" in text]
    every = r"coalesce\([^)]*\) = 'checkout'"
    queries = [re.sub(every, "record ->> '$.log_json.level' = 'ERROR'", text) for text in asked]
    before = [_asked(clean, query, tmp_path / "before") for query in queries]
    compact(clean.settings, NINE, LATER)
    assert [True, True] == [len(rows) > 0 for rows in before]
    assert before == [_asked(clean, query, tmp_path / "after") for query in queries]


def _asked(archive: Any, query: str, folder: Path) -> list[Any]:
    for key, body in archive.everything().items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(body)
    with duckdb.connect() as connection:
        return connection.sql(query.replace("s3://BUCKET", str(folder))).fetchall()
