"""The real page in one or two processes, started and ended at will."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from bytewax.recovery import init_db_dir

from dataflows.demo.place import clean, free_port
from harness.scenario import Layout

PARTITIONS = 2
"""Of the recovery store: one for each process there may be."""
_STOP_S = 40.0
_DYING_S = 10.0
"""How long a process may take to end after a write that failed: sinks wait two seconds for their threads."""
_ALONE_S = 15.0
"""How long a process lives on, at most, after the other one of a cluster is gone (Bytewax takes five seconds)."""


class PageError(Exception):
    """The page did not do what it should; the message has the end of its log."""


class Page:
    """One deployment: a folder with recovery store, state and logs. Used by one thread."""

    def __init__(self, folder: Path, epoch_s: int, settings: dict[str, str]) -> None:
        self._folder = folder
        self._epoch_s = epoch_s
        self._env = {**clean(os.environ), **settings, "CALI_STATE__DIR": str(folder / "state")}
        self._running: list[subprocess.Popen[bytes]] = []
        self._readers: list[threading.Thread] = []
        self.starts = 0
        recovery = folder / "recovery"
        recovery.mkdir()
        init_db_dir(recovery, PARTITIONS)  # type: ignore[no-untyped-call] # as Bytewax ships it

    @property
    def folder(self) -> Path:
        """Where everything is."""
        return self._folder

    def start(self, layout: Layout) -> None:
        """Run `python -m bytewax.run` as often as the layout says."""
        self.starts += 1
        hosts = ";".join(f"127.0.0.1:{free_port()}" for _ in range(layout.processes))
        for number in range(layout.processes):
            work = self._folder / f"work-{number}"
            work.mkdir(exist_ok=True)
            cluster = ["-i", str(number), "-a", hosts] if layout.processes > 1 else []
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "bytewax.run", "dataflows.log_intelligence"),
                    *("-r", str(self._folder / "recovery"), "-s", str(self._epoch_s), "-b", "0"),
                    *("-w", str(layout.workers), *cluster),
                ],
                env=self._env,
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # a full disk is no reason for a log line to fail
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.append(process)
            self._keep_log(process, number)

    def check(self) -> None:
        """Raise PageError if a process has ended by itself."""
        for process in self._running:
            if (status := process.poll()) is not None:
                self._join()
                msg = f"start {self.starts} ended by itself with status {status}:\n{self.tail()}"
                raise PageError(msg)

    @property
    def ended(self) -> bool:
        """Whether any process has ended."""
        return any(process.poll() is not None for process in self._running)

    def kill(self, *, together: bool = False) -> None:
        """SIGKILL. Of two processes one dies so, and the other must notice by itself; or both die.

        While they are still connecting none would notice: it waits for the other to come back.
        """
        for process in self._running if together else self._running[:1]:
            process.kill()
        self._gone(_ALONE_S, "SIGKILL of the other process")

    def stop(self) -> None:
        """SIGTERM to every process. Raises PageError unless all end with 0 in time."""
        for process in self._running:
            process.terminate()
        statuses = self._gone(_STOP_S, "SIGTERM")
        if any(statuses):
            msg = f"SIGTERM ended start {self.starts} with {statuses} and not with 0:\n{self.tail()}"
            raise PageError(msg)

    def wait(self) -> list[int]:
        """Until every process has ended by itself: the exit statuses. Raises PageError if one lives on."""
        return self._gone(_STOP_S, "nothing at all")

    def fill_disk(self, file_bytes: int, seconds: float) -> bool:
        """Let every write beyond so many bytes of any file fail for a while; whether the page died of it.

        A limit on the size of files stands in for a full volume: it needs no rights and no mount, and takes a part of
        a write first, as a disk does. (Linux only: elsewhere nothing happens.)
        """
        limit = getattr(resource, "prlimit", None)
        if limit is None:
            return False
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                limit(process.pid, resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
        self._look(seconds)
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                limit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self._look(_DYING_S)
        if died := self.ended:
            self._gone(_ALONE_S, "the full disk ended the other process")
        return died

    def _look(self, seconds: float) -> None:
        """Until a process has ended or the time is over."""
        deadline = time.monotonic() + seconds
        while not self.ended and time.monotonic() < deadline:
            time.sleep(0.05)

    def end(self) -> None:
        """Kill what is left."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._join()

    def tail(self, size: int = 1_500) -> str:
        """The end of each log of the last start."""
        logs = sorted(self._folder.glob(f"log-{self.starts}-*.txt"))
        return "\n".join(f"[{log.name}] ...{log.read_text('utf-8', 'replace')[-size:]}" for log in logs)

    def _gone(self, seconds: float, after: str) -> list[int]:
        deadline = time.monotonic() + seconds
        statuses = []
        for process in self._running:
            try:
                statuses.append(process.wait(max(0.1, deadline - time.monotonic())))
            except subprocess.TimeoutExpired as err:
                msg = f"start {self.starts} still runs {seconds:g} s after {after}:\n{self.tail()}"
                raise PageError(msg) from err
        self._join()
        return statuses

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(1.0)
        if not any(process.poll() is None for process in self._running):
            self._running, self._readers = [], []

    def _keep_log(self, process: "subprocess.Popen[bytes]", number: int) -> None:
        path = self._folder / f"log-{self.starts}-{number}.txt"
        assert process.stdout is not None
        reader = threading.Thread(target=_copy, args=(process.stdout, path), name="log", daemon=True)
        reader.start()
        self._readers.append(reader)


def _copy(source: IO[bytes], path: Path) -> None:
    with source, path.open("wb", buffering=0) as log:
        while data := source.read1(65_536):  # type: ignore[attr-defined] # typeshed names no buffered reader
            log.write(data)
