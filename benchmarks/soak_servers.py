"""What the soak's page talks to: Kinesis, S3, OpenSearch and Slack on loopback, which answer, count and drop.

    python benchmarks/soak_servers.py --rate 5000 --seconds 1800

Prints one line of JSON with its ports, then serves until it is killed. `POST /soak/start` begins the stream,
`GET /soak/report` tells what has come. Objects are not kept: of an archive object only which records it holds, after
all its lines were read; of a document only its id.
"""

import argparse
import base64
import gzip
import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import kinesis_answers
import zstandard
from soak_records import Feed, coverage

from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.render.archive import read_line

SHARDS = 4
BUCKET = "soak"
STREAM = "soak"
_LIMIT = 10_000
"""Records in one GetRecords answer at most (Kinesis API)."""
_SEQUENCE = re.compile(rb'^\{"sequence":"(\d+)"', re.MULTILINE)
_ACTION_ID = re.compile(rb'"_id": ?"([^"]+)"')
_INDEX = re.compile(rb'"_index": ?"([^"]+)"')


class World:
    """What has been asked for and what has come. Threads share it."""

    def __init__(self, rate: int, seconds: float, slack: SlackStandIn) -> None:
        self.slack = slack
        self.feed = Feed(rate, SHARDS, 0.0, seconds)
        self.started = False
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[int, int, int]] = {}
        """Shard, first index and one past the last index, by key: an object that is put again is the same object."""
        self._others: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._documents: dict[str, set[bytes]] = {"logs": set(), "alerts": set()}
        self._repeats: Counter[str] = Counter()
        self.served = 0

    def start(self) -> None:
        """Let records arrive from now on."""
        self.feed.start = time.time()
        self.started = True

    def kinesis(self, operation: str, body: dict[str, Any]) -> bytes:
        """Answer one call of the reader."""
        feed = self.feed
        if operation == "GetRecords":
            shard, index = map(int, body["ShardIterator"].split("|"))
            return self._page(shard, index, min(_LIMIT, body.get("Limit", _LIMIT)))
        if operation == "GetShardIterator":
            shard, after = int(body["ShardId"][-3:]), body.get("StartingSequenceNumber")
            index = feed.place(int(after))[1] + 1 if after else 0
            if body["ShardIteratorType"] == "LATEST":
                index = self._available(shard)
            return json.dumps({"ShardIterator": f"{shard}|{index}"}).encode()
        if operation == "ListShards":
            return json.dumps(
                kinesis_answers.shards([str(feed.sequence(shard, 0)) for shard in range(SHARDS)])
            ).encode()
        return json.dumps(kinesis_answers.summary(STREAM, SHARDS)).encode()

    def _available(self, shard: int) -> int:
        return self.feed.available(shard, time.time()) if self.started else 0

    def _page(self, shard: int, index: int, limit: int) -> bytes:
        feed, there = self.feed, self._available(shard)
        stop = min(there, index + limit)
        records = b",".join(
            b'{"SequenceNumber":"%d","ApproximateArrivalTimestamp":%.3f,"Data":"%b","PartitionKey":"soak"}'
            % (feed.sequence(shard, n), feed.arrival(shard, n), base64.b64encode(feed.record(shard, n)))
            for n in range(index, stop)
        )
        behind = round((there - stop) * SHARDS / feed.rate * 1000)
        with self._lock:
            self.served += max(0, stop - index)
        return b'{"Records":[%b],"MillisBehindLatest":%d,"NextShardIterator":"%d|%d"}' % (records, behind, shard, stop)

    def put(self, key: str, manifest: dict[str, str], body: bytes) -> None:
        """Take an object: look at every line of one of the archive, count one of another kind, keep neither."""
        if not key.startswith("archive/"):
            with self._lock:
                self._others[key.partition("/")[0]] += 1
            return
        held = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        places = [self.feed.place(int(found)) for found in _SEQUENCE.findall(held)]
        (shard, first), count = places[0], len(places)
        problem = ""
        if places != [(shard, first + n) for n in range(count)]:
            problem = "its records are not the next ones of one shard"
        elif manifest.get("records") != str(count) or held.count(b"\n") != count:
            problem = f"its manifest says {manifest.get('records')} records, it holds {count}"
        elif manifest.get("last") != str(self.feed.sequence(shard, first + count - 1)):
            problem = "its manifest names another last record"
        elif any(
            read_line(line).raw != self.feed.record(shard, first + n)
            for n, line in ((0, held[: held.find(b"\n")]), (count - 1, held.rstrip(b"\n").rpartition(b"\n")[2]))
        ):
            problem = "a record in it has other bytes"
        with self._lock:
            self._objects[key] = (shard, first, first + count)
            if problem:
                self._wrong.append(f"{key}: {problem}")

    def bulk(self, body: bytes) -> bytes:
        """Acknowledge every document."""
        actions = body.rstrip(b"\n").split(b"\n")[::2]
        with self._lock:
            for action in actions:
                found, name = _ACTION_ID.search(action), _INDEX.search(action)
                if not found or not name:
                    self._wrong.append(f"an action without id or index: {action[:100]!r}")
                    continue
                kind = "alerts" if b"-alerts-" in name[1] else "logs"
                self._repeats[kind] += found[1] in self._documents[kind]
                self._documents[kind].add(found[1])
        item = b'{"index":{"status":201}}'
        return b'{"errors":false,"items":[%b]}' % b",".join([item] * len(actions))

    def report(self) -> dict[str, Any]:
        """What has come so far."""
        with self._lock:
            found = [
                coverage((first, stop) for at, first, stop in self._objects.values() if at == shard)
                for shard in range(SHARDS)
            ]
            ends = [max((stop for at, _, stop in self._objects.values() if at == n), default=0) for n in range(SHARDS)]
            return {
                "available": sum(self._available(shard) for shard in range(SHARDS)),
                "planned": self.feed.per_shard * SHARDS,
                "served": self.served,
                "objects": len(self._objects),
                "archived": sum(different for different, _ in found),
                "doubled": sum(doubled for _, doubled in found),
                "beyond": sum(end > self.feed.per_shard for end in ends),
                "others": dict(self._others),
                "documents": {kind: len(ids) for kind, ids in self._documents.items()},
                "document_repeats": dict(self._repeats),
                "messages": len(self.slack.messages),
                "messages_refused": len(self.slack.rejected),
                "wrong": self._wrong[:20],
            }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
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
            self._answer(world.kinesis(target.rpartition(".")[2], json.loads(body)), "application/x-amz-json-1.1")
        elif self.path.startswith("/_bulk"):
            self._answer(world.bulk(body))
        elif self.path == "/soak/start":
            world.start()
            self._answer(b"{}")
        else:
            self._answer(b'{"acknowledged":true}')

    def do_PUT(self) -> None:
        path, body = unquote(self.path.partition("?")[0]), self._body()
        if not path.startswith(f"/{BUCKET}/"):
            self._answer(b'{"acknowledged":true}')
            return
        manifest = {
            name.lower().removeprefix("x-amz-meta-"): unquote(value)
            for name, value in self.headers.items()
            if name.lower().startswith("x-amz-meta-")
        }
        self.server.world.put(path.removeprefix(f"/{BUCKET}/"), manifest, body)
        self._answer(b"", "application/xml")

    def do_GET(self) -> None:
        if self.path == "/soak/report":
            self._answer(json.dumps(self.server.world.report()).encode())
        else:
            self._answer(b'{"version":{"distribution":"opensearch","number":"3.1.0"}}')

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # An object of the archive is stored as it is; a bulk call was compressed by the client.
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

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
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, required=True)
    options.add_argument("--seconds", type=float, required=True)
    given = options.parse_args()
    with SlackStandIn() as slack:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.world = World(given.rate, given.seconds, slack)
        print(json.dumps({"port": server.server_port, "slack": slack.url}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
