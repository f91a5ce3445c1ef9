"""Milvus Lite in this process: one server for each directory, shared by connections, ended with the last of them.

A process that is killed leaves two things that milvus-lite 3.2.2 does not get over, and both are removed before its
server starts: half an index file, which makes every later load fail, and the folder of a collection without a schema,
which makes it impossible to create that collection.
"""

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import structlog

_log = structlog.get_logger(__name__)

_lock = threading.Lock()
_opened: Counter[Path] = Counter()
"""Clients of each directory. Of the process, as the servers of milvus-lite are."""


def open_lite(path: Path) -> Any:  # noqa: ANN401 - pymilvus has no types
    """Return a client of the directory `path`, which is made if it is absent; give it back with `close_lite`.

    Blocks for a second. Raises whatever pymilvus does where another process has the directory open.
    """
    from pymilvus import MilvusClient  # noqa: PLC0415 - importing it takes a second

    place = _place(path)
    with _lock:
        place.parent.mkdir(parents=True, exist_ok=True)
        if not _opened[place]:
            _sweep(place)
        # Shared channels outlive their clients: they would go on looking for a server that has ended.
        client = MilvusClient(uri=str(place), dedicated=True)
        _opened[place] += 1
        return client


def close_lite(path: Path, client: Any) -> None:  # noqa: ANN401 - pymilvus has no types
    """Close a client of `open_lite`; the last one of a directory ends its server and lets other processes open it.

    The end waits until everything is on the disk, index files included.
    """
    from milvus_lite.server_manager import (  # type: ignore[import-untyped] # noqa: PLC0415 - not on every system
        server_manager_instance,
    )

    place = _place(path)
    with _lock:
        try:
            client.close()
        finally:
            _opened[place] -= 1
            if not _opened[place]:
                server_manager_instance.release_server(str(place))


def _place(path: Path) -> Path:
    """Return the name that milvus-lite gives its servers: links are not followed, so that it still ends in `.db`."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` follows links, `absolute` keeps `..`


def _sweep(place: Path) -> None:
    """Remove what a kill may have left unfinished, unless somebody has the directory open."""
    import fcntl  # noqa: PLC0415 - not on every system, like milvus-lite

    try:
        lock = (place / "LOCK").open("rb")
    except FileNotFoundError:  # never opened: nothing is there
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        # Written in place and in the background, so any of them may be half a file. They are derived: of an exact index
        # (FLAT) a copy of the vectors, which loading reads anyway and writes again where the copy is absent.
        for path in place.glob("collections/*/partitions/*/indexes/*.idx"):
            path.unlink(missing_ok=True)
        for folder in place.glob("collections/*/"):
            if not folder.is_symlink() and not {path.name for path in folder.iterdir()} - {"schema.json.tmp"}:
                (folder / "schema.json.tmp").unlink(missing_ok=True)
                folder.rmdir()
                _log.info("rag.milvus_lite.unfinished_collection_removed", collection=folder.name)
