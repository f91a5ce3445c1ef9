"""The processes of the demo: each in a group of its own, each with its log file, none left behind."""

import atexit
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

TAIL_LINES = 15
_PATIENCE_S = 3.0
"""How long a child may take to end on SIGTERM when nobody waits for its work any more."""
_POLL_S = 0.05


class ChildError(Exception):
    """A process of the demo did not start or died; the message has the end of its log."""


class _Child(NamedTuple):
    process: "subprocess.Popen[bytes]"
    log: Path


class Children:
    """Starts processes and ends them all on the way out, whatever the way is. Used by one thread."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Children run in `directory`, which must exist, with exactly this environment; logs lie there too."""
        self._directory = directory
        self._environment = dict(environment)
        self._children: dict[str, _Child] = {}
        self._asked: set[str] = set()

    def __enter__(self) -> Self:
        atexit.register(self.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        atexit.unregister(self.stop)

    def __contains__(self, name: str) -> bool:
        return name in self._children

    def start(self, name: str, command: Sequence[str], *, extra: Mapping[str, str] | None = None) -> Path:
        """Start one; returns its log file, which holds standard output and error.

        Raises:
            ChildError: the program cannot be run.
        """
        log = self._directory / f"{name}.log"
        # In a session of its own: Ctrl-C in the terminal reaches the demo alone, which ends the children in order.
        with contextlib.ExitStack() as stack:
            out: IO[bytes] = stack.enter_context(log.open("wb"))
            try:
                process = subprocess.Popen(  # noqa: S603 - our own commands
                    list(command),
                    cwd=self._directory,
                    env=self._environment | dict(extra or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as err:
                msg = f"{name} cannot be started: {command[0]!r}: {err.strerror}"
                raise ChildError(msg) from err
        self._children[name] = _Child(process, log)
        return log

    def check(self) -> None:
        """Raise `ChildError` if a process has failed. One that was asked to end, or ended well, has not."""
        for name, child in self._children.items():
            if name not in self._asked and (status := child.process.poll()):
                how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
                msg = f"{name} ended with {how}; the end of its log:\n{self.tail(name)}"
                raise ChildError(msg)

    def status(self, name: str) -> int | None:
        """Exit status of one, negative for a signal; None while it runs."""
        return self._children[name].process.poll()

    def ask_to_end(self, name: str) -> None:
        """Send one SIGTERM; do not wait."""
        self._asked.add(name)
        self._children[name].process.terminate()

    def tail(self, name: str) -> str:
        """The last lines of a log."""
        lines = self._children[name].log.read_text("utf-8", "replace").splitlines()
        return "\n".join(f"  {line[:300]}" for line in lines[-TAIL_LINES:])

    def stop(self) -> None:
        """End all: SIGTERM to each group, then SIGKILL to what is left. Idempotent."""
        groups = [child.process for child in self._children.values()]
        for number, patience in ((signal.SIGTERM, _PATIENCE_S), (signal.SIGKILL, _PATIENCE_S)):
            for process in groups:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, number)
            deadline = time.monotonic() + patience
            while any(map(_alive, groups)) and time.monotonic() < deadline:
                time.sleep(_POLL_S)


def _alive(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the child or anything in its group still runs; reaps the child."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
