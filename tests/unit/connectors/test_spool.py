"""The spool: compressed as it comes, durable at the seal, cleaned at a resume."""

import threading
from pathlib import Path

import pytest
import zstandard

from connectors.spool import Chunk, Commits, Sealed, SpoolPart, claim, file_name

HOUR = "archive/dt=2026-11-21/hour=09"


def chunk(first: int, *, folder: str = HOUR, origin: str = "logs-shardId-000000000003", count: int = 2) -> Chunk:
    """Records `first` and on, one line each."""
    payload = b"".join(b'{"sequence":"%d"}\n' % (first + n) for n in range(count))
    return Chunk(folder, origin, str(first), str(first + count - 1), count, payload)


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
    assert Sealed(key=f"{HOUR}/logs-shardId-000000000003-1.ndjson.zst", count=4, first="1", last="4") == sealed
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
    for unfinished in part._open.values():
        unfinished.file.close()
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
        part.write(chunk(number + 10, origin=origin, folder="dead-letters/dt=2026-11-21/hour=09"))
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
