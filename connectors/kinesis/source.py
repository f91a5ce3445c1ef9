"""The source: 64 fixed slots that adopt shards as they appear and read them ahead."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors import metrics
from connectors.kinesis.budget import Budget
from connectors.kinesis.client import KinesisClient
from connectors.kinesis.config import KinesisConfig
from connectors.kinesis.reader import ShardReader, Shared, lost
from connectors.kinesis.records import RecordBatch
from connectors.kinesis.shards import HORIZON, Shard, SlotState, new_shard, slot_of_shard
from connectors.kinesis.threads import Threads
from connectors.kinesis.topology import Topology
from connectors.slots import SLOTS
from connectors.spool import Commits

log = structlog.get_logger(__name__)

PREFETCH_THREADS = 16
"""Reads in flight at once: 16 at 100 ms each is 160 a second, what 32 busy shards may ask for."""
_IDLE_S = 1.0
"""How often a slot without shards looks at the list."""
_UNLISTED_S = 0.05
"""How often it looks before the first list has come: the first record must not wait for a second look."""
_FULL_S = 0.2
"""How often a slot asks whether there is room again."""
_UNLISTED_LISTS = 2
"""A finished shard is forgotten after this many lists without it: one list may be inconsistent."""


def never() -> bool:
    """Nothing is ever full."""
    return False


def _unheard(batches: list[RecordBatch]) -> None:
    """Nobody keeps books."""
    del batches


def _unseen() -> None:
    """Nobody waits for reads."""


class Watch(NamedTuple):
    """Who is told what the source does, by the worker that does it; both are cheap and never raise."""

    read: Callable[[], None] = _unseen
    """Kinesis has answered a read, perhaps with nothing."""
    emitted: Callable[[list[RecordBatch]], None] = _unheard
    """These batches are about to enter the dataflow."""


_NOBODY = Watch()


class KinesisSource(FixedPartitionedSource[RecordBatch, SlotState]):
    """Reads a Kinesis Data Stream and follows its reshards without a restart.

    Unit of parallelism: one of 64 fixed slots; a slot owns the shards whose ordinal modulo 64 is its number.
    Guarantee: at least once; with recovery, a record is emitted again only if its epoch was not committed. A record,
    aggregated or not, is emitted whole, so a resume never starts inside one.
    Order: per partition key, across reshards, within one process (see `Topology` for several).
    State: per shard the last EMITTED sequence number (see `SlotState`), never what is only fetched.
    Loss is never silent: a position that expired is a metric, a log event and a `Loss` on the next batch.
    """

    def __init__(
        self,
        config: KinesisConfig,
        commits: Commits,
        stopping: Callable[[], bool],
        full: Callable[[], bool] = never,
        watch: Watch = _NOBODY,
    ) -> None:
        """`stopping` turns true when the process should drain: then every part ends after its last emitted batch.

        While `full` is true nothing is emitted: what was read ahead waits, and Kinesis keeps the rest.
        """
        self._config = config
        self._commits = commits
        self._stopping = stopping
        self._full = full
        self._watch = watch
        self._shared: Shared | None = None
        self._connecting = threading.Lock()

    def list_parts(self) -> list[str]:
        """The fixed slots."""
        return list(SLOTS)

    def build_part(self, step_id: str, for_part: str, resume_state: SlotState | None) -> "_SlotPartition":
        """Resume one slot. The first call makes the client, the thread pool and the shard list of this process."""
        del step_id
        with self._connecting:  # workers of one process build their parts at once, and must share one topology
            shared = self._shared = self._shared or _connect(self._config)
        state = resume_state or SlotState(start=first_start(self._config), listed=False, shards={})
        return _SlotPartition(for_part, state, shared, self._commits, self._stopping, self._full, self._watch)


def _connect(config: KinesisConfig) -> Shared:
    client = KinesisClient(config)
    topology = Topology(client, config.refresh_s, config.parent_wait_s)
    topology.listed()  # a thread asks while the other parts are built
    return Shared(
        client=client,
        config=config,
        topology=topology,
        pool=Threads(PREFETCH_THREADS, "kinesis-read"),
        budget=Budget(config.prefetch_bytes),
    )


def first_start(config: KinesisConfig) -> tuple[str, float]:
    """Start position of a stream without state. LATEST is frozen to now: a crash must not move it.

    Kinesis refuses a time that its clock has not reached; the reader tries again until it has.
    """
    if config.start == "LATEST":
        return ("AT_TIMESTAMP", time.time())
    if config.start == "AT_TIMESTAMP" and config.start_timestamp is not None:
        return ("AT_TIMESTAMP", config.start_timestamp.timestamp())
    return (HORIZON, 0.0)


class _SlotPartition(StatefulSourcePartition[RecordBatch, SlotState]):
    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a partition
        self,
        slot: str,
        state: SlotState,
        shared: Shared,
        commits: Commits,
        stopping: Callable[[], bool],
        full: Callable[[], bool],
        watch: Watch,
    ) -> None:
        self._slot = slot
        self._start = state["start"]
        self._listed = state["listed"]
        self._shards = {shard_id: shard.copy() for shard_id, shard in state["shards"].items()}
        self._shared = shared
        self._commits = commits
        self._stopping = stopping
        self._full = full
        self._watch = watch
        self._closed_epoch = False
        self._adopted = 0
        self._told: list[RecordBatch] = []
        self._missing: dict[str, tuple[int, int]] = {}
        self._readers: dict[str, ShardReader] = {}
        shared.topology.own(slot)
        for shard_id, shard in self._shards.items():
            if not shard["done"] and shard["seq"] not in {None, HORIZON}:
                self._open(shard_id)  # it has begun, so its parents had ended
        self._publish()

    def next_batch(self) -> list[RecordBatch]:
        if self._closed_epoch:
            self._closed_epoch = False
            self._commits.advance()
        if self._stopping():
            raise StopIteration
        self._adopt()
        if self._full():
            return []
        told, self._told = self._told, []
        told += [batch for reader in list(self._readers.values()) if (batch := self._take(reader)) is not None]
        if told:
            self._watch.emitted(told)
        return told

    def _take(self, reader: ShardReader) -> RecordBatch | None:
        """What a reader has, with its progress noted."""
        page = reader.poll()
        losses = reader.losses()
        shard = self._shards[reader.shard_id]
        if reader.seen != shard["seen"]:  # every answer moves it
            self._watch.read()
        shard.update(seq=reader.position, seen=reader.seen)  # type: ignore[call-arg] # a TypedDict is a dict
        if page is not None:
            shard.update(behind=page.behind_ms, arrival=page.arrivals[-1])  # type: ignore[call-arg] # as above
        if reader.ended:
            shard["done"] = True
            del self._readers[reader.shard_id]
            with contextlib.suppress(KeyError):
                metrics.KINESIS_BEHIND.remove(reader.shard_id)
            self._shared.topology.force()
            log.info("kinesis.shard_finished", shard=reader.shard_id, slot=self._slot)
        if page is None and not losses:
            return None
        sequences, data, arrivals = (page.sequences, page.data, page.arrivals) if page is not None else ([], [], [])
        metrics.KINESIS_RECORDS.inc(len(sequences))
        metrics.KINESIS_BYTES.inc(sum(map(len, data)))
        stream = self._shared.config.stream
        return RecordBatch(self._slot, stream, reader.shard_id, sequences, data, arrivals, losses)

    def _adopt(self) -> None:
        """Note shards of this slot that are new, and open those that have no parents to wait for.

        Shards of the first list take the start position; what appears later is a child, and nobody has read it.
        """
        version, listed = self._shared.topology.listed()
        if version == self._adopted:  # 0: no list has come yet
            return
        self._adopted = version
        for shard_id, shard in listed.items():
            if shard_id in self._shards:
                self._check_identity(shard)
            if shard_id not in self._shards and slot_of_shard(shard_id) == self._slot:
                child = self._listed
                self._shards[shard_id] = new_shard(
                    HORIZON if child else None, time.time() if child else 0.0, shard.starts
                )
                if not shard.parents or not any(parent in listed for parent in shard.parents):
                    self._open_if_admitted(shard)
        self._listed = True

    def _check_identity(self, shard: Shard) -> None:
        """A stream that was deleted and made again has the same shard ids: what is known of them is another shard's.

        A shard keeps its first number, and begins before every record in it. One with another first number, which
        lies after the position, is not the one that was read. The position alone would not do: an emulator lists a
        merged shard with its parent's first number, and gives it lower ones when both were made in one second.
        Without a position the first number tells, of a finished shard only: one that is open is read from its start
        anyhow, and an emulator numbers an empty shard anew at its first record.
        """
        known = self._shards[shard.shard_id]
        position = known["seq"] or ""
        if shard.starts == known["starts"]:
            return
        before = known["starts"] if known["done"] and not position.isdecimal() else position
        if not (before.isdecimal() and shard.starts.isdecimal() and int(shard.starts) > int(before)):
            return
        if (reader := self._readers.pop(shard.shard_id, None)) is not None:
            reader.close()
        loss = lost(shard.shard_id, position, known["arrival"], "made_anew", "the stream was deleted and made anew")
        self._told.append(RecordBatch(self._slot, self._shared.config.stream, shard.shard_id, [], [], [], (loss,)))
        self._shards[shard.shard_id] = new_shard(HORIZON, time.time(), shard.starts)
        self._shared.topology.forget(shard.shard_id)
        self._open_if_admitted(shard)

    def _open_if_admitted(self, shard: Shard) -> None:
        known = self._shards[shard.shard_id]
        if not known["done"] and shard.shard_id not in self._readers and self._shared.topology.admits(shard):
            self._open(shard.shard_id)

    def _open(self, shard_id: str) -> None:
        log.info("kinesis.shard_opened", shard=shard_id, slot=self._slot, after=self._shards[shard_id]["seq"])
        self._readers[shard_id] = ShardReader(shard_id, self._start, self._shards[shard_id], self._shared)

    def next_awake(self) -> datetime:
        now = time.monotonic()
        if self._full():
            return datetime.now(UTC) + timedelta(seconds=_FULL_S)
        look = now + (_IDLE_S if self._adopted else _UNLISTED_S)
        due = min((reader.due for reader in self._readers.values()), default=look)
        return datetime.now(UTC) + timedelta(seconds=max(due - now, 0.002))

    def snapshot(self) -> SlotState:
        """The committed position; afterwards children whose parents were published may start, in the next epoch."""
        self._closed_epoch = True
        self._publish()
        version, listed = self._shared.topology.listed()
        gone = self._unlisted(version, listed)
        for shard_id in [shard_id for shard_id in gone if self._shards[shard_id]["done"]]:
            del self._shards[shard_id], self._missing[shard_id]
            self._shared.topology.forget(shard_id)
        state = SlotState(start=self._start, listed=self._listed, shards={k: v.copy() for k, v in self._shards.items()})
        for shard_id in self._shards:
            if shard_id in listed:
                self._open_if_admitted(listed[shard_id])
            elif shard_id in gone:  # never begun and expired meanwhile: reading it tells the loss
                self._open_if_admitted(Shard(shard_id, ()))
        return state

    def _publish(self) -> None:
        done = [shard_id for shard_id, shard in self._shards.items() if shard["done"]]
        opened = [shard_id for shard_id, shard in self._shards.items() if not shard["done"]]
        waiting = len(opened) - len(self._readers)
        self._shared.topology.publish(self._slot, done, opened, waiting)

    def _unlisted(self, version: int, listed: dict[str, Shard]) -> list[str]:
        """Shards of this slot that two different lists no longer name: their records have expired."""
        for shard_id in self._shards:
            if not version or shard_id in listed or shard_id in self._readers:
                self._missing.pop(shard_id, None)
                continue
            seen, misses = self._missing.get(shard_id, (0, 0))
            self._missing[shard_id] = (version, misses + (version > seen))
        return [shard_id for shard_id, (_, misses) in self._missing.items() if misses >= _UNLISTED_LISTS]

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers = {}
