"""The ledger of accepted messages."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.slack import Ledger, LedgerError

RECORD_AND_DIE = """
import os, signal, sys
from connectors.slack import Ledger
ledger = Ledger(sys.argv[1])
ledger.record(sys.argv[2], 1.0, "#c")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_key_is_seen_after_it_is_recorded_and_not_before(tmp_path: Path) -> None:
    """`seen` answers for exactly the keys recorded."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        before = ledger.seen("fault:1")
        ledger.record("fault:1", 10.0, "#alerts")
        assert (before, ledger.seen("fault:1"), ledger.seen("fault:2")) == (False, True, False)


@pytest.mark.slow
def test_what_was_recorded_survives_a_kill(tmp_path: Path) -> None:
    """A process killed the moment `record` returns leaves its entry, and the next process goes on with the file."""
    path = tmp_path / "ledger.db"
    for key in ("fault:1", "fault:2"):
        died = subprocess.run(
            [sys.executable, "-c", RECORD_AND_DIE, str(path), key],
            check=False,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert died.returncode == -signal.SIGKILL
    with Ledger(path) as ledger:
        assert [ledger.seen(f"fault:{n}") for n in (1, 2, 3)] == [True, True, False]


def test_a_commit_is_synced_with_its_folder(tmp_path: Path) -> None:
    """The database syncs in the mode (EXTRA, 3) in which a power cut cannot undo a commit, and leaves one file."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        ledger.record("fault:1", 10.0, "#alerts")
        synchronous = ledger._db.execute("PRAGMA synchronous").fetchone()
        journal = ledger._db.execute("PRAGMA journal_mode").fetchone()
        assert (synchronous, journal) == ((3,), ("delete",))
        assert [path] == sorted(tmp_path.iterdir())


def test_two_open_ledgers_see_each_other(tmp_path: Path) -> None:
    """Two processes (here: two connections) on one file share it."""
    with Ledger(tmp_path / "ledger.db") as one, Ledger(tmp_path / "ledger.db") as other:
        one.record("fault:1", 10.0, "#alerts")
        other.record("fault:2", 10.0, "#alerts")
        assert (other.seen("fault:1"), one.seen("fault:2")) == (True, True)


def test_threads_may_share_one_ledger(tmp_path: Path) -> None:
    """Eight threads on one ledger lose nothing and raise nothing."""
    keys = [f"fault:{n}" for n in range(64)]
    with Ledger(tmp_path / "ledger.db") as ledger:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: ledger.record(key, 1.0, "#alerts"), keys))
        assert [True] * len(keys) == [ledger.seen(key) for key in keys]


def test_recording_again_changes_nothing(tmp_path: Path) -> None:
    """A replayed delivery keeps the first time of sending."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.record("fault:1", 10.0, "#alerts")
        ledger.record("fault:1", 99.0, "#other")
        assert list(ledger._db.execute("SELECT key, sent_ts, channel FROM sent")) == [("fault:1", 10.0, "#alerts")]


def test_pruning_forgets_what_is_older_and_only_that(tmp_path: Path) -> None:
    """The edge itself is kept; the number forgotten is returned."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        for ts in (9.0, 10.0, 11.0):
            ledger.record(f"fault:{ts:.0f}", ts, "#alerts")
        assert ledger.prune(10.0) == 1
        assert [ledger.seen(f"fault:{n}") for n in (9, 10, 11)] == [False, True, True]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """File 0600, also when it was wider before; a folder that is made is 0700."""
    path = tmp_path / "state" / "ledger.db"
    Ledger(path).close()
    path.chmod(0o644)
    Ledger(path).close()
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)]
    assert modes == [0o600, 0o700]


@pytest.mark.parametrize("content", [b"this is no database, " * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    """Damage stops the start with the path and the remedy, and the file is left as it is."""
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="move it away and restart") as caught:
        Ledger(path)
    assert str(path) in str(caught.value)
    assert content == path.read_bytes()


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    """A downgrade does not write into a form it does not know."""
    path = tmp_path / "ledger.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(LedgerError, match=r"has version 9, and this release knows 1"):
        Ledger(path)


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder in the place of the file is a wrong setting, told as one."""
    with pytest.raises(LedgerError, match="cannot be created or written") as caught:
        Ledger(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_failing_write_says_so(tmp_path: Path) -> None:
    """A write that did not reach the disk never looks like one that did."""
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.close()
    with pytest.raises(LedgerError, match="cannot be used"):
        ledger.record("fault:1", 1.0, "#alerts")
