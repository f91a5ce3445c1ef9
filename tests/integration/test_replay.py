"""`cali replay`: files in, messages out, and every record accounted for."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.slots import SLOTS
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.render.archive import dead_lines

pytestmark = pytest.mark.slow
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "loghub"
CALI = str(Path(sys.executable).parent / "cali")


def cali(*arguments: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    whole = {**os.environ, **env}
    return subprocess.run(
        [CALI, *arguments], capture_output=True, text=True, cwd=cwd, check=False, timeout=120, env=whole
    )


def error(message: str) -> bytes:
    """A record at ERROR."""
    return json.dumps({"level": "ERROR", "service": "checkout", "log_content": message}).encode() + b"\n"


def wait_until(true: Any, seconds: float = 60.0) -> Any:
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


@pytest.mark.parametrize("system", ["Android", "Apache", "HDFS", "Hadoop", "Linux", "OpenStack", "Proxifier", "Spark"])
def test_logs_that_nobody_here_wrote(system: str, tmp_path: Path) -> None:
    """Every message of the public LogHub samples is fingerprinted and none is a dead letter."""
    source = SHARED / f"{system}.jsonl"
    if not source.exists():
        pytest.skip("the LogHub samples are not beside this checkout; they are not part of the project")
    done = cali("replay", str(source), "--dry-run", "--level", "ERROR", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "2000 records read; 2000 pieces: 2000 alarming, 0 below WARN, 0 rejected" == done.stdout.splitlines()[-1]


def test_container_logs_tell_what_the_wire_tells(tmp_path: Path) -> None:
    """The same logs as container files and as Fluent Bit ships them make the same alerts."""
    common = ("--count", "6000", "--rate", "500", "--start", "2026-11-01T00:00:00+00:00")
    cali("generate", *common, "--to", f"dir:{tmp_path / 'containers'}", cwd=tmp_path)
    wire = cali("generate", *common, cwd=tmp_path)
    (tmp_path / "wire.ndjson").write_text(wire.stdout)
    one = cali("replay", str(tmp_path / "containers"), "--dry-run", cwd=tmp_path).stdout.splitlines()
    two = cali("replay", str(tmp_path / "wire.ndjson"), "--dry-run", cwd=tmp_path).stdout.splitlines()

    assert one[-2:] == two[-2:]
    assert " 0 rejected" in one[-1]
    assert "6000 records read; 6000 pieces" in one[-1]


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    """The error quotes what was given and says what is expected."""
    done = cali("replay", "no/such/file", "--dry-run", cwd=tmp_path)

    assert 2 == done.returncode
    assert (
        "cali replay: 'no/such/file' does not exist: give a file, a folder, or s3://bucket/prefix"
        == done.stderr.strip()
    )


def test_raw_lines_are_wrapped(tmp_path: Path) -> None:
    """Plain text lines become records; a level word counts, other lines take the level given."""
    (tmp_path / "app.log").write_text("2026-11-21 10:00:00 ERROR disk full\nall is well\n주문 실패: 재고 없음\n")
    done = cali("replay", str(tmp_path / "app.log"), "--dry-run", cwd=tmp_path)
    forced = cali("replay", str(tmp_path / "app.log"), "--dry-run", "--level", "ERROR", cwd=tmp_path)

    assert "3 records read; 3 pieces: 1 alarming, 2 below WARN, 0 rejected" == done.stdout.splitlines()[-1]
    assert "3 records read; 3 pieces: 3 alarming, 0 below WARN, 0 rejected" == forced.stdout.splitlines()[-1]


def test_a_dry_run_says_nothing_of_an_analysis(tmp_path: Path) -> None:
    """No knowledge base was asked, so a card neither misses one nor claims that no runbook was found."""
    (tmp_path / "app.log").write_text("ERROR disk full\n" * 3)
    for language in ("en", "ko"):
        done = cali("replay", "app.log", "--dry-run", cwd=tmp_path, CALI_LANGUAGE=language)
        card = done.stdout.split("\n\n")[0].splitlines()

        assert "  | ERROR disk full" == card[-2]
        assert card[-1].endswith(": first seen" if language == "en" else ": 처음 발생"), card[-1]
        assert not [line for line in card if any(word in line for word in ("nowledge base", "unbook", "런북", "지식"))]


def test_unreadable_input_is_told_without_a_trace(tmp_path: Path, moto: str) -> None:
    """Exit 2 if nothing could be read, 1 if some could not; the error stream names the file and what to do."""
    whole = gzip.compress(b"ERROR boom\n" * 50)
    (tmp_path / "cut.gz").write_bytes(whole[:-9])
    alone = cali("replay", "cut.gz", "--dry-run", cwd=tmp_path)
    (tmp_path / "whole.gz").write_bytes(whole)
    some = cali("replay", ".", "--dry-run", cwd=tmp_path)
    bucket = cali("replay", "s3://no-such-bucket/x", "--dry-run", cwd=tmp_path, CALI_S3__ENDPOINT_URL=moto)

    assert (2, "cali replay: 'cut.gz' is cut off: fetch it again\n") == (alone.returncode, alone.stderr)
    assert (1, "cali replay: 'cut.gz' is cut off: fetch it again\n") == (some.returncode, some.stderr)
    assert "1 files could not be read: rejected" in some.stdout.splitlines()
    assert "50 records read" in some.stdout
    assert 2 == bucket.returncode
    assert bucket.stderr.startswith("cali replay: 's3://no-such-bucket/x' cannot be read (NoSuchBucket): check")
    assert 1 == len(bucket.stderr.splitlines())


def test_a_live_replay_leaves_the_pipelines_spool_alone(pipeline: Any, tmp_path: Path) -> None:
    """A pipeline on the same state folder keeps what it has not uploaded; the replay leaves no folder of its own."""
    state = Path(pipeline.env["CALI_STATE__DIR"])
    waiting = [
        state / "spool" / sink / slot / "00000001.ndjson"
        for sink in ("archive", "dead_letters", "search", "history")
        for slot in SLOTS
    ]
    for path in waiting:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"not yet in the index")
    (tmp_path / "app.ndjson").write_bytes(error("disk full") * 3 + b'{"level":"BANANA","log":"x"}\n')
    os.utime(tmp_path / "app.ndjson", (1_763_764_859, 1_763_764_859))
    began = datetime.now(UTC)
    done = cali("replay", "app.ndjson", cwd=tmp_path, **pipeline.env)

    assert 0 == done.returncode, done.stderr
    assert [] == [path for path in waiting if not path.exists()]
    assert ["incidents.sqlite3", "ledger.sqlite3", "spool"] == sorted(
        p.name for p in state.iterdir() if "-" not in p.name.removeprefix("replay")
    )
    assert [] == list(state.glob("replay-*"))
    assert 3 == len(pipeline.documents())
    assert ["unknown_level"] == [letter["reason"] for letter in pipeline.dead()]
    assert 2 == len(pipeline.slack.messages)
    sent = [datetime.fromisoformat(alert["sent"]) for alert in pipeline.alerts()]
    assert 2 == len(sent)
    assert min(sent) > began - timedelta(seconds=1)


def test_replayed_dead_letters_overwrite_nothing(pipeline: Any, tmp_path: Path) -> None:
    """Pieces of one record that were rejected, and can be read now, become a document each, under their own ids."""
    letters = [
        Rejected("shardId-000000000000", "495", sub, 1_763_764_859.0, RejectReason.FAULT, "", error(f"fault {sub}"))
        for sub in (2, 5)
    ]
    (tmp_path / "dead.ndjson").write_bytes(dead_lines(letters))
    done = cali("replay", "dead.ndjson", cwd=tmp_path, **pipeline.env)

    assert 0 == done.returncode, done.stderr
    assert ["shardId-000000000000-495-2", "shardId-000000000000-495-5"] == sorted(
        d["_id"] for d in pipeline.documents()
    )


def test_what_could_not_be_delivered_is_told(pipeline: Any, tmp_path: Path) -> None:
    """With S3 and OpenSearch down a replay ends with 1, and says what is left where and what to do."""
    (tmp_path / "app.ndjson").write_bytes(error("disk full") + b'{"level":"BANANA","log":"x"}\n')
    down = {"CALI_S3__ENDPOINT_URL": "http://127.0.0.1:9", "CALI_OPENSEARCH__URL": "http://127.0.0.1:9"}
    short = {"CALI_S3__CLOSE_TIMEOUT_S": "0.5", "CALI_OPENSEARCH__CLOSE_TIMEOUT_S": "0.5"}
    done = cali("replay", "app.ndjson", cwd=tmp_path, **pipeline.env | down | short)
    (folder,) = Path(pipeline.env["CALI_STATE__DIR"]).glob("replay-*")
    told = [line for line in done.stderr.splitlines() if line.startswith("cali replay: ")]

    assert 1 == done.returncode
    left = len([path for path in folder.rglob("*") if path.is_file()])
    assert left >= 1
    assert told[0].startswith(
        f"cali replay: {left} files could not be uploaded to S3 or OpenSearch and are left in '{folder}'"
    )
    for line in told[1:]:  # what did not go into files
        assert re.match(r"cali replay: \d+ writes to OpenSearch were not acknowledged: replay the same source", line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_replay_in_order(number: signal.Signals, pipeline: Any, tmp_path: Path) -> None:
    """The first signal ends the reading: what was read is indexed and sent, and the status says that it was not all."""
    filler = b'{"level":"INFO","log":"all is well"}\n'
    (tmp_path / "app.ndjson").write_bytes(error("disk full") + filler * 3_000_000)
    process = subprocess.Popen(
        [CALI, "replay", "app.ndjson"],
        cwd=tmp_path,
        env={**os.environ, **pipeline.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait_until(lambda: pipeline.slack.messages or process.poll() is not None)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()

    assert 1 == process.returncode, err
    read = int(out.splitlines()[-1].split()[0])
    assert 1 <= read < 3_000_001
    assert (
        f"cali replay: stopped by a signal after {read} records: replay it again for the rest" == err.splitlines()[-1]
    )
    assert 1 == len(pipeline.documents())
    assert 1 == len(pipeline.slack.messages)


def test_dead_letters_are_replayed_once(pipeline: Any, tmp_path: Path) -> None:
    """What succeeded is marked and left out the next time; what did not stays, and makes no second dead letter."""
    shard = "shardId-000000000000"
    pieces = [
        Rejected(shard, str(n), 0, 1_795_253_100.0, RejectReason.FAULT, "mended since", raw)
        for n, raw in enumerate([error("disk full"), b"{still not json\n"])
    ]
    key = f"dead-letters/date=2026-11-21/hour=09/logs-{shard}-0-0.ndjson"
    pipeline.bucket.put_object(Key=key, Body=dead_lines(pieces, "logs", 1_795_253_100.0))
    source = f"s3://{pipeline.bucket.name}/dead-letters/"
    told = [cali("replay", source, cwd=tmp_path, **pipeline.env) for _ in range(2)]
    again = cali("replay", source, "--again", "--dry-run", cwd=tmp_path, **pipeline.env)

    assert [1, 1, 0] == [done.returncode for done in (*told, again)], told[0].stderr
    assert ["2 records read", "1 records read", "2 records read"] == [
        done.stdout.splitlines()[-1].partition(";")[0] for done in (*told, again)
    ]
    assert "1 dead letters that an earlier replay finished: skipped" in told[1].stdout
    assert "1 dead letters were rejected once more" in told[1].stderr
    assert [key, f"replayed/{key}.json"] == [entry.key for entry in pipeline.bucket.objects.all()]
    assert 1 == len(pipeline.documents())
