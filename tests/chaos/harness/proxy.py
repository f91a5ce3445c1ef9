"""A TCP proxy on loopback that misbehaves when told to."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, NamedTuple, Self

from harness.refusal import refuse

_CHUNK = 65_536
_CUT_S = 1.0
_START_S = 5.0


class Fault(NamedTuple):
    """One way to misbehave.

    * `latency`: each answer begins `value` seconds late.
    * `reset`: connections are reset, new ones too.
    * `black_hole`: nothing passes, nothing is closed.
    * `deaf`: half open: requests arrive, answers do not.
    * `cut`: of each answer half arrives; a second later the connection closes.
    * `slow_close`: the server closes what is open, and the client hears of it only `value` seconds later: what it asks
      meanwhile goes nowhere. So does every later close.
    * `status`: each HTTP request is answered with the status `value` and does not arrive.
    """

    kind: str
    value: float = 0.0


_ENDS_CONNECTIONS = frozenset({"reset", "status"})


class Proxy:
    """Passes connections to a port of 127.0.0.1, on a thread of its own. Use it in a `with` block."""

    def __init__(self, upstream: int, usual: Fault | None = None) -> None:
        """`usual` is how it behaves where nothing else was ordered."""
        self.port = 0
        self.passed = 0
        """Answers (pieces of them), counted as they are passed on: grows while the client is being served."""
        self.delayed = 0
        """Answers that were held up by latency."""
        self._upstream = upstream
        self._usual = self._fault = usual
        self._until: asyncio.TimerHandle | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._upstreams: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_S):
            msg = f"the proxy to port {self._upstream} did not start within {_START_S:g} s"
            raise TimeoutError(msg)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        """Address, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def order(self, fault: Fault, seconds: float) -> None:
        """Misbehave for a while; ends what was ordered before. Returns at once."""
        self._loop.call_soon_threadsafe(self._order, fault, seconds)

    def mend(self) -> None:
        """Behave as usual from now on."""
        self._loop.call_soon_threadsafe(self._mend)

    def _order(self, fault: Fault, seconds: float) -> None:
        if self._until is not None:
            self._until.cancel()
        self._fault = fault
        if fault.kind in _ENDS_CONNECTIONS:
            self._reset_all()
        if fault.kind == "slow_close":
            for upstream in list(self._upstreams):
                upstream.close()
        self._until = self._loop.call_later(seconds, self._mend)

    def _mend(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
            self._fault = self._usual
            self._reset_all()

    def _reset_all(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        ends = [writer]
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                if self._fault is not None and self._fault.kind == "reset":
                    _reset(writer)
                elif self._fault is not None and self._fault.kind == "status":
                    await refuse(reader, writer, int(self._fault.value))
                else:
                    answers, requests = await asyncio.open_connection("127.0.0.1", self._upstream)
                    self._writers.add(requests)
                    self._upstreams.add(requests)
                    ends.append(requests)
                    await _first(self._requests(reader, requests), self._answers(answers, writer))
        finally:
            for end in ends:
                self._writers.discard(end)
                self._upstreams.discard(end)
                end.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if writer.is_closing():
                continue
            if self._fault is None or self._fault.kind != "black_hole":
                writer.write(data)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        late = 0.0
        while data := await reader.read(_CHUNK):
            fault = self._fault or Fault("")
            if fault.kind in {"black_hole", "deaf"}:
                continue
            if fault.kind == "latency" and self._loop.time() > late:
                self.delayed += 1
                await asyncio.sleep(fault.value)
                late = self._loop.time() + fault.value / 2  # what follows at once is the same answer
            if fault.kind == "cut":
                writer.write(data[: len(data) // 2])
                await writer.drain()
                await asyncio.sleep(_CUT_S)
                return
            self.passed += 1
            writer.write(data)
            await writer.drain()
        if self._fault is not None and self._fault.kind == "slow_close":
            await asyncio.sleep(self._fault.value)


async def _first(*ways: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
