"""CPU of reading a stream, per 100,000 records of 400 B, beside the usual clients.

    python benchmarks/kinesis_client.py [--records 200000] [--repeats 3]

A canned server in a process of its own answers GetRecords with prepared pages of 10,000 records on four shards, so
only the client is measured. Every client runs in a process of its own, in turn, and reports the CPU seconds that it
used from its first call to its last record. `async-kinesis` is no dependency, and pins another botocore: it is
measured if `--async-python` names the interpreter of an environment that has it.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time

SHARDS = 4
PAGE = 10_000
SIZE = 400


def _server(records: int) -> None:
    """Answer the four operations of a consumer from memory, until killed."""
    data = base64.b64encode(json.dumps({"level": "INFO", "log_content": "x" * (SIZE - 40)}).encode()).decode()
    pages = records // SHARDS // PAGE
    bodies = [
        json.dumps(
            {
                "Records": [
                    {
                        "SequenceNumber": f"4959{shard}{page * PAGE + n:050d}",
                        "ApproximateArrivalTimestamp": 1_795_000_000.123,
                        "Data": data,
                        "PartitionKey": f"{n}",
                    }
                    for n in range(PAGE)
                ],
                "MillisBehindLatest": 0 if page == pages - 1 else 1000,
                "NextShardIterator": f"{shard}|{page + 1}",
            }
        ).encode()
        for shard in range(SHARDS)
        for page in range(pages)
    ]
    empty = [
        json.dumps({"Records": [], "MillisBehindLatest": 0, "NextShardIterator": f"{s}|{pages}"}).encode()
        for s in range(SHARDS)
    ]
    listed = [
        {
            "ShardId": f"shardId-{shard:012d}",
            "HashKeyRange": {"StartingHashKey": str(shard), "EndingHashKey": str(shard)},
            "SequenceNumberRange": {"StartingSequenceNumber": "0"},
        }
        for shard in range(SHARDS)
    ]
    summary = {
        "StreamName": "bench",
        "StreamARN": "arn:aws:kinesis:eu-central-1:000000000000:stream/bench",
        "StreamStatus": "ACTIVE",
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": 1,
        "EnhancedMonitoring": [],
        "OpenShardCount": SHARDS,
    }

    def answer(operation: str, body: dict[str, str]) -> bytes:
        if operation == "ListShards":
            return json.dumps({"Shards": listed}).encode()
        if operation == "GetShardIterator":
            return json.dumps({"ShardIterator": f"{int(body['ShardId'][-3:])}|0"}).encode()
        if operation == "DescribeStreamSummary":
            return json.dumps({"StreamDescriptionSummary": summary}).encode()
        if operation == "DescribeStream":
            return json.dumps({"StreamDescription": {**summary, "Shards": listed, "HasMoreShards": False}}).encode()
        shard, page = map(int, body["ShardIterator"].split("|"))
        return bodies[shard * pages + page] if page < pages else empty[shard]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                operation = head.split("x-amz-target: kinesis_20131202.")[1].split("\r\n")[0]
                names = ("ListShards", "GetShardIterator", "GetRecords", "DescribeStreamSummary", "DescribeStream")
                exact = next(name for name in names if name.lower() == operation)
                body = answer(exact, json.loads(await reader.readexactly(length)))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
                    % len(body)
                )
                writer.write(body)
                await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


def _boto3(url: str, records: int) -> None:
    import boto3  # noqa: PLC0415 - each client loads only what it needs

    client = boto3.client("kinesis", endpoint_url=url)
    begun, seen = time.process_time(), 0
    iterators = [
        client.get_shard_iterator(StreamName="bench", ShardId=f"shardId-{s:012d}", ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        for s in range(SHARDS)
    ]
    while seen < records:
        for shard, iterator in enumerate(iterators):
            page = client.get_records(ShardIterator=iterator, Limit=PAGE)
            iterators[shard] = page["NextShardIterator"]
            seen += len([(r["SequenceNumber"], r["Data"]) for r in page["Records"]])
    print(time.process_time() - begun)


def _ours(url: str, records: int, *, fast: bool) -> None:
    from connectors.kinesis import KinesisConfig, KinesisSource  # noqa: PLC0415
    from connectors.slots import SLOTS  # noqa: PLC0415
    from connectors.spool import Commits  # noqa: PLC0415

    config = KinesisConfig(stream="bench", endpoint_url=url, fast_parser=fast)
    source = KinesisSource(config, Commits(), lambda: False)
    parts = [source.build_part("kinesis_in", slot, None) for slot in SLOTS]
    awake = [0.0] * len(parts)
    begun, seen = time.process_time(), 0
    while seen < records:
        for i, part in enumerate(parts):
            if awake[i] <= time.time():
                seen += sum(len(batch.data) for batch in part.next_batch())
                awake[i] = part.next_awake().timestamp()
        time.sleep(0.002)
    print(time.process_time() - begun, flush=True)
    os._exit(0)


def _async_kinesis(url: str, records: int) -> None:
    from kinesis import Consumer  # noqa: PLC0415 - optional
    from kinesis.processors import StringProcessor  # noqa: PLC0415

    async def main() -> float:
        begun, seen = time.process_time(), 0
        async with Consumer(
            stream_name="bench",
            endpoint_url=url,
            region_name="eu-central-1",
            iterator_type="TRIM_HORIZON",
            record_limit=PAGE,
            max_queue_size=PAGE * 2,
            sleep_time_no_records=0.01,
            shard_fetch_rate=5,
            processor=StringProcessor(),
        ) as consumer:
            while seen < records:
                async for _ in consumer:
                    seen += 1
                    if seen >= records:
                        break
        return time.process_time() - begun

    print(asyncio.run(main()), flush=True)
    os._exit(0)


CLIENTS = {
    "boto3 alone": ("boto3", _boto3),
    "CALI, botocore's parser": ("slow", lambda url, n: _ours(url, n, fast=False)),
    "CALI, its own parser": ("fast", lambda url, n: _ours(url, n, fast=True)),
    "async-kinesis": ("async", _async_kinesis),
}


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=200_000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--async-python", default="", help="interpreter of an environment with async-kinesis")
    options.add_argument("--role", default="")
    options.add_argument("--url", default="")
    given = options.parse_args()
    if given.role == "server":
        _server(given.records)
        return
    if given.role:
        next(run for role, run in CLIENTS.values() if role == given.role)(given.url, given.records)
        return
    arguments = [__file__, "--records", str(given.records)]
    me = [sys.executable, *arguments]
    env = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    cpu: dict[str, list[float]] = {name: [] for name in CLIENTS}
    with subprocess.Popen([*me, "--role", "server"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None  # noqa: S101 - for the type checker
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        for _ in range(given.repeats):
            for name, (role, _run) in CLIENTS.items():
                if role == "async" and not given.async_python:
                    continue
                command = [given.async_python, *arguments] if role == "async" else me
                done = subprocess.run(
                    [*command, "--role", role, "--url", url],
                    env=env,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=300,
                )
                if done.returncode:
                    sys.exit(f"{name} failed: {done.stderr[-2000:]}")
                cpu[name].append(float(done.stdout.split()[-1]) / given.records * 100_000)
        server.kill()
    print(f"{given.records} records of {SIZE} B on {SHARDS} shards; Python {platform.python_version()}\n")
    print("| client | CPU s per 100,000 records | spread | times boto3 |\n|---|---|---|---|")
    base = statistics.median(cpu["boto3 alone"])
    for name, values in cpu.items():
        if values:
            middle = statistics.median(values)
            print(f"| {name} | {middle:.2f} | {min(values):.2f}-{max(values):.2f} | {middle / base:.2f} |")
        else:
            print(f"| {name} | not measured: see --async-python | | |")


if __name__ == "__main__":
    main()
