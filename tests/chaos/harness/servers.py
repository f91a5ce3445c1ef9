"""The local parts that runs share: Kinesis and S3 (moto), an OpenSearch-compatible index (osmem-server).

And kinesis-local for a stream that is resharded: moto's shards never end.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests

from dataflows.demo.place import REGION, free_port

CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
ROOT = Path(__file__).resolve().parents[3]
RESHARDS = ROOT / "node_modules" / "kinesis-local"
_START_S = 60.0
_HTTP_S = 30.0


@dataclass(frozen=True)
class Names:
    """What one run has for itself. Stream, bucket and index prefix have the same name."""

    name: str
    kinesis: Any
    bucket: Any


@dataclass(frozen=True)
class Servers:
    """Ports of servers on loopback; each run makes its own stream, bucket and indices there and removes them."""

    aws_port: int
    search_port: int
    reshard_port: int = 0
    """Of kinesis-local; 0 where that is not installed: then nothing is resharded."""

    @property
    def aws(self) -> str:
        """Address of Kinesis and S3."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def search(self) -> str:
        """Address of the index."""
        return f"http://127.0.0.1:{self.search_port}"

    def kinesis_port(self, *, reshards: bool) -> int:
        """Port of the stream server for a run."""
        return self.reshard_port if reshards and self.reshard_port else self.aws_port

    @contextlib.contextmanager
    def names(self, shards: int, *, reshards: bool = False) -> Iterator[Names]:
        """A stream, a bucket and an index prefix of a run, removed at the end. Few records if it `reshards`."""
        name = f"c{uuid.uuid4().hex[:10]}"
        session = boto3.Session(**CREDENTIALS)
        kinesis_port = self.kinesis_port(reshards=reshards)
        kinesis = session.client("kinesis", endpoint_url=f"http://127.0.0.1:{kinesis_port}")
        where = {"LocationConstraint": REGION}
        bucket = session.resource("s3", endpoint_url=self.aws).create_bucket(
            Bucket=name, CreateBucketConfiguration=where
        )
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        try:
            yield Names(name, kinesis, bucket)
        finally:
            kinesis.delete_stream(StreamName=name)
            bucket.objects.all().delete()
            bucket.delete()
            for index in self._indices(name):
                requests.delete(f"{self.search}/{index}", timeout=_HTTP_S)

    def reshards_env(self) -> dict[str, str]:
        """Settings of kinesis-local: its ports, and a certificate for the one that nobody uses."""
        return {
            "KINESIS_MOCK_CERT_PATH": str(RESHARDS / "server.json"),
            "KINESIS_MOCK_PLAIN_PORT": str(self.reshard_port),
            "KINESIS_MOCK_TLS_PORT": str(free_port()),
        }

    def _indices(self, prefix: str) -> list[str]:
        found = requests.get(f"{self.search}/_cat/indices/{prefix}-*", params={"format": "json"}, timeout=_HTTP_S)
        return [str(entry["index"]) for entry in found.json()] if found.ok else []


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Servers]:
    """Start both servers, and end them with the block. Their logs go into `folder`, which must exist."""
    node = RESHARDS.exists() and shutil.which("node")
    servers = Servers(free_port(), free_port(), free_port() if node else 0)
    package = importlib.util.find_spec("osmem_server")
    osmem = Path(str(package and package.origin)).parent / "bin" / "osmem-server"
    aws = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(servers.aws_port)]
    search = [str(osmem), "-addr", f"127.0.0.1:{servers.search_port}", "-no-stdin-watch"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_running(aws, servers.aws_port, folder / "moto.log"))
        stack.enter_context(_running(search, servers.search_port, folder / "search.log"))
        if node:
            reshards = [node, "-r", str(ROOT / "tests" / "loopback.js"), str(RESHARDS / "main.js")]
            stack.enter_context(
                _running(reshards, servers.reshard_port, folder / "kinesis.log", servers.reshards_env())
            )
        yield servers


@contextlib.contextmanager
def _running(command: list[str], port: int, log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_S
        while not _listens(port):
            if time.monotonic() > deadline or server.poll() is not None:
                msg = f"no server listens on port {port}: see {log}"
                raise RuntimeError(msg)
            time.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
