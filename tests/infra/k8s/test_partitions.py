"""Recovery partitions of pods with a volume each: made once, and moved whole."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.slack import Ledger

SCRIPT = Path(__file__).resolve().parents[3] / "k8s" / "image" / "partitions.py"


def volumes(tmp_path: Path, count: int) -> list[Path]:
    """Empty volumes of so many pods."""
    made = [tmp_path / f"recovery-cali-{number}" for number in range(count)]
    for folder in made:
        folder.mkdir()
    return made


def held(folders: list[Path]) -> list[set[int]]:
    """Which partitions each volume has."""
    return [{int(path.stem.removeprefix("part-")) for path in folder.glob("part-*.sqlite3")} for folder in folders]


@pytest.mark.parametrize(
    ("replicas", "expected"), [(1, [{0, 1, 2, 3, 4, 5}]), (2, [{0, 2, 4}, {1, 3, 5}]), (4, [{0, 4}, {1, 5}, {2}, {3}])]
)
def test_each_pod_gets_its_own(partitions: Any, tmp_path: Path, replicas: int, expected: list[set[int]]) -> None:
    """Partition i is on pod i % replicas, on no other, and all are somewhere."""
    folders = volumes(tmp_path, replicas)
    made = [partitions.make(folder, 6, replicas, number) for number, folder in enumerate(folders)]

    assert [True] * replicas == made
    assert expected == held(folders)


def test_they_are_made_once(partitions: Any, tmp_path: Path) -> None:
    """A second start makes nothing and touches nothing."""
    (folder,) = volumes(tmp_path, 1)
    partitions.make(folder, 3, 1, 0)
    before = {path.name: path.read_bytes() for path in folder.glob("part-*")}

    assert not partitions.make(folder, 3, 1, 0)
    assert before == {path.name: path.read_bytes() for path in folder.glob("part-*")}


def test_making_that_was_cut_short_begins_anew(partitions: Any, tmp_path: Path) -> None:
    """A pod that died between two files has all of them after the next start."""
    (folder,) = volumes(tmp_path, 1)
    (folder / ".making").mkdir()
    (folder / "part-0.sqlite3").write_bytes(b"half")

    assert partitions.make(folder, 3, 1, 0)
    assert [{0, 1, 2}] == held([folder])
    assert not (folder / ".making").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((6, 2, 0), "move them with partitions.py move first"),
        ((4, 1, 0), "set BYTEWAX_RECOVERY_PARTS=6"),
        ((6, 1, 1), "must be the replicas of the StatefulSet"),
        ((6, 7, 0), "at most BYTEWAX_RECOVERY_PARTS"),
    ],
)
def test_what_does_not_fit_is_refused(
    partitions: Any, tmp_path: Path, arguments: tuple[int, int, int], word: str
) -> None:
    """Other numbers than those that a volume was made with end with what to do, and change nothing."""
    (folder,) = volumes(tmp_path, 1)
    partitions.make(folder, 6, 1, 0)
    with pytest.raises(partitions.PartitionsError, match=word):
        partitions.make(folder, *arguments)
    assert [{0, 1, 2, 3, 4, 5}] == held([folder])


@pytest.mark.parametrize(("old", "new"), [(2, 1), (1, 2), (2, 3), (3, 2), (2, 2)])
def test_moving_keeps_every_partition(partitions: Any, tmp_path: Path, old: int, new: int) -> None:
    """Whatever the numbers of pods, each partition is afterwards where that number of pods looks for it, unchanged."""
    folders = volumes(tmp_path, max(old, new))
    for number in range(old):
        partitions.make(folders[number], 6, old, number)
    before = {path.name: path.read_bytes() for folder in folders for path in folder.glob("part-*")}
    partitions.move(folders[:old], folders[:new])
    again = partitions.move(folders[:old], folders[:new])
    started = [partitions.make(folder, 6, new, number) for number, folder in enumerate(folders[:new])]

    assert before == {path.name: path.read_bytes() for folder in folders for path in folder.glob("part-*")}
    assert 0 == again
    assert [False] * new == started


def test_every_pod_knows_what_was_sent(partitions: Any, tmp_path: Path) -> None:
    """After a move each ledger has the messages of all: any pod may be the one that writes to Slack."""
    folders = volumes(tmp_path, 2)
    for number, folder in enumerate(folders):
        partitions.make(folder, 2, 2, number)
        with Ledger(folder / "state" / "ledger.sqlite3") as ledger:
            ledger.record(f"key-{number}", 10.0 + number, "#a", f"ts-{number}")
    partitions.move(folders, folders[:1])
    with Ledger(folders[0] / "state" / "ledger.sqlite3") as ledger:
        assert [10.0, 11.0] == [ledger.sent_at("key-0"), ledger.sent_at("key-1")]
        assert ("#a", "ts-1") == ledger.message("key-1")


def test_waiting_spool_files_stop_a_move(partitions: Any, tmp_path: Path) -> None:
    """Files that S3 has not taken would not be found by another pod; those set aside wait for nobody."""
    folders = volumes(tmp_path, 2)
    for number, folder in enumerate(folders):
        partitions.make(folder, 2, 2, number)
    spool = folders[1] / "state" / "spool"
    for name in ("archive/slot-01/waits.zst", "unclaimed/archive/slot-01/aside.zst"):
        (spool / name).parent.mkdir(parents=True)
        (spool / name).write_bytes(b"")
    with pytest.raises(partitions.PartitionsError, match=r"^1 spool files wait, the first is .*waits.zst"):
        partitions.move(folders, folders[:1])
    assert [{0}, {1}] == held(folders)


def test_a_missing_volume_is_noticed(tmp_path: Path, partitions: Any) -> None:
    """A move that was told of half the volumes moves nothing; on the command line it is one line and status 1."""
    folders = volumes(tmp_path, 2)
    partitions.make(folders[0], 4, 2, 0)
    command = [sys.executable, str(SCRIPT), "move", "--old", str(folders[0]), "--new", str(folders[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    told = "partitions: partitions [1, 3] of 4 are in none of the folders: name every volume of the old pods\n"
    assert told == done.stderr


def test_the_count_is_read_from_the_store(partitions: Any, tmp_path: Path) -> None:
    """The table and column that Bytewax keeps the number of partitions in are still called so."""
    (folder,) = volumes(tmp_path, 1)
    partitions.make(folder, 5, 1, 0)
    with closing(sqlite3.connect(folder / "part-3.sqlite3")) as db:
        assert (3, 5) == db.execute("SELECT part_index, part_count FROM parts").fetchone()
