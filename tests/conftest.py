"""Real servers on loopback, started once a session and shared; each test makes its own streams, buckets and indices."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import structlog

ROOT = Path(__file__).parents[1]
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port(also: int = 0) -> int:
    """A port nobody listens on just now, nor on the one that is `also` above it."""
    while True:
        with socket.socket() as probe, socket.socket() as above:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port + also > 65_535:
                continue
            with contextlib.suppress(OSError):
                above.bind(("127.0.0.1", port + also if also else 0))
                return port


def wait_until(true: Callable[[], Any], seconds: float = 30.0, what: str = "condition") -> Any:
    """Ask until the answer is true; the answer. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not become true within {seconds} s")
        time.sleep(0.05)
    return answer


@contextlib.contextmanager
def serving(command: list[str], port: int, log: Path, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run a server until the test session ends; gives its URL once it accepts connections."""
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **(env or {})}, start_new_session=True
        )

        def listening() -> bool:
            if server.poll() is not None:
                pytest.fail(f"{command[0]} ended with {server.returncode}: {log.read_text()[-2000:]}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_until(listening, 60, command[0])
            yield f"http://127.0.0.1:{port}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.fixture(scope="session")
def aws_env() -> Iterator[None]:
    """Credentials that only emulators take."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials that it saw first
        yield


@pytest.fixture(scope="session")
def moto(aws_env: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Kinesis and S3 emulator: fast, but its shards never end and it checks no digests."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, port, tmp_path_factory.mktemp("moto") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """OpenSearch-compatible server: the dialect, not the engine."""
    import osmem_server  # noqa: PLC0415 - an integration test's own

    port = free_port()
    binary = Path(osmem_server.__file__).parent / "bin" / "osmem-server"
    command = [str(binary), "-addr", f"127.0.0.1:{port}", "-no-stdin-watch"]
    with serving(command, port, tmp_path_factory.mktemp("osmem") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def seaweed(aws_env: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """S3-compatible server that checks signatures and digests."""
    folder = tmp_path_factory.mktemp("weed")
    config = folder / "s3.json"
    config.write_text(
        '{"identities":[{"name":"a","credentials":[{"accessKey":"testing","secretKey":"testing"}],'
        '"actions":["Admin","Read","Write","List","Tagging"]}]}'
    )
    ports = [free_port(also=10_000) for _ in range(4)]  # each serves gRPC 10,000 above
    command = [
        *(str(Path(sys.executable).parent / "weed"), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-dir={folder}", f"-master.port={ports[0]}", f"-volume.port={ports[1]}", "-volume.max=200"),
        *("-master.volumeSizeLimitMB=64", "-filer", f"-filer.port={ports[2]}"),
        *("-s3", f"-s3.port={ports[3]}", f"-s3.config={config}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),  # fixed ports otherwise: a second server would end
    ]
    with serving(command, ports[3], folder / "log") as url:
        yield url


@pytest.fixture(scope="session")
def kinesis_local(aws_env: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Kinesis emulator with real resharding; slow, so for a few thousand records at most."""
    package = ROOT / "node_modules" / "kinesis-local"
    if not package.exists():
        pytest.skip("kinesis-local is not installed: run `make test`, which runs npm ci")
    folder = tmp_path_factory.mktemp("kinesis")
    port, tls = free_port(), free_port()
    env = {
        "KINESIS_MOCK_CERT_PATH": str(package / "server.json"),
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(tls),
    }
    loopback = ROOT / "tests" / "loopback.js"
    command = ["node", "-r", str(loopback), str(package / "main.js")]
    with serving(command, port, folder / "log", env) as url:
        yield url


@pytest.fixture
def quiet_logs() -> Iterator[None]:
    """Logs go past `capsys`: threads that end a little after their test would write into the output of this one."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield
    structlog.configure(**before)


@pytest.fixture
def unique() -> str:
    """A name no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def kinesis(moto: str) -> Any:
    """A boto3 Kinesis client on moto."""
    return boto3.Session().client("kinesis", endpoint_url=moto)


@pytest.fixture
def bucket(moto: str, unique: str) -> Iterator[Any]:
    """A fresh bucket on moto."""
    resource = boto3.Session().resource("s3", endpoint_url=moto)
    made = resource.create_bucket(
        Bucket=unique, CreateBucketConfiguration={"LocationConstraint": AWS["AWS_DEFAULT_REGION"]}
    )
    yield made
    made.objects.all().delete()
    made.delete()


@pytest.fixture
def search(opensearch: str) -> Callable[[str], list[dict[str, Any]]]:
    """Every document of the indices that match a pattern."""

    def documents(pattern: str) -> list[dict[str, Any]]:
        requests.post(f"{opensearch}/{pattern}/_refresh", timeout=10)
        answer = requests.post(f"{opensearch}/{pattern}/_search", json={"size": 10_000}, timeout=30).json()
        return [{"_id": hit["_id"], **hit["_source"]} for hit in answer.get("hits", {}).get("hits", [])]

    return documents
