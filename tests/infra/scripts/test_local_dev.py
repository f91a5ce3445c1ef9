"""The scripts for local development, run for real: a certificate, an emulator, a stream, logs."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).parents[3]
LOCAL = ROOT / "scripts" / "local-dev"
AWS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}

pytestmark = pytest.mark.slow


def _run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CALI_", "AWS_"))}
    return subprocess.run(
        [str(word) for word in command],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def emulator(port: int) -> Iterator[int]:
    """Port of a moto that the script started, and ends."""
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("the scripts use .venv, which is not there: run scripts/setup.sh")
    started = _run(LOCAL / "start-localstack.sh", "--moto", LOCAL_AWS_PORT=str(port))
    try:
        assert (0, f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port} ") == (
            started.returncode,
            started.stdout[: len(f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port} ")],
        ), started.stderr
        yield port
    finally:
        _run(LOCAL / "start-localstack.sh", "--stop", LOCAL_AWS_PORT=str(port))


def test_a_first_day(emulator: int) -> None:
    """The emulator starts, stream and bucket are made once, the logs are in the stream, and it can be ended."""
    for outcome in ("made", "was there"):
        seeded = _run(LOCAL / "seed-data.sh", "--count", "300", "--rate", "1000", LOCAL_AWS_PORT=str(emulator))
        said = [f"stream cali-log-stream: {outcome}", f"bucket cali-logs: {outcome}"]
        assert (0, said) == (seeded.returncode, seeded.stdout.splitlines()), seeded.stderr
    again = _run(LOCAL / "start-localstack.sh", "--moto", LOCAL_AWS_PORT=str(emulator))
    assert (0, True) == (again.returncode, "moto runs already" in again.stderr)

    session = boto3.Session("local", "local", region_name="us-east-1")
    kinesis = session.client("kinesis", endpoint_url=f"http://127.0.0.1:{emulator}")
    count = 0
    for shard in kinesis.list_shards(StreamName="cali-log-stream")["Shards"]:
        where = kinesis.get_shard_iterator(
            StreamName="cali-log-stream", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        count += len(kinesis.get_records(ShardIterator=where["ShardIterator"])["Records"])
    assert 600 == count

    stopped = _run(LOCAL / "start-localstack.sh", "--stop", LOCAL_AWS_PORT=str(emulator))
    assert (0, True) == (stopped.returncode, "+ kill " in stopped.stderr)


def test_a_foreign_port_is_left_alone(port: int) -> None:
    """Something else on the port is neither used nor ended."""
    with socket.create_server(("127.0.0.1", port)):
        done = _run(LOCAL / "start-localstack.sh", "--moto", LOCAL_AWS_PORT=str(port))
    assert (2, True) == (done.returncode, f"port {port} is taken by something else" in done.stderr)


def test_an_account_is_refused() -> None:
    """Without endpoints nothing is made: it might be a real account."""
    done = _run(sys.executable, LOCAL / "make_local.py", PYTHONPATH=str(ROOT))
    assert (1, True) == (done.returncode, "CALI_KINESIS__ENDPOINT_URL is not set" in done.stderr)


def test_the_generators_logs(tmp_path: Path) -> None:
    """A round is a minute of container logs at its rate, none of them from the future."""
    before = datetime.now(UTC)
    logs = tmp_path / "logs"
    done = _run(
        *("sh", LOCAL / "generate-logs.sh", logs),
        CALI=str(Path(sys.executable).parent / "cali"),
        RATE="2",
        ROUNDS="1",
        PYTHON=sys.executable,
    )
    assert (0, "") == (done.returncode, done.stderr)
    stamps = [
        datetime.fromisoformat(f"{line[:26]}+00:00")
        for file in logs.glob("*.log")
        for line in file.read_text("utf-8", "replace").splitlines()
    ]
    assert len(stamps) >= 120
    assert before - timedelta(seconds=61) <= min(stamps) <= max(stamps) <= datetime.now(UTC)


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A folder that the script has put a certificate into."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on the path")
    folder = tmp_path / "tls"
    done = _run("sh", LOCAL / "prepare-volumes.sh", folder, tmp_path / "state" / "recovery", HOST_NAME="aws")
    assert (0, "") == (done.returncode, done.stderr)
    return folder


def test_the_certificate_is_for_the_emulator(tls: Path) -> None:
    """A client that trusts the authority takes the certificate for its names and no other; the key is private."""
    client = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tls / "aws.pem", tls / "aws.key")
    for name, taken in (("aws", True), ("localhost", True), ("elsewhere", False)):
        assert taken == _shake_hands(client, server, name), name
    assert 0o600 == (tls / "aws.key").stat().st_mode & 0o777
    assert ["aws.key", "aws.pem", "ca.pem"] == sorted(path.name for path in tls.iterdir())


def test_a_certificate_stays(tls: Path, tmp_path: Path) -> None:
    """A second start changes nothing: what trusts the first certificate goes on. Folders are made."""
    before = (tls / "aws.pem").read_bytes()
    assert 0 == _run("sh", LOCAL / "prepare-volumes.sh", tls).returncode
    assert before == (tls / "aws.pem").read_bytes()
    assert (tmp_path / "state" / "recovery").is_dir()


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    """Whether the client takes the server's certificate for that name; in memory, no socket."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return ours.version() is not None
