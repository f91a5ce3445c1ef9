"""What rag remembers on disk (`StateFile`): answers of the model, so that nothing is paid twice, and what it cost."""

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from rag.models import Explanation

MAX_ANSWERS: Final = 5_000
"""Most answers kept: some 3 kB each. The oldest go first."""
_FORMAT: Final = "1"
"""Changes when `Explanation` does so that an old one cannot be shown."""
_BUSY_TIMEOUT_S: Final = 10.0  # another process of the same deployment may be writing; its write takes milliseconds
_TABLE: Final = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL, body TEXT) WITHOUT ROWID"
_BOUND: Final = "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY at DESC LIMIT -1 OFFSET ?)"


class StateError(Exception):
    """The file cannot be used. The message names it and says what to do."""


class StateFile:
    """One SQLite file of mode 0600, or memory if there is no path. Opened at first use; thread-safe.

    Processes of one machine may share it; not for a network file system, whose locks SQLite cannot trust.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that is committed at the end of the block, or rolled back if the block raises.

        Blocks while another one runs, 10 s at most for that of another process.

        Raises:
            StateError: the file cannot be used.
        """
        with self._lock:
            try:
                db = self._db = self._db or self._opened()
                db.execute("BEGIN IMMEDIATE").close()
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK").close()
                    raise
                db.execute("COMMIT").close()
            except (sqlite3.Error, OSError) as err:
                self._drop()
                msg = (
                    f"the file {str(self._path)!r} cannot be used ({err}): if the disk is full or read-only, mend "
                    "that; if the file is damaged, move it away (answers are then paid for again, and what was spent "
                    "in the last 24 hours is forgotten)"
                )
                raise StateError(msg) from err

    def close(self) -> None:
        """Close the file. Nothing is lost by not calling it."""
        with self._lock:
            self._drop()

    def _opened(self) -> sqlite3.Connection:
        name = ":memory:"
        if self._path is not None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its journal the mode of the database, so the mode is set before SQLite sees the file.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            name = str(self._path)
        return sqlite3.connect(name, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)

    def _drop(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


class Answers:
    """Answers of the model by what they depend on, for `keep_s` seconds. Thread-safe. Holds no log, only answers."""

    def __init__(self, state: StateFile, keep_s: float, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since the epoch."""
        self._state, self._keep_s, self._clock = state, keep_s, clock

    def get(self, key: str) -> Explanation | None:
        """Return the answer that was put there, unless it is too old or cannot be read; raise `StateError`."""
        with self._state.begin() as db:
            db.execute(_TABLE).close()
            oldest = self._clock() - self._keep_s
            row = db.execute("SELECT body FROM answers WHERE key = ? AND at > ?", (key, oldest)).fetchone()
        try:
            known = json.loads(row[0]) if row else None
        except (ValueError, TypeError, RecursionError):  # a damaged row: it is asked and written anew
            return None
        return cast("Explanation", known) if isinstance(known, dict) else None

    def put(self, key: str, answer: Explanation) -> None:
        """Keep an answer; raise `StateError`."""
        now = self._clock()
        with self._state.begin() as db:
            db.execute(_TABLE).close()
            body = json.dumps(answer, ensure_ascii=False)
            db.execute("INSERT OR REPLACE INTO answers (key, at, body) VALUES (?, ?, ?)", (key, now, body)).close()
            db.execute("DELETE FROM answers WHERE at <= ?", (now - self._keep_s,)).close()
            db.execute(_BOUND, (MAX_ANSWERS,)).close()


class Flights:
    """One call for all who ask the same at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[str, Future[Explanation]] = {}

    def fly(self, key: str, ask: Callable[[], Explanation]) -> tuple[Explanation, bool]:
        """Return what `ask` returns and False; or, if it is being asked, wait for that answer and return it and True.

        Raises what `ask` raises, to all of them.
        """
        with self._lock:
            flight = self._flying.get(key)
            is_mine = flight is None
            if flight is None:
                flight = self._flying[key] = Future()
        if not is_mine:
            return flight.result(), True
        try:
            flight.set_result(ask())
        except BaseException as err:
            flight.set_exception(err)
            raise
        finally:
            with self._lock:
                del self._flying[key]
        return flight.result(), False


def key_of(*parts: str) -> str:
    """Return the key of an answer: a hash of all that it depends on."""
    return hashlib.sha256("\x1f".join((_FORMAT, *parts)).encode()).hexdigest()
