"""Documents that memory has no room for, in files that the snapshot names."""

import base64
import json
import os
from pathlib import Path
from typing import IO

from connectors.opensearch.client import Doc
from connectors.spool import Share, claim, sync_directory

MAX_FILE_BYTES = 8_000_000
"""A spool file is read back whole, so it is cut at about this size, bytes."""


_LINE_BYTES = 200
"""What index, id and quotes take of a line, about."""


class Spill:
    """The spool files of one slot, oldest first. Not thread-safe: its partition locks.

    A file is written in one epoch, synced in that epoch's snapshot, read back only after that, and removed when its
    last document is settled. Files that the resumed state does not know: see `connectors.spool.claim`. The bytes of all
    files count in `share`, which says when there is no room for more.
    """

    def __init__(self, directory: Path, state: list[str] | None, share: Share) -> None:
        claim(directory, state)
        known = state or []
        self._directory = directory
        self._sealed = [name for name in known if (directory / name).exists()]
        self._share = share
        self._sizes = {name: (directory / name).stat().st_size for name in self._sealed}
        share.grew(sum(self._sizes.values()))
        self._unsettled: dict[str, int] = {}
        self._written: list[str] = []
        self._unsealed_bytes = 0
        self._file: IO[bytes] | None = None
        self._count = max((int(name.split(".")[0]) for name in known), default=0)

    @property
    def empty(self) -> bool:
        """True if nothing is spilled, so that documents may go the short way again."""
        return not (self._sealed or self._written)

    @property
    def recallable_bytes(self) -> int | None:
        """Size of what `recall` would give; None if files of earlier epochs must go first, or if there is nothing."""
        return self._unsealed_bytes if self._written and not self._sealed else None

    def recall(self) -> list[Doc]:
        """Take back what was written in this epoch, while no snapshot speaks of it."""
        self._close()
        docs = [doc for name in self._written for doc in self._docs(name)]
        for name in self._written:
            self._remove(name)
        self._written, self._unsealed_bytes = [], 0
        return docs

    def has_room(self, docs: list[Doc]) -> bool:
        """Whether these may be written."""
        return self._share.has_room(sum(len(doc.body) * 4 // 3 + _LINE_BYTES for doc in docs))

    def write(self, docs: list[Doc]) -> None:
        """Append documents; durable after the next `seal`."""
        self._unsealed_bytes += sum(len(doc.body) for doc in docs)
        if self._file is None or self._file.tell() > MAX_FILE_BYTES:
            self._close()
            self._count += 1
            name = f"{self._count:08d}.ndjson"
            descriptor = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "wb")
            self._written.append(name)
            self._sizes[name] = 0
        written = 0
        for doc in docs:
            line = {"index": doc.index_name, "id": doc.id, "body": base64.b64encode(doc.body).decode()}
            written += self._file.write(json.dumps(line).encode() + b"\n")
        self._sizes[self._written[-1]] += written
        self._share.grew(written)

    def seal(self) -> list[str]:
        """Sync what was written in this epoch; returns the names of all files that still hold documents."""
        self._close()
        if self._written:
            sync_directory(self._directory)
        self._sealed += self._written
        self._written, self._unsealed_bytes = [], 0
        return list(self._sealed)

    def _close(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def read(self) -> tuple[str, list[Doc]]:
        """The oldest sealed file that is not being sent, with its documents; empty if there is none."""
        for name in self._sealed:
            if name in self._unsettled:
                return "", []  # one file at a time: order within a slot
            docs = self._docs(name)
            self._unsettled[name] = len(docs)
            return name, docs
        return "", []

    def _docs(self, name: str) -> list[Doc]:
        with (self._directory / name).open("rb") as file:
            rows = [json.loads(line) for line in file]
        return [Doc(row["index"], row["id"], base64.b64decode(row["body"])) for row in rows]

    def settle(self, name: str) -> None:
        """Count one document of a file as done; the last one removes the file."""
        self._unsettled[name] -= 1
        if not self._unsettled[name]:
            del self._unsettled[name]
            self._sealed.remove(name)
            self._remove(name)

    def _remove(self, name: str) -> None:
        (self._directory / name).unlink(missing_ok=True)
        self._share.grew(-self._sizes.pop(name))
