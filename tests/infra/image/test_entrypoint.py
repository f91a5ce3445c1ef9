"""The container's command line, from a wheel that is installed somewhere else, in an empty directory."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataflows.demo.place import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / "k8s" / "image"
WAXCTL = ROOT / "k8s" / "waxctl" / "dataflow.py"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with CALI's wheel; its dependencies are those of this one, without this checkout."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "--wheel-dir", str(folder)]
    built = subprocess.run(wheel, capture_output=True, text=True, check=False)
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("hatchling cannot be fetched: the build needs a package index")
    assert 0 == built.returncode, built.stderr
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next((venv / "lib").glob("python3*/site-packages"))
    (found,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(found)]
    subprocess.run(pip, check=True)
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")  # its own .pth files are not read
    (venv / "bin" / "sh").symlink_to("/bin/bash")  # as the Dockerfile does, and says why
    return venv


@pytest.fixture
def run(
    installed: Path, moto: str, opensearch: str, kinesis: Any, bucket: Any, unique: str, tmp_path: Path
) -> Iterator[Callable[..., tuple["subprocess.Popen[bytes]", int]]]:
    """Start both entry points of the image in turn, as a container does; gives the process and its port."""
    kinesis.create_stream(StreamName=unique, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=unique, WaiterConfig={"Delay": 1})
    running: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], **variables: str) -> tuple["subprocess.Popen[bytes]", int]:
        port = free_port()
        for name in ("work", "recovery", "tmp"):
            (tmp_path / name).mkdir(exist_ok=True)
        env = {
            **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
            "PATH": f"{installed / 'bin'}{os.pathsep}{os.defpath}",
            "HOME": str(tmp_path / "tmp"),
            "TMPDIR": str(tmp_path / "tmp"),
            "BYTEWAX_WORKDIR": str(tmp_path / "work"),
            "BYTEWAX_RECOVERY_DIRECTORY": str(tmp_path / "recovery"),
            "BYTEWAX_RECOVERY_PARTS": "6",
            "BYTEWAX_SNAPSHOT_INTERVAL": "2",
            "BYTEWAX_RECOVERY_BACKUP_INTERVAL": "0",
            "BYTEWAX_DATAFLOW_API_ENABLED": "true",
            "BYTEWAX_DATAFLOW_API_PORT": str(port),
            "CALI_KINESIS__STREAM": unique,
            "CALI_KINESIS__ENDPOINT_URL": moto,
            "CALI_S3__BUCKET": bucket.name,
            "CALI_S3__ENDPOINT_URL": moto,
            "CALI_OPENSEARCH__URL": opensearch,
            "CALI_OPENSEARCH__INDEX_PREFIX": unique,
            "CALI_RAG__MILVUS_URI": "http://127.0.0.1:9",
            "CALI_RAG__EMBEDDING_MODEL": str(tmp_path / "no-model"),
            "CALI_STATE__DIR": str(tmp_path / "recovery" / "state"),
            **variables,
        }
        subprocess.run(["sh", "./entrypoint-recovery.sh"], cwd=IMAGE, env=env, check=True)
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=IMAGE, env=env, stdout=log, stderr=log)
        running.append(process)
        return process, port

    yield start
    for process in running:
        process.kill()
        process.wait()
    kinesis.delete_stream(StreamName=unique)


def _body(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return ""


@pytest.mark.parametrize(
    ("command", "flow"),
    [
        (["sh", "./entrypoint.sh"], ""),
        (["sh", "-c", "sh ./entrypoint.sh"], str(WAXCTL)),
    ],
    ids=["as k8s/base starts it", "as the Bytewax chart starts it"],
)
def test_the_page_starts_answers_and_drains(
    run: Any, installed: Path, tmp_path: Path, kinesis: Any, unique: str, command: list[str], flow: str
) -> None:
    """Ready on /dataflow, reads, answers /metrics with CALI's own, and SIGTERM to the first process ends it with 0."""
    process, port = run(command, **({"BYTEWAX_PYTHON_FILE_PATH": flow} if flow else {}))
    log = tmp_path / "log"

    def seen(path: str, word: str) -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        return word in _body(port, path)

    _until(lambda: seen("/dataflow", "kinesis_in"))
    _until(lambda: seen("/metrics", "cali_kinesis_reads_total"))
    kinesis.put_record(StreamName=unique, Data=b'{"level":"INFO","log":"a"}\n', PartitionKey="a")
    _until(lambda: seen("/metrics", "cali_kinesis_records_total 1.0"))
    scraped = _body(port, "/metrics")
    maps = Path(f"/proc/{process.pid}/cmdline")
    program = maps.read_bytes().split(b"\0")[0] if maps.exists() else b"python"
    process.send_signal(signal.SIGTERM)

    assert 0 == process.wait(60), log.read_text()[-3000:]
    assert program.endswith(b"python")  # no shell is left to keep the signal
    assert "process_start_time_seconds" in scraped
    assert [] == list((tmp_path / "work").iterdir())
    assert (tmp_path / "tmp" / "dataflow.json").exists()


def test_what_runs_is_the_wheel(installed: Path, tmp_path: Path) -> None:
    """In an empty directory the three packages come from the installed wheel, not from this checkout."""
    script = "import connectors, dataflows, rag; print(*{p.__file__ for p in (connectors, dataflows, rag)}, sep='\\n')"
    told = subprocess.run(
        [str(installed / "bin" / "python"), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert 3 == len(told)
    assert [True] * 3 == [Path(path).is_relative_to(installed) for path in told]


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)
