"""The ledger of accepted messages."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from connectors.slack import Ledger, LedgerError

VERSION_1 = """
CREATE TABLE sent (key TEXT PRIMARY KEY, sent_ts REAL NOT NULL, channel TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sent_by_time ON sent (sent_ts);
INSERT INTO sent VALUES ('old', 10.0, '#alerts');
PRAGMA user_version = 1;
"""
"""What the first release wrote."""

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


def test_a_message_is_found_again_for_an_update(tmp_path: Path) -> None:
    """Channel and ts come back for a bot's message; a webhook's message has none, nor has an unknown one."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.record("bot", 10.0, "C1", "1763764859.000100")
        ledger.record("webhook", 10.0, "#alerts")
        found = [ledger.message(key) for key in ("bot", "webhook", "unknown")]
    assert [("C1", "1763764859.000100"), None, None] == found


def test_a_digest_is_recorded_whole(tmp_path: Path) -> None:
    """Every key is there, the message belongs to the first alone, and a key that was there stays as it was."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.record("b", 5.0, "C0", "1.0")
        ledger.record_all(["a", "b", "c"], 10.0, "C1", "2.0")
        ledger.record_all([], 11.0, "C1")
        found = [(ledger.sent_at(key), ledger.message(key)) for key in "abc"]
    assert [(10.0, ("C1", "2.0")), (5.0, ("C0", "1.0")), (10.0, None)] == found


def test_the_latest_message_is_known(tmp_path: Path) -> None:
    """Of a channel as recorded; of all where the channel is not known by that name, as a bot's is not; else None."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        empty = ledger.latest()
        ledger.record("a", 10.0, "C1", "1.0")
        ledger.record("b", 20.0, "C2", "1.0")
        assert (None, 20.0, 10.0, 20.0) == (empty, ledger.latest(), ledger.latest("C1"), ledger.latest("#alerts"))


def test_a_digest_that_fails_half_way_is_not_there_at_all(tmp_path: Path) -> None:
    """A key that cannot be written takes the others of its message with it, and the ledger goes on."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger._db.execute(
            "CREATE TRIGGER t BEFORE INSERT ON sent WHEN NEW.key = 'bad' BEGIN SELECT RAISE(FAIL, 'x'); END"
        )
        with pytest.raises(LedgerError):
            ledger.record_all(["good", "bad"], 10.0, "C1")
        before = ledger.seen("good")
        ledger.record("good", 11.0, "C1")
        assert (False, 11.0) == (before, ledger.sent_at("good"))


def test_the_newest_card_is_kept(tmp_path: Path) -> None:
    """What a message shows is replaced by what it shows next, and survives a restart."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        before = ledger.card("f")
        ledger.keep_card("f", '{"n": 1}')
        ledger.keep_card("f", '{"n": "둘"}')
    with Ledger(path) as ledger:
        assert (None, '{"n": "둘"}') == (before, ledger.card("f"))


def test_cards_go_with_their_messages(tmp_path: Path) -> None:
    """Pruning keeps the cards of messages that are kept and drops the others; only messages are counted."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        for key, ts in (("old", 1.0), ("new", 20.0)):
            ledger.record(key, ts, "C1", "1.0")
            ledger.keep_card(key, key)
        ledger.keep_card("never sent", "x")
        pruned = ledger.prune(10.0)
        cards = [ledger.card(key) for key in ("old", "new", "never sent")]
    assert (1, [None, "new", None]) == (pruned, cards)


def test_a_file_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """An upgrade keeps what was sent, and two processes that open the old file at once do not disturb each other."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
    with ThreadPoolExecutor(2) as pool:
        ledgers = list(pool.map(Ledger, [path] * 2))
    one, other = ledgers
    with one, other:
        one.record("new", 11.0, "C1", "1.0")
        assert (10.0, None, ("C1", "1.0")) == (other.sent_at("old"), other.message("old"), other.message("new"))
        assert (2,) == one._db.execute("PRAGMA user_version").fetchone()


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
    with pytest.raises(LedgerError, match=r"has version 9, and this release knows 2"):
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
