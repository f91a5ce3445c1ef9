"""The real program, where there is one on the path: it takes the configuration, and sends what the engine says."""

import json
import os
import shutil
import signal
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from dataflows.cli.generate import run

BINARY = shutil.which("fluent-bit")
SHIPPED = Path(__file__).resolve().parents[3] / "fluent-bit"
COUNT = 300
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BINARY is None, reason="no fluent-bit on the path: the engine alone speaks for the configuration"
    ),
]


@pytest.fixture
def emulator(servers: Any, aws_env: None, tmp_path: Path) -> Iterator[tuple[str, int, Path]]:
    """Kinesis over plain HTTP for the test, over TLS for Fluent Bit: URL, TLS port, certificate."""
    package = servers.ROOT / "node_modules" / "kinesis-local"
    if not package.exists():
        pytest.skip("kinesis-local is not installed: run `make test`, which runs npm ci")
    plain, tls, certificate = servers.free_port(), servers.free_port(), tmp_path / "ca.pem"
    env = {
        "KINESIS_MOCK_CERT_PATH": str(package / "server.json"),
        "KINESIS_MOCK_PLAIN_PORT": str(plain),
        "KINESIS_MOCK_TLS_PORT": str(tls),
    }
    command = ["node", "-r", str(servers.ROOT / "tests" / "loopback.js"), str(package / "main.js")]
    with servers.serving(command, plain, tmp_path / "emulator.log", env) as url:
        certificate.write_text(ssl.get_server_certificate(("127.0.0.1", tls)))
        yield url, tls, certificate


@pytest.mark.parametrize("name", ["fluent-bit.yaml", "fluent-bit.local.yaml"])
def test_the_configuration_is_taken(name: str, tmp_path: Path) -> None:
    """`--dry-run` refuses unknown properties, parsers and states: there are none."""
    env = _env(tmp_path, 443, tmp_path / "ca.pem", 2020)

    done = subprocess.run(
        [str(BINARY), "--dry-run", "-c", str(SHIPPED / name)], env=env, capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stderr[-2_000:])


def test_it_sends_what_the_engine_says(
    engine: Any, servers: Any, shipped: Callable[..., Any], emulator: tuple[str, int, Path], tmp_path: Path
) -> None:
    """Container logs through both: the same texts, as often."""
    url, port, certificate = emulator
    logs = tmp_path / "logs"
    assert 0 == run(50.0, COUNT, 7, f"dir:{logs}", "2026-11-21T10:00:00Z")
    pipeline = shipped()
    expected = [
        record
        for file in sorted(logs.iterdir())
        for record in pipeline.feed(f"kube.var.log.containers.{file.name}", engine.cri(file.read_bytes()))
    ]
    expected += pipeline.tick()
    kinesis = boto3.client("kinesis", endpoint_url=url)
    kinesis.create_stream(StreamName="logs", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="logs")

    with (tmp_path / "fluent-bit.log").open("wb") as out:
        shipper = subprocess.Popen(
            [str(BINARY), "-c", str(SHIPPED / "fluent-bit.local.yaml")],
            env=_env(logs, port, certificate, servers.free_port()),
            stdout=out,
            stderr=out,
        )
        try:
            servers.wait_until(lambda: len(_records(kinesis)) >= len(expected), 60, "everything in the stream")
        finally:
            shipper.send_signal(signal.SIGTERM)
            shipper.wait(40)

    assert Counter(map(_content, expected)) == Counter(map(_content, _records(kinesis)))


def _env(logs: Path, port: int, certificate: Path, http_port: int) -> dict[str, str]:
    state = logs.parent / "state"
    state.mkdir(exist_ok=True)
    return {
        **os.environ,
        "AWS_REGION": "eu-central-1",
        "CALI_KINESIS__STREAM": "logs",
        "CALI_CLUSTER": "prod",
        "CALI_FB_STATE": str(state),
        "CALI_FB_LOGS": f"{logs}/*.log",
        "CALI_FB_TAG_PREFIX": f"kube{str(logs).replace('/', '.')}.",
        "CALI_FB_HOST": "127.0.0.1",
        "CALI_FB_PORT": str(port),
        "CALI_FB_CA": str(certificate),
        "CALI_FB_HTTP_PORT": str(http_port),
    }


def _records(kinesis: Any) -> list[bytes]:
    shard = kinesis.list_shards(StreamName="logs")["Shards"][0]["ShardId"]
    asked = {"StreamName": "logs", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator, found = kinesis.get_shard_iterator(**asked)["ShardIterator"], []
    while True:
        answer = kinesis.get_records(ShardIterator=iterator)
        found += [record["Data"] for record in answer["Records"]]
        if not answer["Records"]:
            return found
        iterator = answer["NextShardIterator"]


def _content(raw: bytes) -> str:
    """What a record says, without what only a cluster or a run tells."""
    record = json.loads(raw)
    place = record["kubernetes"]
    names = ("log", "log_content", "log_json", "level", "service", "timestamp", "stream", "time", "@timestamp")
    told = {name: record.get(name) for name in names}
    return json.dumps([told, place["pod_name"], place["namespace_name"], place["container_name"]], sort_keys=True)
