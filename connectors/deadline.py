"""A bound on the whole of an HTTP call, where a client library bounds only each wait for bytes.

An answer that drips, a byte within each time-out, would hold a call for ever, and with it a shard or an uploader. The
SDKs of AWS and of OpenSearch have no setting for the whole (nor has urllib3, which both use: urllib3/urllib3#1500 asks
for one), so the connections of their pools are made of a class that looks at the clock before each read and write.
"""

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import structlog
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

log = structlog.get_logger(__name__)

WAITS = 3
"""A request, and then its answer, may each take so many time-outs, whatever comes. Our choice."""
SLOWEST_BYTES_S = 64 * 2**10
"""And longer by what it has moved at this rate, bytes a second: an upload of 64 MiB over a thin line is no fault."""

_Pool = TypeVar("_Pool", bound=type[HTTPConnectionPool])


class Clocked:
    """The time that a request or an answer has left, and how much of it one wait may take: at most `timeout_s`.

    `clock` is in seconds; it must not go back.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._until = clock() + WAITS * timeout_s

    def wait_s(self) -> float:
        """How long the next wait for bytes may take.

        Raises:
            TimeoutError: it has taken too long.
        """
        left = self._until - self._clock()
        if left <= 0:
            msg = f"it took more than {WAITS} times the time-out of {self._timeout_s:g} s"
            raise TimeoutError(msg)
        return min(self._timeout_s, left)

    def moved(self, size: int) -> None:
        """Bytes that were sent or received give it more time."""
        self._until += size / SLOWEST_BYTES_S


class _Reader(io.RawIOBase):
    """What a socket receives, until the call's time is over."""

    def __init__(self, raw: socket.SocketIO, sock: socket.socket, clocked: Clocked) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._clocked = clocked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - a writable buffer, which Python 3.11 cannot name
        self._sock.settimeout(self._clocked.wait_s())
        size = self._raw.readinto(buffer)
        self._clocked.moved(size or 0)
        return size

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Socket:
    """A socket whose answers are read by a `_Reader`; everything else is the socket's own."""

    def __init__(self, sock: socket.socket, clocked: Clocked) -> None:
        self.real = sock
        self._clocked = clocked

    def makefile(self, mode: str, buffering: int = -1) -> io.RawIOBase | io.BufferedReader:
        """As `http.client` and botocore ask for it: to read bytes. Closing it lets go of the socket, as ever."""
        del mode
        reader = _Reader(self.real.makefile("rb", buffering=0), self.real, self._clocked)
        return io.BufferedReader(reader) if buffering else reader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the socket has
        return getattr(self.real, name)


class _Bounded(HTTPConnection):
    """Mixed into the connections of a pool."""

    timeout_s: float
    """Of one wait, seconds."""
    _clocked: Clocked

    def connect(self) -> None:
        self._clocked = Clocked(self.timeout_s)  # also of what is said to a proxy, before there is a request
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as urllib3 has it
        self._clocked = Clocked(self.timeout_s)
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:  # noqa: ANN401 - as http.client has it
        wait_s = self._clocked.wait_s()
        if self.sock is not None:
            self.sock.settimeout(wait_s)
        super().send(data)
        self._clocked.moved(len(data) if isinstance(data, bytes) else 0)

    def getresponse(self) -> Any:  # noqa: ANN401 - urllib3's response, of one kind in each version
        self._clocked = Clocked(self.timeout_s)  # what was sent gives the answer no more time
        with self._reading():
            return super().getresponse()

    def _handle_expect_response(self, message_body: Any) -> None:  # noqa: ANN401 - as botocore has it
        with self._reading():
            super()._handle_expect_response(message_body)  # type: ignore[misc] # botocore's, which alone calls it

    def _consume_headers(self, fp: io.RawIOBase) -> None:
        """Of botocore, which after a `100 Continue` reads lines until an empty one, for ever if the server is gone."""
        while (line := fp.readline()) != b"\r\n":
            if not line:
                msg = "closed after 100 Continue"
                raise ConnectionResetError(msg)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What is read from the socket meanwhile is read by the clock of this call, also after the end of the block."""
        sock = self.sock
        watched = self.sock = cast("socket.socket", _Socket(sock, self._clocked))
        try:
            yield
        finally:
            if self.sock is watched:  # not closed meanwhile
                self.sock = sock


def bounded(pool: _Pool, timeout_s: float) -> _Pool:
    """The same class of pools, whose requests and answers have an end: see `Clocked`.

    A call that takes longer fails as one that waits too long for bytes does.
    """
    connection = type(f"Bounded{pool.ConnectionCls.__name__}", (_Bounded, pool.ConnectionCls), {"timeout_s": timeout_s})
    return cast("_Pool", type(f"Bounded{pool.__name__}", (pool,), {"ConnectionCls": connection}))


def bound_boto(client: Any, timeout_s: float) -> bool:  # noqa: ANN401 - boto3 client
    """Bound the calls of a boto3 client; False, told in the log, if botocore is not made as it was in 1.44."""
    try:
        pools = client._endpoint.http_session._pool_classes_by_scheme  # noqa: SLF001 - there is no public way
        pools.update({scheme: bounded(pool, timeout_s) for scheme, pool in dict(pools).items()})
    except (AttributeError, TypeError) as err:
        log.warning("deadline.off", error=type(err).__name__, effect="an answer that drips is waited for")
        return False
    return True
