"""Spool folders: names of files, what a resume keeps of them, and what is set aside."""

import os
from collections.abc import Collection, Iterable
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

import structlog

log = structlog.get_logger(__name__)

_MAX_NAME = 240
"""Bytes of a file name: file systems end at 255. A stream's name alone may have 128."""

UNCLAIMED = "unclaimed"
"""Folder beside the sinks' folders for files that no state speaks for, and for those that the disk has changed."""


def claim(directory: Path, known: Collection[str] | None) -> None:
    """Make a slot's folder agree with the state it resumes from, by file name.

    What a state does not know was not committed: it is removed, since it comes again. Without any state (None) nobody
    can say whether it comes again: such files are moved to `unclaimed/`, told in the log, and never deleted.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = frozenset(known or ())
    strangers = [path for path in directory.iterdir() if path.name not in kept]
    if known is None and strangers:
        folder = set_aside(strangers)
        log.warning(
            "spool.unclaimed", files=len(strangers), folder=str(folder), cause="no recovery state for this slot"
        )
        return
    for path in strangers:
        path.unlink()


def set_aside(files: Iterable[Path]) -> Path:
    """Move files of one `<spool>/<sink>/<slot>` folder to `<spool>/unclaimed/<sink>/<slot>`; returns that folder."""
    aside = Path()
    for path in files:
        slot = path.parent
        aside = slot.parents[1] / UNCLAIMED / slot.parent.name / slot.name
        aside.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.replace(aside / path.name)
    return aside


def file_name(key: str) -> str:
    """Name of the spool file of an object key; a long one is cut and told apart by its hash."""
    name = quote(key, safe="=")
    if len(name) <= _MAX_NAME:
        return name
    return f"{name[: _MAX_NAME - 33]}-{blake2b(key.encode(), digest_size=16).hexdigest()}"


def sync_directory(directory: Path) -> None:
    """Make new names durable too: fsync of a file does not sync the directory that lists it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
