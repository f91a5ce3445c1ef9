#!/usr/bin/env python3
"""Recovery partitions of pods with a volume each: made once, and moved when the number of pods changes.

Partition i belongs to pod i % replicas. Bytewax finds every partition wherever it is, but a volume that is made anew
beside old ones would silently lose state, so what does not fit ends with a message and exit status 1.

    partitions.py make FOLDER PARTS REPLICAS ORDINAL
    partitions.py move --old FOLDER... --new FOLDER...

FOLDER is the root of a pod's recovery volume, in the order of the pods. Moves only while no pod runs.
"""

import argparse
import fcntl
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bytewax.recovery import init_db_dir

_PART = re.compile(r"part-(\d+)\.sqlite3")
_MAKING = ".making"
"""Folder that is there from the first to the last step of making: what lies beside it was never used."""
_MERGED = ("ledger.sqlite3", "incidents.sqlite3")
"""Files of the state folder that every pod gets the union of: any of them may write to Slack after a move."""


class PartitionsError(Exception):
    """A volume does not hold what it should; the message says what to do."""


def make(folder: Path, parts: int, replicas: int, ordinal: int) -> bool:
    """Make the partitions of one pod unless they are there; whether it made them.

    Raises:
        PartitionsError: the numbers cannot work, or the volume holds other partitions than this pod must have.
    """
    if not 0 <= ordinal < replicas <= parts:
        msg = (
            f"BYTEWAX_REPLICAS={replicas}, BYTEWAX_RECOVERY_PARTS={parts} and pod {ordinal} do not fit: "
            "BYTEWAX_REPLICAS must be the replicas of the StatefulSet, and at most BYTEWAX_RECOVERY_PARTS"
        )
        raise PartitionsError(msg)
    wanted = set(range(ordinal, parts, replicas))
    making = folder / _MAKING
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pods of the Bytewax chart share one volume and start at once
        if making.exists():
            shutil.rmtree(making)
            for path in folder.glob("part-*.sqlite3*"):
                path.unlink()
        found = _found(folder)
        if found:
            _agree(folder, found, wanted, parts)
            return False
        making.mkdir()
        init_db_dir(making, parts)  # type: ignore[no-untyped-call] # as Bytewax ships it
        for index in wanted:
            _move_part(making, index, folder)
        shutil.rmtree(making)
    return True


def move(old: list[Path], new: list[Path]) -> int:
    """Lay the partitions of `old` pods as `new` pods need them; how many moved. Can be repeated after a failure.

    Raises:
        PartitionsError: a partition is missing, or spool files wait that another pod would not find.
    """
    spool = [path for folder in old for path in sorted(folder.glob("state/spool/*/**/*")) if path.is_file()]
    waiting = [path for path in spool if "unclaimed" not in path.parts]  # nothing uploads those: they stay
    if waiting:
        msg = (
            f"{len(waiting)} spool files wait, the first is {str(waiting[0])!r}: start the pods as they were, "
            "wait until cali_spool_waiting_files is 0, stop them, and move then"
        )
        raise PartitionsError(msg)
    places = {index: folder for folder in {*old, *new} for index in _found(folder)}
    if not places:
        where = ", ".join(map(str, old))
        msg = f"no partitions in {where}: name the roots of the recovery volumes, in the order of the pods"
        raise PartitionsError(msg)
    parts = _part_count(places[min(places)] / f"part-{min(places)}.sqlite3")
    if missing := sorted(set(range(parts)) - set(places)):
        msg = f"partitions {missing} of {parts} are in none of the folders: name every volume of the old pods"
        raise PartitionsError(msg)
    if len(new) > parts:
        msg = f"{len(new)} pods cannot share {parts} partitions: the number of partitions is fixed when they are made"
        raise PartitionsError(msg)
    moved = 0
    for index, folder in places.items():
        target = new[index % len(new)]
        if target != folder:
            _move_part(folder, index, target)
            moved += 1
    for name in _MERGED:
        _merge([folder / "state" / name for folder in old], [folder / "state" / name for folder in new])
    return moved


def _found(folder: Path) -> set[int]:
    return {int(match[1]) for path in folder.glob("part-*.sqlite3") if (match := _PART.fullmatch(path.name))}


def _part_count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT part_count FROM parts").fetchone()[0])


def _agree(folder: Path, found: set[int], wanted: set[int], parts: int) -> None:
    made_for = _part_count(folder / f"part-{min(found)}.sqlite3")
    if made_for != parts:
        msg = f"{str(folder)!r} has {made_for} partitions for ever: set BYTEWAX_RECOVERY_PARTS={made_for}"
        raise PartitionsError(msg)
    if found != wanted:
        msg = (
            f"{str(folder)!r} has partitions {sorted(found)}, and this pod must have {sorted(wanted)}: move them with "
            "partitions.py move first (k8s/README.md, 'Change the number of processes')"
        )
        raise PartitionsError(msg)


def _move_part(folder: Path, index: int, target: Path) -> None:
    """The main file last: a repeated move finds the partition where that is. Volumes may be different devices."""
    main = folder / f"part-{index}.sqlite3"
    for path in [*folder.glob(f"{main.name}-*"), main]:
        shutil.copy2(path, target / f".{path.name}")
        (target / f".{path.name}").replace(target / path.name)
    for path in [main, *folder.glob(f"{main.name}-*")]:
        path.unlink()


def _merge(sources: list[Path], targets: list[Path]) -> None:
    """Give every target the rows of all sources; what is there already stays."""
    for target in targets:
        for source in sources:
            if source == target or not source.exists():
                continue
            if not target.exists():
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _copy(source, target)
                continue
            with closing(sqlite3.connect(target)) as db:
                db.execute("ATTACH ? AS other", (str(source),))
                names = "SELECT name FROM other.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                for (table,) in db.execute(names).fetchall():
                    rows = f'INSERT OR IGNORE INTO main."{table}" SELECT * FROM other."{table}"'  # noqa: S608 - schema
                    db.execute(rows)
                db.commit()


def _copy(source: Path, target: Path) -> None:
    """By SQLite, so that its write-ahead log comes along."""
    with closing(sqlite3.connect(source)) as db, closing(sqlite3.connect(target)) as copy:
        db.backup(copy)
    target.chmod(0o600)


def main() -> None:
    """The two commands."""
    parser = argparse.ArgumentParser(description="Recovery partitions of pods with a volume each.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("make", help="make the partitions of one pod, once")
    one.add_argument("folder", type=Path)
    for name in ("parts", "replicas", "ordinal"):
        one.add_argument(name, type=int)
    other = commands.add_parser("move", help="lay partitions for another number of pods")
    other.add_argument("--old", type=Path, nargs="+", required=True)
    other.add_argument("--new", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    try:
        if given.command == "make":
            made = make(given.folder, given.parts, given.replicas, given.ordinal)
            told = f"partitions of pod {given.ordinal} {'made' if made else 'are there'} in {given.folder}"
        else:
            told = f"{move(given.old, given.new)} partitions moved"
    except PartitionsError as err:
        sys.exit(f"partitions: {err}")
    sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()
