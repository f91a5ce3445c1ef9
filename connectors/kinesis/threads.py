"""A pool of daemon threads: a read that hangs must not hold up the end of the process.

`concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, and runs what is queued first:
48 hanging shards took 58 s to end (measured), more than the 30 s that a pod is given.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs calls in at most `size` daemon threads, started as they are needed."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a call soon; its result or exception is in the future, unless that is cancelled before it begins."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*args, **kwargs))
            except BaseException as err:  # noqa: BLE001 - it is the caller's, as with any executor
                future.set_exception(err)

        self._calls.put(run)
        with self._lock:
            if self._started < self._size:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            self._calls.get()()
