"""The flow that Bytewax's own documentation teaches, doing the page's work: one item at a time, public operators only.

`op.map` to a pydantic model, `op.filter`, `op.key_on`, `fold_window` over an `EventClock` and ten-minute tumbling
windows, and a sink of its own for the raw records:
https://docs.bytewax.io/stable/tutorials/ and https://docs.bytewax.io/stable/guide/concepts/windowing.html

What it may have of ours: the fingerprint, so that both count the same faults, and level words for logs that are plain
text. What it leaves out, in its favour: unpacking, dead letters, redaction, copies that were sent twice, alerts, books,
recovery, and the frame of a line in the archive.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import zstandard
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from pydantic import BaseModel, ConfigDict, Field

from dataflows.domain.fingerprint import Fingerprinter
from dataflows.domain.levels import infer

ALARMING = frozenset({"WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"})
WINDOW = timedelta(minutes=10)
WAIT = timedelta(minutes=5)
"""For stragglers: what is older than the watermark is dropped, and shards that are read at full speed are minutes
apart."""


class Place(BaseModel):
    """Where a log came from."""

    namespace_name: str
    pod_name: str
    container_name: str
    host: str
    labels: dict[str, str]


class Merged(BaseModel):
    """A log that was JSON."""

    level: str
    message: str
    stack_trace: str = ""


class Record(BaseModel):
    """One log record as Fluent Bit sends it."""

    model_config = ConfigDict(extra="ignore")

    time: datetime
    level: str = ""
    log_content: str = ""
    log: str = ""
    log_json: Merged | None = None
    kubernetes: Place | None = None
    service: str = Field(default="")

    def severity(self) -> str:
        """The level, by whichever shape has one."""
        if self.log_json is not None:
            return self.log_json.level
        return self.level or infer(self.log).name

    def message(self) -> str:
        """The whole text, with its trace."""
        if self.log_json is None:
            return (self.log_content or self.log).rstrip("\n")
        return f"{self.log_json.message}\n{self.log_json.stack_trace}".rstrip("\n")

    def name(self) -> str:
        """The service."""
        if self.service or self.kubernetes is None:
            return self.service or "unknown"
        return self.kubernetes.labels.get("app", self.kubernetes.container_name)


class Archive(DynamicSink[bytes]):
    """Appends every raw record to one compressed file a worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_ArchivePart":
        """One file."""
        return _ArchivePart(self._folder / f"archive-{worker_index}.zst")


class _ArchivePart(StatelessSinkPartition[bytes]):
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._frame = zstandard.ZstdCompressor(level=1).compressobj()

    def write_batch(self, items: list[bytes]) -> None:
        for item in items:
            self._file.write(self._frame.compress(item))

    def close(self) -> None:
        self._file.write(self._frame.flush())
        self._file.close()


class Indexed(DynamicSink[bytes]):
    """Where documents for the search index go; they are made, and dropped here."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_IndexedPart":
        """One for each worker."""
        return _IndexedPart()


class _IndexedPart(StatelessSinkPartition[bytes]):
    def write_batch(self, items: list[bytes]) -> None:
        pass


class Counted(DynamicSink[Any]):
    """Hands every closed window to a function: its key and how many records it had."""

    def __init__(self, told: Callable[[str, int], None]) -> None:
        self._told = told

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_CountedPart":
        """One for each worker."""
        return _CountedPart(self._told)


class _CountedPart(StatelessSinkPartition[tuple[str, tuple[int, int]]]):
    def __init__(self, told: Callable[[str, int], None]) -> None:
        self._told = told

    def write_batch(self, items: list[tuple[str, tuple[int, int]]]) -> None:
        for key, (_, count) in items:
            self._told(key, count)


def is_alarming(record: Record) -> bool:
    """WARN and above."""
    return record.severity().upper() in ALARMING


def event_time(record: Record) -> datetime:
    """When it happened, by the record."""
    return record.time


def document(keyed: tuple[str, Record]) -> bytes:
    """A record for the search index, with its fault."""
    fault, record = keyed
    found = record.model_dump(mode="json", exclude_defaults=True)
    return json.dumps({**found, "fingerprint": fault, "message": record.message()}).encode()


def nothing() -> int:
    """Of an empty window."""
    return 0


def one_more(count: int, record: Record) -> int:
    """Count a record."""
    del record
    return count + 1


def both(left: int, right: int) -> int:
    """Of two windows that merge."""
    return left + right


def textbook(source: Source[bytes], folder: Path, told: Callable[[str, int], None], begin: datetime) -> Dataflow:
    """Count alarming records by fault and window, and archive all.

    The clock is set back to `begin`, when the records were made, and wakes nobody: a window whose end is past by the
    machine's clock but not by its watermark makes the operator spin, which would be counted against the rival.
    """
    fingerprint = Fingerprinter()
    ago = datetime.now(UTC) - begin

    def now() -> datetime:
        return datetime.now(UTC) - ago

    def never(ts: datetime) -> None:
        del ts

    def fault(record: Record) -> str:
        return fingerprint(record.message(), record.name()).fingerprint

    flow = Dataflow("textbook")
    raw = op.input("kinesis_in", flow, source)
    op.output("archive_out", raw, Archive(folder))
    records = op.map("parse", raw, Record.model_validate_json)
    alarming = op.filter("warn_and_above", records, is_alarming)
    keyed = op.key_on("fault", alarming, fault)
    op.output("search_out", op.map("document", keyed, document), Indexed())
    clock = win.EventClock(event_time, WAIT, now_getter=now, to_system_utc=never)
    windower = win.TumblingWindower(length=WINDOW, align_to=datetime(2026, 1, 1, tzinfo=UTC))
    windows = win.fold_window("count", keyed, clock, windower, nothing, one_more, both)
    op.output("alerts_out", windows.down, Counted(told))
    return flow
