"""Generated logs into the stream at a steady rate, and the truth about each, to compare with afterwards."""

import gzip
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from connectors.errors import ConnectorError
from connectors.kinesis import KinesisConfig, Producer
from dataflows.generate import wire
from dataflows.generate.generator import Emitted, LogGenerator
from dataflows.generate.script import Storms

MALFORMED: tuple[bytes, ...] = (
    b"",
    b'{"level":"ERROR","service":"payment","log_content":"cut off in the mid',
    gzip.compress(b'{"level":"ERROR","log":"the end of this is missing"}' * 20, mtime=0)[:-12],
    b"\x89PNG\r\x1a\x00\x00\x00\rIHDR\xff\xfe",
    b'["not", "an", "object"]\n',
)
"""What must end in the dead letters: empty, cut-off JSON, truncated gzip, binary, a JSON array."""

_MALFORMED_ROUNDS = 2
_TICK_S = 0.2
_AT_ONCE = 500
_STOP_S = 5.0
_STORM_FROM, _STORM_SHARE = 0.6, 0.08
"""Where in the run the storm begins, and how much of the run it is."""
_ALARMING = frozenset({"WARN", "ERROR", "FATAL"})


def digest(raw: bytes) -> bytes:
    """Identity of a record's bytes."""
    return blake2b(raw, digest_size=16).digest()


class Said(NamedTuple):
    """The truth about one alarming record."""

    source: str
    """Id of the statement that logged it: a fault's, or `noise/...`."""
    is_fault: bool
    event_ts: float


@dataclass
class Truth:
    """What was put. Read it when the feed has ended."""

    records: Counter[bytes] = field(default_factory=Counter)
    """How often each record was put, by digest."""
    alarming: dict[bytes, Said] = field(default_factory=dict)
    malformed: int = 0
    planted: set[str] = field(default_factory=set)

    @property
    def put(self) -> int:
        """Records put."""
        return self.records.total()

    def faults(self) -> set[str]:
        """Ids of the faults that were injected."""
        return {said.source for said in self.alarming.values() if said.is_fault}


class Feeder:
    """A thread that puts `seconds * rate` generated records and a few malformed ones, evenly in time."""

    def __init__(self, config: KinesisConfig, seconds: float, rate: float, seed: int) -> None:
        self._generated = max(1, round(seconds * rate))
        self._bad = {
            round((n + 0.5) * self._generated / (len(MALFORMED) * _MALFORMED_ROUNDS)): MALFORMED[n % len(MALFORMED)]
            for n in range(min(len(MALFORMED) * _MALFORMED_ROUNDS, self._generated))
        }
        self.total = self._generated + len(self._bad)
        self.truth = Truth()
        self.put = 0
        self.error: str | None = None
        self._config = config
        self._rate = rate
        self._seed = seed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin now: the first record happens now."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether everything is put, or putting has failed (`error`)."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End early and wait for the call in flight, some seconds at most: the thread dies with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            self._pace(Producer(self._config), time.time())
        except (ConnectorError, OSError) as err:
            self.error = str(err)

    def _pace(self, producer: Producer, begun: float) -> None:
        """Put each record when its time has come, in calls of about a tick's worth."""
        batch: list[bytes] = []
        for at, raw in self._records(begun):
            early = at > time.time() - begun
            if early or len(batch) == _AT_ONCE:
                self._send(producer, batch)
                batch = []
            while early and at > time.time() - begun and not self._stop.wait(_TICK_S):
                pass
            if self._stop.is_set():
                return
            batch.append(raw)
        self._send(producer, batch)

    def _send(self, producer: Producer, batch: list[bytes]) -> None:
        producer.put(batch)
        self.truth.records.update(map(digest, batch))
        self.put += len(batch)

    def _records(self, start_ts: float) -> Iterator[tuple[float, bytes]]:
        """Each record with its time since the start, seconds."""
        size = max(1, round(self._generated * _STORM_SHARE))
        storms = Storms(first=round(self._generated * _STORM_FROM), every=self._generated + size, size=size)
        generator = LogGenerator(seed=self._seed, rate=self._rate, start_ts=start_ts, storms=storms)
        for index in range(self._generated):
            if index in self._bad:
                self.truth.malformed += 1
                yield index / self._rate, self._bad[index]
            yield index / self._rate, self._remember(next(generator))

    def _remember(self, emitted: Emitted) -> bytes:
        raw = wire.render(emitted)
        self.truth.planted.update(emitted.planted)
        if emitted.level in _ALARMING:
            self.truth.alarming[digest(raw)] = Said(emitted.source, emitted.truth is not None, emitted.event_ts)
        return raw
