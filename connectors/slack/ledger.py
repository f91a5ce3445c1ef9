"""The ledger of accepted messages: what keeps a restart from announcing a fault twice."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final, Self

SCHEMA_VERSION: Final = 1

_BUSY_TIMEOUT_S = 10.0  # another process of the same deployment may be writing; its write takes milliseconds


class LedgerError(RuntimeError):
    """The ledger cannot be used. The message names the file and says what to do."""


class Ledger:
    """Keys of the messages Slack accepted, in one SQLite file outside the recovery store.

    It is outside on purpose: Bytewax state is as old as the last snapshot, and a kill then repeats every message sent
    since. `record()` returns after the entry is on disk, so a kill can repeat only a message whose acceptance had not
    yet been recorded. Safe between threads and between processes of one machine; not for a network file system,
    whose locks SQLite cannot trust.
    """

    def __init__(self, path: Path | str) -> None:
        """Open or create the file (mode 0600), and its folder. Raises `LedgerError` if that cannot work."""
        self._path = Path(path)
        self._lock = threading.Lock()
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its journal the mode of the database, so the mode is set before SQLite sees the file.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._path.chmod(0o600)
        except OSError as err:
            msg = (
                f"the Slack ledger {str(self._path)!r} cannot be created or written ({err.strerror}): "
                "give it a path on a writable volume that survives restarts"
            )
            raise LedgerError(msg) from err
        self._db = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.Error as err:
            self._db.close()
            raise self._unusable(err) from err
        except LedgerError:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seen(self, key: str) -> bool:
        """Whether `record(key, ...)` has returned before, in this process or another."""
        return self.sent_at(key) is not None

    def sent_at(self, key: str) -> float | None:
        """When Slack accepted `key`, seconds since the epoch; None if `record(key, ...)` has not returned before."""
        with self._lock:
            try:
                with closing(self._db.execute("SELECT sent_ts FROM sent WHERE key = ?", (key,))) as rows:
                    row = rows.fetchone()
                    return None if row is None else float(row[0])
            except sqlite3.Error as err:
                raise self._unusable(err) from err

    def record(self, key: str, sent_ts: float, channel: str) -> None:
        """Note that Slack accepted `key` at `sent_ts` (epoch seconds). On disk when this returns; idempotent.

        Blocks for the disk (some milliseconds). The first entry of a key stays as it is.
        """
        self._write("INSERT OR IGNORE INTO sent (key, sent_ts, channel) VALUES (?, ?, ?)", (key, sent_ts, channel))

    def prune(self, before_ts: float) -> int:
        """Forget what was sent before `before_ts` (epoch seconds); returns how many entries that were.

        Keep more than the source can replay: Kinesis keeps records for up to 365 days, 24 hours by default.
        """
        return self._write("DELETE FROM sent WHERE sent_ts < ?", (before_ts,))

    def close(self) -> None:
        """Close the file. Nothing is lost by not calling it."""
        with self._lock:
            self._db.close()

    def _write(self, statement: str, values: tuple[object, ...]) -> int:
        with self._lock:
            try:
                with closing(self._db.execute(statement, values)) as done:  # autocommit: one statement, one commit
                    return done.rowcount
            except sqlite3.Error as err:
                raise self._unusable(err) from err

    def _prepare(self) -> None:
        # A rollback journal, not a write-ahead log: one file to keep, and in WAL a commit is durable only with an
        # fsync of the log. EXTRA also syncs the folder when the journal is deleted, without which a power cut can
        # bring the journal back and undo the commit: https://www.sqlite.org/pragma.html#pragma_synchronous
        self._db.execute("PRAGMA journal_mode = DELETE").close()
        self._db.execute("PRAGMA synchronous = EXTRA").close()
        with closing(self._db.execute("PRAGMA quick_check(1)")) as rows:
            if rows.fetchone() != ("ok",):
                msg = "quick_check found damage"
                raise sqlite3.DatabaseError(msg)
        with closing(self._db.execute("PRAGMA user_version")) as rows:
            version = int(rows.fetchone()[0])
        if version not in {0, SCHEMA_VERSION}:
            msg = (
                f"the Slack ledger {str(self._path)!r} has version {version}, and this release knows {SCHEMA_VERSION}: "
                "run the release that wrote it, or move the file away (messages of the last hours may then repeat)"
            )
            raise LedgerError(msg)
        self._db.execute("BEGIN IMMEDIATE").close()
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS sent "
            "(key TEXT PRIMARY KEY, sent_ts REAL NOT NULL, channel TEXT NOT NULL) WITHOUT ROWID"
        ).close()
        self._db.execute("CREATE INDEX IF NOT EXISTS sent_by_time ON sent (sent_ts)").close()
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}").close()
        self._db.execute("COMMIT").close()

    def _unusable(self, err: sqlite3.Error) -> LedgerError:
        return LedgerError(
            f"the Slack ledger {str(self._path)!r} cannot be used ({err}): if the disk is full or read-only, mend "
            "that; if the file is damaged, move it away and restart (messages of the last hours may then repeat)"
        )
