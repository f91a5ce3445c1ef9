"""What the measured page reads from and writes to: quick stand-ins of Kinesis, S3 and OpenSearch on loopback.

    python benchmarks/system_servers.py

Prints one line of JSON with its port, then serves until it is killed. Kinesis takes PutRecords and hands the records
out as they came (an emulator costs 0.1 ms or more a record); limits of a shard are not enforced. What was read is
forgotten; objects and documents are counted and dropped. `POST /system/slow` sets seconds by which S3 and OpenSearch
answer late, `GET /system/report` tells what has come. Iterators begin at the oldest record that is left.
"""

import json
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import kinesis_answers
import msgspec

SHARDS = 32
STREAM = "system"
BUCKET = "system"
_LIMIT = 10_000
"""Records in one GetRecords answer at most (Kinesis API)."""
_MAX_ANSWER_BYTES = 10_000_000
"""The same API: 10 MB of data; here of its base64."""
_FIRST_SEQUENCE = 49_600_000_000_000_000_000_000


class _Put(msgspec.Struct, rename="pascal"):
    data: str
    partition_key: str


class _PutRecords(msgspec.Struct, rename="pascal"):
    records: list[_Put]


_puts = msgspec.json.Decoder(_PutRecords).decode


class Shard:
    """Records in order, each as it will stand in an answer. Used under the lock of its `World`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._first = 0
        """Index of the oldest record that is left."""
        self._wire: list[bytes] = []
        self._arrivals: list[float] = []

    @property
    def end(self) -> int:
        """One past the index of the newest record."""
        return self._first + len(self._wire)

    def add(self, put: _Put, now: float) -> None:
        """Take one record."""
        sequence = _FIRST_SEQUENCE + self.number * 10**15 + self.end
        self._wire.append(
            b'{"SequenceNumber":"%d","ApproximateArrivalTimestamp":%.3f,"PartitionKey":"k","Data":"%b"}'
            % (sequence, now, put.data.encode("ascii"))
        )
        self._arrivals.append(now)

    def page(self, index: int, limit: int) -> tuple[list[bytes], int, float]:
        """Records from an index on, where the next page begins, and the age in seconds of what is left then."""
        if (gone := index - self._first) > 0:
            del self._wire[:gone], self._arrivals[:gone]
            self._first = index
        start = max(index, self._first)
        found, size = self._wire[start - self._first :][:limit], 0
        for number, one in enumerate(found):
            size += len(one)
            if size > _MAX_ANSWER_BYTES:
                found = found[:number]
                break
        stop = start + len(found)
        left = self._arrivals[stop - self._first :][:1]
        return found, stop, time.time() - left[0] if left else 0.0


class World:
    """What has been put, asked for, and written. Threads share it."""

    def __init__(self) -> None:
        self.slow = {"s3": 0.0, "opensearch": 0.0}
        """Seconds by which answers are late."""
        self._lock = threading.Lock()
        self._shards = [Shard(number) for number in range(SHARDS)]
        self._put = self._read = self._archived = self._documents = 0
        self._first_read = 0.0

    def kinesis(self, operation: str, body: bytes) -> bytes:
        """Answer one call."""
        if operation == "PutRecords":
            return self._take(_puts(body).records)
        asked = json.loads(body)
        if operation == "GetRecords":
            shard, index = map(int, asked["ShardIterator"].split("|"))
            return self._page(shard, index, min(_LIMIT, asked.get("Limit", _LIMIT)))
        if operation == "GetShardIterator":
            return json.dumps({"ShardIterator": f"{int(asked['ShardId'][-3:])}|0"}).encode()
        if operation == "ListShards":
            return json.dumps(
                kinesis_answers.shards([str(_FIRST_SEQUENCE + number * 10**15) for number in range(SHARDS)])
            ).encode()
        return json.dumps(kinesis_answers.summary(STREAM, SHARDS)).encode()

    def _take(self, records: list[_Put]) -> bytes:
        with self._lock:
            now = time.time()
            for record in records:
                self._shards[zlib.crc32(record.partition_key.encode()) % SHARDS].add(record, now)
            self._put += len(records)
        return b'{"FailedRecordCount":0,"Records":[]}'

    def _page(self, shard: int, index: int, limit: int) -> bytes:
        with self._lock:
            found, stop, age = self._shards[shard].page(index, limit)
            self._read += len(found)
            if found and not self._first_read:
                self._first_read = time.time()
        return b'{"Records":[%b],"MillisBehindLatest":%d,"NextShardIterator":"%d|%d"}' % (
            b",".join(found),
            round(age * 1000),
            shard,
            stop,
        )

    def put(self, key: str, records: str) -> None:
        """Take an object, late if that is wished."""
        time.sleep(self.slow["s3"])
        if key.startswith("archive/"):
            with self._lock:
                self._archived += int(records or 0)

    def bulk(self, body: bytes) -> bytes:
        """Acknowledge every document, late if that is wished."""
        time.sleep(self.slow["opensearch"])
        count = body.count(b"\n") // 2
        with self._lock:
            self._documents += count
        return b'{"errors":false,"items":[%b]}' % b",".join([b'{"index":{"status":201}}'] * count)

    def report(self) -> dict[str, Any]:
        """What has come so far, and when the first record was read (seconds since the epoch; 0: none was)."""
        with self._lock:
            return {
                "put": self._put,
                "read": self._read,
                "archived": self._archived,
                "documents": self._documents,
                "first_read": self._first_read,
            }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    world: World


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    wbufsize = 2**16
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        world, body = self.server.world, self._body()
        target = self.headers.get("X-Amz-Target", "")
        if target:
            self._answer(world.kinesis(target.rpartition(".")[2], body), "application/x-amz-json-1.1")
        elif self.path.startswith("/_bulk"):
            self._answer(world.bulk(body))
        elif self.path == "/system/slow":
            world.slow = {"s3": 0.0, "opensearch": 0.0, **json.loads(body)}
            self._answer(b"{}")
        else:
            self._answer(b'{"acknowledged":true}')

    def do_PUT(self) -> None:
        self._body()
        if self.path.startswith(f"/{BUCKET}/"):
            self.server.world.put(self.path.removeprefix(f"/{BUCKET}/"), self.headers.get("x-amz-meta-records", ""))
            self._answer(b"", "application/xml")
        else:
            self._answer(b'{"acknowledged":true}')

    def do_GET(self) -> None:
        if self.path == "/system/report":
            self._answer(json.dumps(self.server.world.report()).encode())
        else:
            self._answer(b'{"version":{"distribution":"opensearch","number":"3.1.0"}}')

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            return zlib.decompress(body, wbits=31)
        return body

    def _answer(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Say nothing."""


def main() -> None:
    """Serve until killed."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.world = World()
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
