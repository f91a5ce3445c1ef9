"""The recovery store is put right before Bytewax opens it."""

import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from dataflows.recovery import directory, forget_uncommitted, keep_private
from dataflows.settings import SettingsError


def store(folder: Path, parts: int, fronts: list[int], snaps: list[int], started: int = 3) -> None:
    """A store whose last execution has workers at these epochs, and snapshots of these epochs."""
    init_db_dir(folder, parts)  # type: ignore[no-untyped-call] # untyped in Bytewax
    paths = sorted(folder.glob("part-*.sqlite3"))
    for number, path in enumerate(paths):
        with closing(sqlite3.connect(path)) as db, db:
            if not number:
                db.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (?, ?, ?)", (0, 1, 1))
                db.execute(
                    "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (?, ?, ?)", (1, len(fronts), started)
                )
            for worker, frontier in enumerate(fronts):
                if frontier and worker % parts == number:
                    db.execute(
                        "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (?, ?, ?)",
                        (1, worker, frontier),
                    )
            for epoch in snaps:
                row = (f"step-{number}", f"key-{epoch}", epoch, b"x")
                db.execute("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)", row)


def kept(folder: Path) -> list[list[int]]:
    """Epochs of the snapshots that are left, by partition."""
    found = []
    for path in sorted(folder.glob("part-*.sqlite3")):
        with closing(sqlite3.connect(path)) as db:
            found.append([epoch for (epoch,) in db.execute("SELECT snap_epoch FROM snaps ORDER BY snap_epoch")])
    return found


@pytest.mark.parametrize(
    ("fronts", "expected"),
    [
        ([5], [3, 4]),
        ([7, 5], [3, 4]),  # the slowest worker tells
        ([0], []),  # a worker that never got on is where the execution began
        ([9, 0], []),
    ],
)
def test_what_was_never_committed_is_forgotten(tmp_path: Path, fronts: list[int], expected: list[int]) -> None:
    """Snapshots from the resume epoch on go, in every partition; those before stay."""
    store(tmp_path, 2, fronts, [3, 4, 5, 6])
    gone = forget_uncommitted(tmp_path)
    assert (8 - 2 * len(expected), [expected, expected]) == (gone, kept(tmp_path))
    assert 0 == forget_uncommitted(tmp_path)


def test_a_part_of_a_store_is_left_alone(tmp_path: Path) -> None:
    """Without all partitions nobody knows the resume epoch."""
    store(tmp_path, 2, [5], [3, 6])
    sorted(tmp_path.glob("part-*.sqlite3"))[1].unlink()
    assert (0, [[3, 6]]) == (forget_uncommitted(tmp_path), kept(tmp_path))


def test_a_new_store_and_none_are_fine(tmp_path: Path) -> None:
    """Nothing has run yet, or nothing is to be recovered."""
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call] # as above
    assert [0, 0, 0] == [forget_uncommitted(folder) for folder in (tmp_path, tmp_path / "none", None)]


def test_a_damaged_partition_is_told_in_one_line(tmp_path: Path) -> None:
    """Bytewax would panic with a backtrace; the message names the folder and what to do."""
    (tmp_path / "part-0.sqlite3").write_bytes(b"no database" * 1_000)
    with pytest.raises(SettingsError, match=r"recovery store .* restore it from a backup"):
        forget_uncommitted(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["-r", "a", "-s", "10"], "", "a"),
        (["-ra"], "", "a"),
        (["--recovery-directory=b"], "", "b"),
        (["--recovery-directory", "c"], "d", "c"),
        ([], "e", "e"),
        ([], "", None),
    ],
)
def test_the_folder_is_as_bytewax_was_told(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: str, expected: str | None
) -> None:
    """By argument, else by environment."""
    monkeypatch.setattr(sys, "argv", ["/x/bytewax/run.py", "flow", *arguments])
    monkeypatch.setenv("BYTEWAX_RECOVERY_DIRECTORY", environment)
    assert (Path(expected) if expected else None) == directory()


def test_another_program_has_no_such_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pytest -r a` is no recovery."""
    monkeypatch.setattr(sys, "argv", ["/x/pytest/__main__.py", "-r", "a"])
    assert None is directory()


def test_the_store_is_this_user_s_alone(tmp_path: Path) -> None:
    """A store that others could read is closed to them, and so is what is written afterwards."""
    before = os.umask(0o022)
    try:
        store(tmp_path, 1, [5], [3])
        tmp_path.chmod(0o755)
        keep_private(tmp_path)
        made = tmp_path / "made"
        made.mkdir()
        (made / "file").touch()
    finally:
        os.umask(before)
    part = tmp_path / "part-0.sqlite3"
    paths = (tmp_path, part, made, made / "file")
    assert [0o700, 0o600, 0o700, 0o600] == [stat.S_IMODE(path.stat().st_mode) for path in paths]
