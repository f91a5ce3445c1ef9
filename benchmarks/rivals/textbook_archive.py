"""A file for each slot that a flow can resume: Bytewax's own `FileSink` with zstd in it."""

import os
from pathlib import Path

import zstandard
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.slots import SLOTS, slot_number

LEVEL = 1
"""As the page compresses."""


class SlotFiles(FixedPartitionedSink[bytes, int]):
    """Appends lines to one compressed file for each slot. State: its length, to which a resume cuts it back."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is not there."""
        self._folder = folder

    def list_parts(self) -> list[str]:
        """The fixed slots."""
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        """The key is a slot."""
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_SlotFile":
        """Open the file where the last snapshot left it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return _SlotFile(self._folder / f"{for_part}.ndjson.zst", resume_state or 0)


class _SlotFile(StatefulSinkPartition[bytes, int]):
    def __init__(self, path: Path, length: int) -> None:
        self._file = path.open("ab")
        self._file.truncate(length)
        self._length = length
        self._frame: zstandard.ZstdCompressionObj | None = None

    def write_batch(self, values: list[bytes]) -> None:
        if self._frame is None:
            self._frame = zstandard.ZstdCompressor(level=LEVEL).compressobj()
        self._length += self._file.write(self._frame.compress(b"".join(values)))

    def snapshot(self) -> int:
        """The length once the frame is ended and on the disk; a slot without new lines costs nothing."""
        if self._frame is not None:
            self._length += self._file.write(self._frame.flush())
            self._frame = None
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._length

    def close(self) -> None:
        self._file.close()
