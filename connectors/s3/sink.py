"""Objects in S3, exactly once in effect: names are made of data, so that a replay overwrites what it wrote before."""

import threading
from pathlib import Path

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors import metrics
from connectors.s3.config import S3Config
from connectors.s3.uploader import Uploader
from connectors.slots import SLOTS, slot_number
from connectors.spool import Chunk, Commits, Sealed, SpoolPart, claim, file_name


class S3Sink(FixedPartitionedSink[Chunk, list[Sealed]]):
    """Writes chunks of framed records to S3 as zstd-compressed NDJSON.

    Unit of parallelism: one of 64 fixed slots, chosen by shard. Guarantee: nothing committed is lost while the spool's
    volume lives, and after any number of crashes each record is in exactly one object, because an object holds one
    shard and one epoch and is named by its first sequence number. State: the sealed files not yet seen in S3.
    """

    def __init__(self, name: str, config: S3Config, directory: Path, commits: Commits) -> None:
        """`name` labels metrics and the folder below `directory`, which must be on the recovery volume."""
        self._name = name
        self._directory = directory / name
        self._uploader = Uploader(config, name, commits)

    def list_parts(self) -> list[str]:
        """The fixed slots."""
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        """Slot by its own name: the source's slot of a shard is the sink's, so nothing changes worker on the way."""
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: list[Sealed] | None) -> "_S3Partition":
        """Resume one slot: known files go up, unknown ones go."""
        del step_id
        return _S3Partition(self._name, self._directory / for_part, resume_state, self._uploader)


class _S3Partition(StatefulSinkPartition[Chunk, list[Sealed]]):
    def __init__(self, name: str, directory: Path, state: list[Sealed] | None, uploader: Uploader) -> None:
        self._name = name
        claim(directory, None if state is None else [file_name(entry["key"]) for entry in state])
        known = state or []
        self._spool = SpoolPart(directory)
        self._uploader = uploader
        self._lock = threading.Lock()
        self._unconfirmed = {entry["key"]: entry for entry in known}
        for entry in known:
            uploader.submit(self._spool.path(entry), entry, self._confirm, committed=True)

    def write_batch(self, values: list[Chunk]) -> None:
        for chunk in values:
            self._spool.write(chunk)
            metrics.SPOOL_RECORDS.labels(self._name).inc(chunk.records)

    def snapshot(self) -> list[Sealed]:
        for entry in self._spool.seal():
            with self._lock:
                self._unconfirmed[entry["key"]] = entry
            self._uploader.submit(self._spool.path(entry), entry, self._confirm, committed=False)
        with self._lock:
            return list(self._unconfirmed.values())

    def _confirm(self, entry: Sealed) -> None:
        with self._lock:
            self._unconfirmed.pop(entry["key"], None)

    def close(self) -> None:
        self._uploader.drain()
