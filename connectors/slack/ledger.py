"""The ledger of accepted messages: what keeps a restart from announcing a fault twice, and finds a card again."""

import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

SCHEMA_VERSION: Final = 2
"""1: keys. 2: also each message's timestamp, and the cards. A file of version 1 is brought up to 2 when opened."""

_BUSY_TIMEOUT_S = 10.0  # another process of the same deployment may be writing; its write takes milliseconds
_SENT = "INSERT OR IGNORE INTO sent (key, sent_ts, channel, ts) VALUES (?, ?, ?, ?)"


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
        row = self._read("SELECT sent_ts FROM sent WHERE key = ?", key)
        return None if row is None else float(row[0])

    def message(self, key: str) -> tuple[str, str] | None:
        """Channel and ts of the accepted message `key`; None if it is unknown, or has no ts (a webhook's)."""
        row = self._read("SELECT channel, ts FROM sent WHERE key = ? AND ts <> ''", key)
        return None if row is None else (str(row[0]), str(row[1]))

    def record(self, key: str, sent_ts: float, channel: str, ts: str = "") -> None:
        """Note that Slack accepted `key` at `sent_ts` (epoch seconds). On disk when this returns; idempotent.

        Blocks for the disk (some milliseconds). The first entry of a key stays as it is.
        """
        self.record_all([key], sent_ts, channel, ts)

    def record_all(self, keys: Sequence[str], sent_ts: float, channel: str, ts: str = "") -> None:
        """`record` for several keys that one message told of: all are on disk when this returns, or none.

        The first key is the message's own and alone gets `ts`: the others are told in it but have no message of their
        own, and who updated one of them in place would replace all of it.
        """
        self._write([(_SENT, (key, sent_ts, channel, ts if key == keys[0] else "")) for key in keys])

    def latest(self, channel: str = "") -> float | None:
        """When the last message was accepted, epoch seconds: of a channel as it was recorded, if it is, else of all."""
        row = self._read("SELECT MAX(sent_ts) FROM sent WHERE channel = ?", channel)
        if row is None or row[0] is None:
            row = self._read("SELECT MAX(sent_ts) FROM sent")
        return None if row is None or row[0] is None else float(row[0])

    def keep_card(self, key: str, body: str) -> None:
        """Keep what the message `key` shows, to update it in place later; the newest wins. On disk when this returns.

        Record the message first: a card without one goes with the next `prune`.
        """
        statement = "INSERT INTO cards (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body"
        self._write([(statement, (key, body))])

    def card(self, key: str) -> str | None:
        """What `keep_card` kept, or None."""
        row = self._read("SELECT body FROM cards WHERE key = ?", key)
        return None if row is None else str(row[0])

    def prune(self, before_ts: float) -> int:
        """Forget messages sent before `before_ts` (epoch seconds) with their cards; returns how many messages.

        Keep more than the source can replay: Kinesis keeps records for up to 365 days, 24 hours by default.
        """
        forget = ("DELETE FROM sent WHERE sent_ts < ?", (before_ts,))
        return self._write([forget, ("DELETE FROM cards WHERE key NOT IN (SELECT key FROM sent)", ())])

    def close(self) -> None:
        """Close the file. Nothing is lost by not calling it."""
        with self._lock:
            self._db.close()

    def _read(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        with self._lock:
            try:
                with closing(self._db.execute(statement, values)) as rows:
                    row: tuple[Any, ...] | None = rows.fetchone()
                    return row
            except sqlite3.Error as err:
                raise self._unusable(err) from err

    def _write(self, statements: Sequence[tuple[str, tuple[object, ...]]]) -> int:
        """All of them in one transaction; how many rows the first one changed."""
        with self._lock:
            try:
                with self._db:  # commits, or rolls back if it is left by an error
                    self._db.execute("BEGIN IMMEDIATE").close()
                    counts = [self._db.execute(statement, values).rowcount for statement, values in statements]
            except sqlite3.Error as err:
                raise self._unusable(err) from err
        return counts[0] if counts else 0

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
        with self._db:
            self._db.execute("BEGIN IMMEDIATE").close()  # two processes may open one old file at once
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        with closing(self._db.execute("PRAGMA user_version")) as rows:
            version = int(rows.fetchone()[0])
        if version > SCHEMA_VERSION:
            msg = (
                f"the Slack ledger {str(self._path)!r} has version {version}, and this release knows {SCHEMA_VERSION}: "
                "run the release that wrote it, or move the file away (messages of the last hours may then repeat)"
            )
            raise LedgerError(msg)
        if version == SCHEMA_VERSION:
            return
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS sent "
            "(key TEXT PRIMARY KEY, sent_ts REAL NOT NULL, channel TEXT NOT NULL) WITHOUT ROWID"
        ).close()
        self._db.execute("CREATE INDEX IF NOT EXISTS sent_by_time ON sent (sent_ts)").close()
        self._db.execute("ALTER TABLE sent ADD COLUMN ts TEXT NOT NULL DEFAULT ''").close()
        self._db.execute("CREATE TABLE cards (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID").close()
        self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}").close()

    def _unusable(self, err: sqlite3.Error) -> LedgerError:
        return LedgerError(
            f"the Slack ledger {str(self._path)!r} cannot be used ({err}): if the disk is full or read-only, mend "
            "that; if the file is damaged, move it away and restart (messages of the last hours may then repeat)"
        )
