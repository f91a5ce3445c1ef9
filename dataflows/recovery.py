"""What must be put right in a recovery store before Bytewax opens it.

Bytewax 0.21.1 keeps the snapshots of an epoch that was never committed, and the next execution counts that epoch
anew. A state key that it does not touch in that epoch is then committed with what the dead process left: seen as
faults that the throttle took for told, while the outbox knew nothing of them (2 of 67 runs with random kills). So
snapshots from the resume epoch on are deleted first. Nothing reads them: a resume loads what is below that epoch.
"""

import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

import structlog

from dataflows.settings import SettingsError

log = structlog.get_logger(__name__)

PRIVATE = 0o077
"""umask: files 0600, folders 0700."""

_RESUME = "SELECT ex_num, worker_count, resume_epoch FROM exs"
_FRONTS = "SELECT worker_index, MAX(worker_frontier) FROM fronts WHERE ex_num = ? GROUP BY worker_index"


def directory() -> Path | None:
    """The folder of the recovery store, as `python -m bytewax.run` was told it; None without one."""
    program = Path(sys.argv[0])
    if (program.parent.name, program.name) != ("bytewax", "run.py"):
        return None
    given = os.environ.get("BYTEWAX_RECOVERY_DIRECTORY", "")
    for name, following in zip(sys.argv[1:], [*sys.argv[2:], ""], strict=True):
        if name in {"-r", "--recovery-directory"}:
            given = following
        elif name.startswith("--recovery-directory="):
            given = name.partition("=")[2]
        elif name.startswith("-r"):
            given = name.removeprefix("-r")
    return Path(given) if given else None


def keep_private(folder: Path | None) -> None:
    """Let only this user read what the process writes from now on, and the recovery store that lies there already.

    The state holds redacted texts. `python -m bytewax.recovery`, which makes the store, leaves it as the shell's umask
    has it, and SQLite gives its `-wal` and `-shm` files the mode of the database.
    """
    os.umask(PRIVATE)
    for path in (folder, *folder.glob("part-*.sqlite3*")) if folder is not None else ():
        with suppress(OSError):  # a mounted volume may belong to another user, and its group may be all that we have
            path.chmod(path.stat().st_mode & 0o700)


def forget_uncommitted(folder: Path | None) -> int:
    """Delete the snapshots that no resume may read; returns how many. To be called before Bytewax opens the store.

    Does nothing without all partitions of the store: only together do they tell the resume epoch. Idempotent.

    Raises:
        SettingsError: a partition is damaged; one line names it and says what to do.
    """
    paths = sorted(folder.glob("part-*.sqlite3")) if folder is not None else []
    gone = 0
    try:
        resume = _resume_epoch(paths)
        for path in paths if resume is not None else ():
            with closing(sqlite3.connect(path)) as db, db:
                gone += db.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (resume,)).rowcount
    except sqlite3.Error as err:
        msg = (
            f"the recovery store {str(folder)!r} cannot be read ({err}): restore it from a backup, or move it away and "
            "make a new one with `python -m bytewax.recovery` (docs/archive.md says what is then read again)"
        )
        raise SettingsError(msg) from None
    if gone:
        log.info("recovery.uncommitted_forgotten", snapshots=gone, resume_epoch=resume)
    return gone


def _resume_epoch(paths: list[Path]) -> int | None:
    """As Bytewax works it out: where the slowest worker of the last execution was. None: it cannot be told."""
    executions: list[tuple[int, int, int]] = []
    counts: set[int] = set()
    for path in paths:
        with closing(sqlite3.connect(path)) as db:
            executions += db.execute(_RESUME).fetchall()
            counts |= {count for (count,) in db.execute("SELECT part_count FROM parts")}
    if not executions or counts != {len(paths)}:
        return None
    execution, workers, started = max(executions)
    fronts: dict[int, int] = {}
    for path in paths:
        with closing(sqlite3.connect(path)) as db:
            for worker, frontier in db.execute(_FRONTS, (execution,)):
                fronts[worker] = max(frontier, fronts.get(worker, started))
    return min(fronts.get(worker, started) for worker in range(workers))
