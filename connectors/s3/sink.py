"""Objects in S3, exactly once in effect: names are made of data, so that a replay overwrites what it wrote before."""

import threading
from collections.abc import Callable
from pathlib import Path

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors import metrics
from connectors.s3.config import S3Config
from connectors.s3.uploader import Uploader
from connectors.slots import SLOTS, slot_number
from connectors.spool import Chunk, Commits, Pressure, Sealed, SpoolPart, claim, file_name

Written = Callable[[list[Chunk]], None]
"""Told of chunks once they are in the spool, by the worker that wrote them: they are durable with the commit."""


def unheard(chunks: list[Chunk]) -> None:
    """Nobody keeps books."""
    del chunks


class S3Sink(FixedPartitionedSink[Chunk, list[Sealed]]):
    """Writes chunks of framed records to S3 as compressed NDJSON.

    Unit of parallelism: one of 64 fixed slots, chosen by shard. Guarantee: nothing committed is lost while the spool's
    volume lives, and after any number of crashes each record is in exactly one object, because an object holds one
    shard, one arrival window and one epoch and is named by its first sequence number. State: the sealed files not yet
    seen in S3. A disk that refuses ends the process with `SpoolError`, uncommitted; the source asks `pressure` so that
    it does not come to that.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a sink
        self,
        name: str,
        config: S3Config,
        directory: Path,
        commits: Commits,
        pressure: Pressure | None = None,
        written: Written = unheard,
    ) -> None:
        """`name` labels metrics and the folder below `directory`, which must be on the recovery volume."""
        self._name = name
        self._config = config
        self._directory = directory / name
        self._pressure = pressure or Pressure(directory)
        self._written = written
        self._uploader = Uploader(config, name, commits, self._pressure)

    def list_parts(self) -> list[str]:
        """The fixed slots."""
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        """Slot by its own name: the source's slot of a shard is the sink's, so nothing changes worker on the way."""
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: list[Sealed] | None) -> "_S3Partition":
        """Resume one slot: known files go up, unknown ones go."""
        del step_id
        directory = self._directory / for_part
        claim(directory, None if resume_state is None else [file_name(entry["key"]) for entry in resume_state])
        self._pressure.grew(sum(path.stat().st_size for path in directory.iterdir()))
        spool = SpoolPart(directory, self._config.compression, self._pressure)
        return _S3Partition(self._name, spool, resume_state or [], self._uploader, self._written)


class _S3Partition(StatefulSinkPartition[Chunk, list[Sealed]]):
    def __init__(self, name: str, spool: SpoolPart, known: list[Sealed], uploader: Uploader, written: Written) -> None:
        self._name = name
        self._spool = spool
        self._uploader = uploader
        self._written = written
        self._lock = threading.Lock()
        self._unconfirmed = {entry["key"]: entry for entry in known}
        for entry in known:
            uploader.submit(self._spool.path(entry), entry, self._confirm, committed=True)

    def write_batch(self, values: list[Chunk]) -> None:
        for chunk in values:
            self._spool.write(chunk)
            metrics.SPOOL_RECORDS.labels(self._name).inc(chunk.records)
        self._written(values)

    def snapshot(self) -> list[Sealed]:
        for entry in self._spool.seal():
            entry["place"] = self._uploader.place
            with self._lock:
                self._unconfirmed[entry["key"]] = entry
            self._uploader.submit(self._spool.path(entry), entry, self._confirm, committed=False)
        with self._lock:
            return list(self._unconfirmed.values())

    def _confirm(self, entry: Sealed) -> None:
        with self._lock:
            self._unconfirmed.pop(entry["key"], None)

    def close(self) -> None:
        self._spool.abandon()  # sealed by the last snapshot, unless the process ends by an error
        self._uploader.drain()
