"""Was this piece sent before? Fluent Bit sends a whole chunk again after Kinesis took a part of it.

Both copies are made from the same stored chunk by the same code (`process_event` in Fluent Bit's
`out_kinesis_streams`): the JSON text of the record with the record's own time appended. So every byte of the piece is
equal. What differs is around it: partition key (random, so the copy is mostly in another shard), sequence number,
arrival time, place in a compressed or joined Kinesis record, and the line end there.
"""

import re
import threading
from array import array
from hashlib import blake2b
from typing import Final

GENERATION_S: Final = 600.0
"""Seconds of arrival time in one generation. With `retry_limit` 10 and pauses of at most 60 s, as CALI ships
Fluent Bit, the last copy comes within ten minutes."""

MAX_PIECES: Final = 100_000
"""Pieces in one generation; two of them take 23 MB (measured, CPython 3.11). A full generation ends early."""

FLUSH_S: Final = 1.0
"""Two true lines of one millisecond are in one flush (1 s); a chunk is sent again after 2 s at the earliest."""

_OWN_TIME = re.compile(rb'"(?:time|@?timestamp|ts)":\s?"[^"]{0,32}:\d\d[.,](?P<fraction>\d{3,9})')
"""A time of the record itself, at least in milliseconds. Inside a string the quotes would be escaped."""
_MICROSECONDS = 6

State = tuple[int, float, bytes, bytes]
"""Version, start of the young generation, and both generations: all digests, then all arrivals, 16 bytes a piece."""
_VERSION = 1


class Resent:
    """Remembers pieces by content for one to two generations. Threads may share it; time is Kinesis' arrival time.

    A piece is a copy if an equal one arrived at another time and it is out of the question that a pod logged the same
    twice. So it must carry its own time:

    * in microseconds or finer, as container runtimes write it (`time`): no runtime stamps two lines alike;
    * in milliseconds: only if the arrivals are `FLUSH_S` or more apart. Twins, such as one line of fifty threads in one
      millisecond, are neighbours in one chunk and arrive together;
    * coarser, or none: never a copy. `{"log":"ERROR: down"}` every five seconds is true every time.

    What errs, errs towards counting twice: a copy that arrived within a second, of a record in milliseconds; a copy
    later than the memory reaches; a copy read by another process; a copy across a restart without `state`. The one
    error the other way: twins in milliseconds that fall into two flushes, about 1 pair in 1,000. A false match of two
    different pieces has a chance of 1 in 10^14 a piece (64 bits, 200,000 remembered).

    The same record read again, after a resume or in a replay, has the arrival it had: it is never its own copy. So a
    state that is ahead of what is committed loses nothing.
    """

    def __init__(self, generation_s: float = GENERATION_S, max_pieces: int = MAX_PIECES) -> None:
        self._generation_s = generation_s
        self._max_pieces = max_pieces
        self._start = 0.0
        self._young: dict[int, float] = {}
        self._old: dict[int, float] = {}
        self._lock = threading.Lock()
        self.cut_short = 0
        """Generations that ended early because they were full: memory reaches less far back than it should."""

    def is_copy(self, piece: bytes, arrival_ts: float) -> bool:
        """Tell whether a piece was seen already, and remember it. `arrival_ts` in seconds since the epoch."""
        digits = _digits(piece)
        if not digits:
            return False
        apart_s = 0.0 if digits >= _MICROSECONDS else FLUSH_S
        digest = int.from_bytes(blake2b(piece.strip(), digest_size=8).digest())
        with self._lock:
            self._turn(arrival_ts)
            first = self._young.get(digest)
            if first is None:
                first = self._old.get(digest, arrival_ts)
                self._young[digest] = first  # a third copy may come a generation later
        return first != arrival_ts and abs(arrival_ts - first) >= apart_s

    def _turn(self, arrival_ts: float) -> None:
        """Begin a generation if the young one is over or full. Arrivals of several shards may go back in time."""
        age = arrival_ts - self._start
        if age >= 2 * self._generation_s:
            self._young, self._old, self._start = {}, {}, arrival_ts
        elif age >= self._generation_s or len(self._young) >= self._max_pieces:
            self.cut_short += age < self._generation_s
            self._young, self._old, self._start = {}, self._young, arrival_ts

    def state(self) -> State:
        """What is remembered, as plain values; at most 3.2 MB."""
        with self._lock:
            return _VERSION, self._start, _packed(self._young), _packed(self._old)

    def resume(self, state: State) -> None:
        """Take up what `state` gave.

        Raises:
            ValueError: the state is of another version or damaged; go on without it.
        """
        version, start, young, old = state
        if version != _VERSION:
            msg = f"state of version {version!r} where {_VERSION} is known: leave it out"
            raise ValueError(msg)
        with self._lock:
            self._start, self._young, self._old = start, _unpacked(young), _unpacked(old)


def _digits(piece: bytes) -> int:
    """Digits of the finest fraction of a second that a piece carries, up to `_MICROSECONDS`; 0: none."""
    digits = 0
    for found in _OWN_TIME.finditer(piece):
        digits = max(digits, len(found["fraction"]))
        if digits >= _MICROSECONDS:
            break
    return digits


def _packed(generation: dict[int, float]) -> bytes:
    return array("Q", generation.keys()).tobytes() + array("d", generation.values()).tobytes()


def _unpacked(packed: bytes) -> dict[int, float]:
    half, rest = divmod(len(packed), 2)
    digests, arrivals = array("Q"), array("d")
    if rest or half % digests.itemsize:
        msg = f"state of {len(packed)} bytes, which is no multiple of 16: it is damaged, leave it out"
        raise ValueError(msg)
    digests.frombytes(packed[:half])
    arrivals.frombytes(packed[half:])
    return dict(zip(digests, arrivals, strict=True))
