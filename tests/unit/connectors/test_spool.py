"""The spool: compressed as it comes, durable at the seal, cleaned at a resume."""

import gzip
import json
import threading
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from connectors.spool import Chunk, Commits, Pressure, SpoolError, SpoolPart, claim, file_name

HOUR = "archive/date=2026-11-21/hour=09"


def chunk(first: int, *, folder: str = HOUR, origin: str = "logs-shardId-000000000003", count: int = 2) -> Chunk:
    """Records `first` and on, one line each."""
    payload = b"".join(b'{"sequence":"%d"}\n' % (first + n) for n in range(count))
    return Chunk(folder, origin, str(first), str(first + count - 1), count, payload, shard="shardId-000000000003")


def content(path: Path) -> bytes:
    """What a spool file holds."""
    with zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True) as reader:
        return reader.read()


def test_chunks_of_a_shard_are_one_file(tmp_path: Path) -> None:
    """A shard's chunks of one epoch are one file, named by its first record, that holds them in order."""
    part = SpoolPart(tmp_path)
    part.write(chunk(1))
    part.write(chunk(3))
    (sealed,) = part.seal()
    assert 0 < sealed.pop("since")
    assert {
        "key": f"{HOUR}/logs-shardId-000000000003-1.ndjson.zst",
        "count": 4,
        "first": "1",
        "last": "4",
        "stream": "logs",
        "shard": "shardId-000000000003",
        "sha256": sha256(part.path(sealed).read_bytes()).hexdigest(),
    } == sealed
    assert chunk(1, count=4).payload == content(part.path(sealed))
    assert 0o600 == part.path(sealed).stat().st_mode & 0o777


def test_each_shard_has_its_file(tmp_path: Path) -> None:
    """An object holds one shard, however their chunks are mixed."""
    part = SpoolPart(tmp_path)
    for first in (1, 3):
        for origin in ("logs-shardId-1", "logs-shardId-2"):
            part.write(chunk(first, origin=origin))
    assert [(4, chunk(1, count=4).payload)] * 2 == [(s["count"], content(part.path(s))) for s in part.seal()]


def test_another_folder_cuts_the_file(tmp_path: Path) -> None:
    """At the change of the arrival hour a file ends and another begins, at the same record in every replay."""
    part = SpoolPart(tmp_path)
    later = HOUR.replace("09", "10")
    part.write(chunk(1))
    part.write(chunk(3, folder=later))
    assert [(HOUR, "1", "2"), (later, "3", "4")] == [
        (sealed["key"].rpartition("/")[0], sealed["first"], sealed["last"]) for sealed in part.seal()
    ]


def test_a_seal_ends_the_epoch(tmp_path: Path) -> None:
    """A file is told once; without new chunks there is nothing to seal, and the next epoch has its own file."""
    part = SpoolPart(tmp_path)
    part.write(chunk(1))
    assert (1, []) == (len(part.seal()), part.seal())
    part.write(chunk(3))
    assert ["3"] == [sealed["first"] for sealed in part.seal()]


def test_a_resume_removes_what_the_state_does_not_know(tmp_path: Path) -> None:
    """Files of an epoch that was not committed go: their records come again. Known ones stay, open ones too go."""
    part = SpoolPart(tmp_path)
    part.write(chunk(1))
    known = part.seal()
    part.write(chunk(3))
    part.seal()
    part.write(chunk(5))  # and a crash, which closes what was open
    part.abandon()
    claim(tmp_path, [file_name(entry["key"]) for entry in known])
    resumed = SpoolPart(tmp_path)
    assert [resumed.path(known[0])] == list(tmp_path.iterdir())
    resumed.write(chunk(3))
    (again,) = resumed.seal()
    assert chunk(3).payload == content(resumed.path(again))


def test_without_a_state_nothing_is_removed(tmp_path: Path) -> None:
    """What no state speaks for is set aside beside the sinks' folders, whole, and the slot starts empty."""
    slot = tmp_path / "archive" / "slot-03"
    slot.mkdir(parents=True)
    (slot / "other").write_bytes(b"x")
    claim(slot, None)
    assert ([], b"x") == (list(slot.iterdir()), (tmp_path / "unclaimed" / "archive" / "slot-03" / "other").read_bytes())


@pytest.mark.parametrize("origin", ["l" * 128 + "-shardId-000000000003", "한글" * 60])
def test_a_long_name_still_is_a_file(tmp_path: Path, origin: str) -> None:
    """A stream with the longest name, or one that must be quoted, makes names that a file system takes, all apart."""
    part = SpoolPart(tmp_path)
    first, second = 10**55, 10**55 + 2
    for number in (first, second):
        part.write(chunk(number, origin=origin))
        part.write(chunk(number + 10, origin=origin, folder="dead-letters/date=2026-11-21/hour=09"))
    sealed = part.seal()
    assert (4, 4) == (len({part.path(entry) for entry in sealed}), sum(part.path(entry).exists() for entry in sealed))


def test_commits_count_and_wake() -> None:
    """Each advance counts once, from whichever thread."""
    commits = Commits()
    threads = [threading.Thread(target=commits.advance) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 == commits.count


def test_gzip_is_gzip(tmp_path: Path) -> None:
    """With gzip the name says so, and any gzip reader opens the file."""
    part = SpoolPart(tmp_path, "gzip")
    part.write(chunk(1))
    (sealed,) = part.seal()
    assert (True, chunk(1).payload) == (
        sealed["key"].endswith("-1.ndjson.gz"),
        gzip.decompress(part.path(sealed).read_bytes()),
    )


def test_bytes_are_counted_from_the_first_on(tmp_path: Path) -> None:
    """The pressure knows what is on disk, open files included."""
    pressure = Pressure(tmp_path)
    part = SpoolPart(tmp_path, pressure=pressure)
    part.write(chunk(1, count=20_000))
    part.seal()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == pressure.used


def test_a_full_disk_ends_the_epoch_clearly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No room left: an error that says where, why and what to do; it is counted, logged, and nothing is sealed."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    before = REGISTRY.get_sample_value("cali_spool_faults_total") or 0
    part = SpoolPart(tmp_path)
    (tmp_path / file_name(f"{HOUR}/logs-shardId-000000000003-1.ndjson.zst")).symlink_to("/dev/full")
    part.write(chunk(1))
    with pytest.raises(SpoolError, match=r"cannot be written \(No space left on device\): make room on its volume"):
        part.seal()
    assert (before + 1, []) == (REGISTRY.get_sample_value("cali_spool_faults_total"), part.seal())
    assert "spool.failed" in capsys.readouterr().out


def _names(records: list[int], epochs: list[int]) -> dict[str, list[int]]:
    """Objects that remain when each epoch's files go up, in order: a record's number is also its arrival window / 10.

    `epochs` says at which indices an epoch ends; batches hold one arrival window of one epoch at most.
    """
    objects: dict[str, list[int]] = {}
    with TemporaryDirectory() as folder:
        part = SpoolPart(Path(folder))
        for begin, end in pairwise([0, *sorted(epochs), len(records)]):
            for number in records[begin:end]:
                part.write(chunk(number, count=1)._replace(window=number // 10))
            for sealed in part.seal():
                lines = content(part.path(sealed)).splitlines()
                objects[sealed["key"]] = [int(json.loads(line)["sequence"]) for line in lines]
    return objects


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.lists(st.integers(0, 60), max_size=5))
def test_a_replay_that_is_cut_elsewhere_doubles_nothing(count: int, lost: int, ends: list[int]) -> None:
    """Whatever the epochs of the lost run and of its replay, overwriting by name leaves each record exactly once.

    A stop sends the files of its last epoch before that is committed. If the commit then fails, the replay starts at
    the same record, and its epochs end elsewhere; arrival windows are the same in both.
    """
    records = list(range(1, count + 1))
    sent_uncommitted = _names(records[:lost], [])
    left = {**sent_uncommitted, **_names(records, [min(end, count) for end in ends])}
    assert records == sorted(number for numbers in left.values() for number in numbers)
