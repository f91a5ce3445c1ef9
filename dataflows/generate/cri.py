"""Container log files as containerd writes them: what a Fluent Bit on a node would tail.

Each physical line is `<RFC3339Nano> <stream> <F|P> <text>`; a longer one is cut into `P` parts and a last `F` part, at
a byte, so that a part may begin inside a character.
"""

import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from dataflows.generate.generator import Emitted
from dataflows.generate.services import NAMESPACE, Pod

MAX_PART_BYTES = 16 * 1024
"""containerd's `max_container_log_line_size`: longer lines are split."""

_LINE_NS = 1_300
"""Time from one line of a trace to the next, nanoseconds; a guess."""


def file_name(pod: Pod) -> str:
    """As the kubelet links it in `/var/log/containers`."""
    return f"{pod.name}_{NAMESPACE}_{pod.service.name}-{pod.container_id}.log"


def render(emitted: Emitted) -> bytes:
    """All lines of one entry, each with a final newline."""
    written = []
    for number, line in enumerate(emitted.text.split("\n")):
        head = f"{_rfc3339(emitted.event_us * 1000 + number * _LINE_NS)} {emitted.pod.service.stream} ".encode()
        raw = line.encode()
        parts = [raw[at : at + MAX_PART_BYTES] for at in range(0, len(raw), MAX_PART_BYTES)] or [b""]
        written += [head + b"P " + part + b"\n" for part in parts[:-1]]
        written.append(head + b"F " + parts[-1] + b"\n")
    return b"".join(written)


class CriWriter:
    """Writes entries to one file per pod in a directory; a context manager that closes them.

    Args:
        directory: Made if it is absent.

    Raises:
        FileExistsError: A log of the same pod is there already: the run would be in it twice.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def write(self, emitted: Emitted) -> None:
        """Append one entry to its pod's file; buffered until `flush` or the end of the context."""
        name = file_name(emitted.pod)
        if name not in self._files:
            self._files[name] = self._open(name)
        self._files[name].write(render(emitted))

    def flush(self) -> None:
        """Make everything written visible to readers."""
        for file in self._files.values():
            file.flush()

    def _open(self, name: str) -> BinaryIO:
        try:
            return (self._directory / name).open("xb")
        except FileExistsError as err:
            message = f"{str(self._directory)!r} already holds the log {name!r}: give an empty directory"
            raise FileExistsError(message) from err


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"
