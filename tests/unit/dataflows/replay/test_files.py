"""Every record keeps the identity it has, or gets one that no other record has."""

import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import zstandard

from connectors.s3 import S3Config
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.render.archive import dead_lines, lines, refused_line
from dataflows.replay.account import Account
from dataflows.replay.files import Origin, read

T0 = 1_763_764_859.0
SHARD = "shardId-000000000003"
RAW = b'{"level":"ERROR","log":"boom"}\n'


def dead(sequence: str, sub: int, reason: RejectReason = RejectReason.NOT_JSON, raw: bytes = RAW) -> Rejected:
    """One dead letter."""
    return Rejected(SHARD, sequence, sub, T0, reason, "why", raw)


def test_a_dead_letter_keeps_its_place_in_the_record(tmp_path: Path, reading: Any) -> None:
    """Pieces of one record stay apart: each has the shard, sequence and sub-sequence it was rejected with."""
    (tmp_path / "dead.ndjson").write_bytes(dead_lines([dead("495", 3), dead("495", 7), dead("496", 0)]))

    assert [
        Origin(SHARD, "495", T0, RAW, 3),
        Origin(SHARD, "495", T0, RAW, 7),
        Origin(SHARD, "496", T0, RAW, 0),
    ] == reading(tmp_path)[0]


def test_files_of_one_name_are_told_apart(tmp_path: Path, reading: Any) -> None:
    """The same name in two folders, even with the same content, gives different ids, and the same at every replay."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.log").write_text("ERROR boom\n")
    first, again = reading(tmp_path)[0], reading(tmp_path)[0]

    assert first == again
    assert 2 == len({(origin.shard, origin.sequence) for origin in first})


def test_a_file_that_was_replaced_gets_other_ids(tmp_path: Path, reading: Any) -> None:
    """Another content under the same name must not overwrite the documents of the first."""
    (tmp_path / "app.log").write_text("ERROR boom\n")
    before = reading(tmp_path)[0]
    (tmp_path / "app.log").write_text("ERROR bang\n")

    assert before[0].shard != reading(tmp_path)[0][0].shard


@pytest.mark.parametrize("suffix", [".zst", ""])
def test_an_archive_object_keeps_its_ids(suffix: str, tmp_path: Path, reading: Any) -> None:
    """The name of an object tells the shard of its lines, packed or opened by a download."""
    framed = lines(["495", "496"], [T0, T0], [RAW, RAW])
    name = f"orders-eu-{SHARD}-495.ndjson{suffix}"
    (tmp_path / name).write_bytes(zstandard.compress(framed) if suffix else framed)

    assert [(SHARD, "495"), (SHARD, "496")] == [(o.shard, o.sequence) for o in reading(tmp_path)[0]]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"sequence":"495","arrived":1763764859000,"end":"\\n","rec\n',
        b'{"sequence":"495","arrived":1763764859000,"base64":"!!"}\n',
        b'{"sequence":"495","arrived":9999999999999999999999,"base64":""}\n',
        b'{"sequence":"\\ud800","arrived":1763764859000,"base64":""}\n',
        b'{"sequence":"495","arrived":NaN,"base64":""}\n',
        b"\xff\xfe\n",
        b"\n",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_broken_line_costs_no_other(broken: bytes, first: bool, tmp_path: Path, reading: Any) -> None:  # noqa: FBT001 - a parameter of the test
    """A line of the archive that cannot be read is counted and named; the others are replayed."""
    good = lines(["496", "497"], [T0, T0], [RAW, RAW])
    head, tail = (broken, good) if first else (good, broken)
    name = f"orders-{SHARD}-495.ndjson"
    (tmp_path / name).write_bytes(head + tail)
    origins, account = reading(tmp_path)

    assert ["496", "497"] == [origin.sequence for origin in origins]
    (problem,) = account.problem_lines()
    assert problem.startswith(f"'{name}', line {1 if first else 3}: not a line of the archive")
    assert ["1 lines could not be read: rejected"] == account.notices()


def test_what_is_no_record_is_skipped_and_counted(tmp_path: Path, reading: Any) -> None:
    """Documents that the index refused and notes on possible loss are told, not replayed, and are no failure."""
    refused = refused_line("cali-logs-2025.11.21", 'a"-1-0', "mapper_parsing_exception", b'{"a":1}')
    lost = dead("495", -1, RejectReason.POSSIBLE_LOSS, b"")
    (tmp_path / "refused.ndjson").write_bytes(refused * 2)
    (tmp_path / "dead.ndjson").write_bytes(dead_lines([lost, dead("496", 0)]))
    origins, account = reading(tmp_path)

    assert ["496"] == [origin.sequence for origin in origins]
    assert [
        "2 search documents that the index had refused: skipped, they are no records",
        "1 notes on possible loss: skipped, they hold no record",
    ] == account.notices()
    assert not account.failed


def test_own_lines_that_look_alike_are_records(tmp_path: Path, reading: Any) -> None:
    """A JSON log with an index and an id is a log."""
    (tmp_path / "app.ndjson").write_bytes(b'{"index":"a","id":"b","level":"ERROR","message":"boom"}\n')

    assert 1 == len(reading(tmp_path)[0])


def test_the_end_of_a_cut_container_log_is_kept(tmp_path: Path, reading: Any) -> None:
    """A file that ends within a partial line gives what is there of it."""
    (tmp_path / "c.log").write_bytes(
        b"2026-11-01T00:00:00Z stdout F ERROR one\n2026-11-01T00:00:01Z stdout P ERROR tw\n"
    )

    assert [b"ERROR one", b"ERROR tw"] == [
        o.raw.partition(b'"log": "')[2].split(b"\\n")[0] for o in reading(tmp_path)[0]
    ]


def test_a_signal_ends_the_records_in_order(tmp_path: Path) -> None:
    """Once asked to end, no further record is read, and the books say that the source was longer."""
    (tmp_path / "app.log").write_text("ERROR boom\n" * 10)
    calls = count()
    account = Account()
    origins = list(read(str(tmp_path), S3Config(), account, asked=lambda: next(calls) >= 4))

    assert (4, 4, True) == (len(origins), account.records, account.failed)
    assert ["stopped by a signal after 4 records: replay it again for the rest"] == account.problem_lines()


@pytest.mark.parametrize(
    ("raw", "arrival"),
    [
        (b'{"level":"ERROR","log":"boom","time":"2025-11-21T22:40:59.000000000Z"}', T0),
        (b'{"log_json":{"level":"ERROR","message":"boom","ts":1763764859},"time":"2026-01-01T00:00:00Z"}', T0),
        (b'{"level":"ERROR","log":"boom","time":"2099-01-01T00:00:00Z"}', T0 + 86_400 * 30),
        (b'{"level":"ERROR","log":"boom"}', T0 + 86_400 * 30),
        (b"ERROR boom", T0 + 86_400 * 30),
    ],
)
def test_a_raw_line_came_when_it_says(raw: bytes, arrival: float, tmp_path: Path, reading: Any) -> None:
    """A file that was copied a month later keeps the dates of its records; nothing came after the file was written."""
    path = tmp_path / "raw.ndjson"
    path.write_bytes(raw + b"\n")
    os.utime(path, (T0 + 86_400 * 30, T0 + 86_400 * 30))

    assert [arrival] == [origin.arrival_ts for origin in reading(tmp_path)[0]]


def test_a_line_without_a_time_came_with_the_line_before(tmp_path: Path, reading: Any) -> None:
    """Plain text between records must not move the clock of a replay to the day of the copy."""
    path = tmp_path / "raw.ndjson"
    path.write_bytes(b'ERROR first\n{"level":"ERROR","log":"boom","time":"2025-11-21T22:40:59Z"}\nERROR boom\n')
    os.utime(path, (T0 + 86_400 * 30, T0 + 86_400 * 30))

    assert [T0 + 86_400 * 30, T0, T0] == [origin.arrival_ts for origin in reading(tmp_path)[0]]
