"""A Kinesis endpoint that does what the script says, over real HTTP: for what no emulator gives on demand."""

import base64
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.kinesis import KinesisConfig, KinesisSource
from connectors.kinesis.records import RecordBatch
from connectors.slots import SLOTS
from connectors.spool import Commits

sys.path.insert(0, str(Path(__file__).parent))  # for `scripted_calls`: tests are no package


@dataclass
class ScriptedShard:
    """One shard: its records stay readable by index; `trimmed` of them have expired."""

    parents: tuple[str, ...] = ()
    records: list[tuple[str, bytes, float]] = field(default_factory=list)
    closed: bool = False
    listed: bool = True
    gone: bool = False
    """Reads are refused, as of a shard whose records have all expired."""
    trimmed: int = 0
    behind_ms: int | None = None
    """Reported instead of the truth, if set."""


@dataclass
class Fault:
    """What happens to the next call of an operation (to one shard, or to any)."""

    operation: str
    what: str
    """An AWS error code; or `500`, `reset`, `malformed`, `hang`, `no_iterator`."""
    shard: str | None = None


class ScriptedKinesis:
    """A stream. Sequence numbers are `<ordinal><10 digits>`, so that each shard has its own."""

    def __init__(self) -> None:
        self.shards: dict[str, ScriptedShard] = {}
        self.faults: deque[Fault] = deque()
        self.calls: list[tuple[float, str, str, dict[str, Any]]] = []
        self.page_size = 100
        self.list_page = 1000
        self.end_with: str = "null"
        """How a closed shard's last answer ends: `null` or `missing` iterator."""
        self.lock = threading.Lock()

    def add(self, ordinal: int, *parents: int, records: int = 0, closed: bool = False) -> str:
        """Add a shard with records `<ordinal>:<n>`."""
        shard_id = name(ordinal)
        with self.lock:
            self.shards[shard_id] = ScriptedShard(tuple(name(parent) for parent in parents), closed=closed)
        self.put(ordinal, records)
        return shard_id

    def put(self, ordinal: int, count: int, data: bytes | None = None) -> None:
        """Append records."""
        with self.lock:
            shard = self.shards[name(ordinal)]
            for _ in range(count):
                number = len(shard.records)
                shard.records.append(
                    (f"{ordinal + 1}{number:010d}", data or f"{ordinal}:{number}".encode(), time.time())
                )

    def count(self, operation: str, shard: str | None = None) -> int:
        """Calls of an operation so far."""
        return sum(1 for _, op, on, _ in self.calls if op == operation and shard in {None, on})

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any] | bytes]:
        """One call."""
        shard_id = request.get("ShardId") or str(request.get("ShardIterator", "")).split("|")[0]
        with self.lock:
            self.calls.append((time.monotonic(), operation, shard_id, request))
            for fault in self.faults:
                if fault.operation == operation and fault.shard in {None, shard_id}:
                    self.faults.remove(fault)
                    return self._failed(fault)
            return getattr(self, f"_{operation}")(request)

    def _failed(self, fault: Fault) -> tuple[int, dict[str, Any] | bytes]:
        if fault.what == "500":
            return 500, {"__type": "InternalFailure", "message": "scripted"}
        if fault.what == "malformed":
            return 200, b'{"Records": [{"SequenceNumber": 5'
        if fault.what == "reset":
            return -1, b""
        if fault.what == "no_iterator":
            return 200, {"Records": [], "MillisBehindLatest": 0}
        return 400, {"__type": fault.what, "message": "scripted"}

    def _DescribeStreamSummary(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: N802 - as below
        return 200, {"StreamDescriptionSummary": {"RetentionPeriodHours": 24, "StreamStatus": "ACTIVE"}}

    def _ListShards(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: N802 - the operation's name
        listed = [
            {
                "ShardId": shard_id,
                "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
                "SequenceNumberRange": {
                    "StartingSequenceNumber": "0",
                    **({"EndingSequenceNumber": "9" * 20} if shard.closed else {}),
                },
                **({"ParentShardId": shard.parents[0]} if shard.parents else {}),
                **({"AdjacentParentShardId": shard.parents[1]} if len(shard.parents) > 1 else {}),
            }
            for shard_id, shard in sorted(self.shards.items())
            if shard.listed
        ]
        start = int(request.get("NextToken", "0"))
        page = listed[start : start + self.list_page]
        more = {"NextToken": str(start + self.list_page)} if start + self.list_page < len(listed) else {}
        return 200, {"Shards": page, **more}

    def _GetShardIterator(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: N802 - as above
        shard = self.shards.get(request["ShardId"])
        if shard is None or shard.gone:
            return 400, {"__type": "ResourceNotFoundException", "message": "no such shard"}
        kind = request["ShardIteratorType"]
        if kind == "TRIM_HORIZON":
            at = shard.trimmed
        elif kind == "LATEST":
            at = len(shard.records)
        elif kind == "AT_TIMESTAMP":
            at = max(
                shard.trimmed,
                next((i for i, r in enumerate(shard.records) if r[2] >= request["Timestamp"]), len(shard.records)),
            )
        else:
            known = [r[0] for r in shard.records]
            wanted = request["StartingSequenceNumber"]
            if wanted not in known or known.index(wanted) < shard.trimmed - 1:
                return 400, {"__type": "InvalidArgumentException", "message": f"{wanted} is invalid"}
            at = known.index(wanted) + (kind == "AFTER_SEQUENCE_NUMBER")
        return 200, {"ShardIterator": f"{request['ShardId']}|{at}"}

    def _GetRecords(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:  # noqa: N802 - as above
        shard_id, at = request["ShardIterator"].split("|")
        shard = self.shards.get(shard_id)
        if shard is None or shard.gone:
            return 400, {"__type": "ResourceNotFoundException", "message": "no such shard"}
        start = max(int(at), shard.trimmed)
        stop = min(start + min(self.page_size, request["Limit"]), len(shard.records))
        behind = 0 if stop == len(shard.records) else 1000
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": seq,
                    "Data": base64.b64encode(data).decode(),
                    "ApproximateArrivalTimestamp": ts,
                    "PartitionKey": "k",
                }
                for seq, data, ts in shard.records[start:stop]
            ],
            "MillisBehindLatest": behind if shard.behind_ms is None else shard.behind_ms,
        }
        if not (shard.closed and stop == len(shard.records)):
            answer["NextShardIterator"] = f"{shard_id}|{stop}"
        elif self.end_with == "null":
            answer["NextShardIterator"] = None
        return 200, answer


def name(ordinal: int) -> str:
    """The shard id with an ordinal."""
    return f"shardId-{ordinal:012d}"


@pytest.fixture
def scripted(aws_env: None) -> Iterator[tuple[ScriptedKinesis, str]]:
    """A scripted stream and its URL."""
    stream = ScriptedKinesis()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = stream.answer(self.headers["X-Amz-Target"].split(".")[1], json.loads(body))
            if status < 0:
                self.connection.close()
                self.close_connection = True
                return
            sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield stream, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Reading:
    """All slots of one process, polled in turn as a worker polls them; `epoch()` does what the end of an epoch does."""

    def __init__(self, url: str, states: dict[str, Any] | None = None, stream: str = "logs", **config: Any) -> None:
        settings = {
            "stream": stream,
            "endpoint_url": url,
            "region": "eu-central-1",
            "idle_gap_s": 0.2,
            "refresh_s": 1,
            **config,
        }
        self.commits = Commits()
        self.source = KinesisSource(KinesisConfig(**settings), self.commits, lambda: False)
        self.parts = {slot: self.source.build_part("kinesis_in", slot, (states or {}).get(slot)) for slot in SLOTS}
        self.batches: list[RecordBatch] = []

    def poll(self) -> list[RecordBatch]:
        """One turn over all slots."""
        got = [batch for part in self.parts.values() for batch in part.next_batch()]
        self.batches += got
        return got

    def until(self, true: Any, seconds: float = 20.0) -> bool:
        """Poll, with an epoch every 0.2 s, until something holds."""
        deadline = time.monotonic() + seconds
        due = time.monotonic() + 0.2
        while not true():
            if time.monotonic() > deadline:
                return False
            self.poll()
            if time.monotonic() > due:
                self.epoch()
                due = time.monotonic() + 0.2
            time.sleep(0.005)
        return True

    def epoch(self) -> dict[str, Any]:
        """Snapshot every slot."""
        return {slot: part.snapshot() for slot, part in self.parts.items()}

    @property
    def data(self) -> list[str]:
        """Data of all records so far, in order."""
        return [data.decode() for batch in self.batches for data in batch.data]

    def state(self, shard_id: str) -> Any:
        """What is remembered of a shard."""
        return next((s["shards"][shard_id] for s in self.epoch().values() if shard_id in s["shards"]), None)


@pytest.fixture
def reading() -> type[Reading]:
    """Makes a process that reads."""
    return Reading
