"""What flows through the textbook of the same work, an item a record, and the forms in which it leaves."""

import base64
import json
from typing import Any, NamedTuple

from connectors.opensearch import Doc
from connectors.slots import slot_of_name
from dataflows.domain.alerts import fault_of
from dataflows.domain.fingerprint import Fingerprint
from dataflows.domain.records import LogRecord
from dataflows.domain.rejections import is_text
from dataflows.render.search import alerts_index, logs_index, record_document

LINE_END = b"\n"


class Arrived(NamedTuple):
    """One record of one shard: the item that flows."""

    slot: str
    stream: str
    shard: str
    sequence: str
    arrival_ts: float
    raw: bytes


class Bad(NamedTuple):
    """A record that cannot be read."""

    arrived: Arrived
    reason: str
    detail: str


class Read(NamedTuple):
    """A record that can."""

    arrived: Arrived
    record: LogRecord


class Printed(NamedTuple):
    """One from WARN up, redacted, with its fault."""

    read: Read
    message: str
    fields: dict[str, Any]
    print_: Fingerprint

    @property
    def fault(self) -> str:
        """Its identity: the key of its count."""
        record = self.read.record
        return fault_of(self.print_.fingerprint, record.service, record.kubernetes.namespace_name)


class Told(NamedTuple):
    """What is said of a fault: `first`, `summary` or `new_window`."""

    reason: str
    fault: str
    window: int
    """Start of the window, seconds since the epoch."""
    count: int
    """Records since it was last told."""
    template: str


def archive_line(arrived: Arrived) -> tuple[str, bytes]:
    """The record with its place, as `dataflows.render.archive` reads it back."""
    raw = arrived.raw
    head = f'{{"sequence":"{arrived.sequence}","arrived":{round(arrived.arrival_ts * 1000)}'
    end = LINE_END if raw.endswith(LINE_END) else b""
    line = raw.removesuffix(LINE_END)
    if not line.startswith(b"{") or not line.endswith(b"}") or LINE_END in line or not is_text(line):
        return arrived.slot, b'%b,"base64":"%b"}\n' % (head.encode(), base64.b64encode(raw))
    return arrived.slot, b'%b,"end":"%b","record":%b}\n' % (head.encode(), rb"\n" if end else b"", line)


def dead_letter(bad: Bad) -> tuple[str, bytes]:
    """A record that cannot be read, whole, with its place and the reason; when it failed is not told."""
    arrived = bad.arrived
    line = {
        "shard": arrived.shard,
        "sequence": arrived.sequence,
        "sub": 0,
        "stream": arrived.stream,
        "arrived": round(arrived.arrival_ts * 1000),
        "attempts": 1,
        "reason": bad.reason,
        "detail": bad.detail,
        "base64": base64.b64encode(arrived.raw.removesuffix(LINE_END)).decode(),
    }
    return arrived.slot, json.dumps(line).encode() + LINE_END


def document(prefix: str, item: Printed) -> tuple[str, list[Doc]]:
    """For the search index."""
    arrived, record = item.read
    _, _, shard, sequence, arrival_ts, _ = arrived
    body = record_document(record, item.print_, item.message, item.fields, shard, sequence, 0, arrival_ts)
    return arrived.slot, [Doc(logs_index(prefix, arrival_ts), f"{shard}-{sequence}-0", body)]


def alert_document(prefix: str, keyed: tuple[str, Told]) -> tuple[str, list[Doc]]:
    """An alert for the index."""
    fault, told = keyed
    doc_id = f"{fault}:{told.window}:{told.reason}"
    return slot_of_name(fault), [Doc(alerts_index(prefix, told.window), doc_id, json.dumps(told._asdict()).encode())]
