"""A Kinesis that answers from memory, so that only its client is measured.

    python benchmarks/kinesis_canned.py --records 200000 --size 400

It prints its port, and answers what a consumer of a stream of four shards asks until it is killed: pages of 10,000
records, the most that GetRecords gives (1,000 B are then also the most bytes, 10 MB; AWS API reference, GetRecords).
"""

import argparse
import asyncio
import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

import kinesis_answers

SHARDS = 4
PAGE = 10_000
STREAM = "bench"
_ARRIVAL_TS = 1_795_000_000.123


class Canned:
    """The answers of a stream with so many records of one size."""

    def __init__(self, records: int, size: int) -> None:
        """Each shard has the same pages: no client compares sequence numbers of two shards."""
        self._pages = [_page(number, size) for number in range(records // SHARDS // PAGE)]
        self._listed = kinesis_answers.shards(["0"] * SHARDS)
        self._summary = kinesis_answers.summary(STREAM, SHARDS)

    def answer(self, operation: str, body: dict[str, str]) -> list[bytes]:
        """What Kinesis would say, in parts."""
        if operation == "getrecords":
            shard, number = map(int, body["ShardIterator"].split("|"))
            behind = 1000 if number < len(self._pages) - 1 else 0
            following = min(number + 1, len(self._pages))
            records = self._pages[number] if number < len(self._pages) else b"[]"
            tail = b',"MillisBehindLatest":%d,"NextShardIterator":"%d|%d"}' % (behind, shard, following)
            return [b'{"Records":', records, tail]
        answers = {
            "listshards": self._listed,
            "describestreamsummary": self._summary,
            "describestream": {
                "StreamDescription": {
                    **self._summary["StreamDescriptionSummary"],
                    **self._listed,
                    "HasMoreShards": False,
                }
            },
        }
        if operation == "getsharditerator":
            return [json.dumps({"ShardIterator": f"{int(body['ShardId'][-3:])}|0"}).encode()]
        return [json.dumps(answers[operation]).encode()]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                operation = head.split("x-amz-target: kinesis_20131202.")[1].split("\r\n")[0]
                parts = self.answer(operation, json.loads(await reader.readexactly(length)))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
                    % sum(map(len, parts))
                )
                writer.writelines(parts)
                await writer.drain()


def _page(number: int, size: int) -> bytes:
    empty = json.dumps({"level": "INFO", "log_content": ""})
    data = base64.b64encode(json.dumps({"level": "INFO", "log_content": "x" * (size - len(empty))}).encode()).decode()
    records = [
        {
            "SequenceNumber": f"{49590338271490256608559692538361571095921575989136588898 + number * PAGE + n}",
            "ApproximateArrivalTimestamp": _ARRIVAL_TS,
            "Data": data,
            "PartitionKey": f"{n:08d}",
        }
        for n in range(PAGE)
    ]
    return json.dumps(records).encode()


@contextlib.contextmanager
def canned(records: int, size: int) -> Iterator[str]:
    """Run one in a process of its own; yield its URL."""
    command = [sys.executable, __file__, "--records", str(records), "--size", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout is None:
                msg = "a pipe was asked for"
                raise RuntimeError(msg)
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


async def _serve(records: int, size: int) -> None:
    server = await asyncio.start_server(Canned(records, size).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, required=True, help=f"a multiple of {SHARDS * PAGE}")
    options.add_argument("--size", type=int, required=True, help="bytes of a record")
    given = options.parse_args()
    asyncio.run(_serve(given.records, given.size))
