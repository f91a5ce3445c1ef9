"""Processes started by the entry points with the environment of overlays/cluster: one cluster, killed, and rescaled."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from dataflows.demo.place import free_port
from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.render.archive import read_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IMAGE = Path(__file__).resolve().parents[3] / "k8s" / "image"
WAITING = 'cali_spool_waiting_files{sink="archive"}'
FAULTS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


class Cluster:
    """Pods of the StatefulSet as processes: a volume each, addresses on loopback."""

    def __init__(self, rendering: Any, folder: Path, local: dict[str, str]) -> None:
        self._rendering, self._folder, self._local = rendering, folder, local
        self._running: list[subprocess.Popen[bytes]] = []
        self._starts = 0
        self._settings: dict[str, str] = {}
        self.api: list[int] = []

    def volume(self, ordinal: int) -> Path:
        """The recovery volume of a pod."""
        return self._folder / f"recovery-cali-{ordinal}"

    def start(self, replicas: int, **settings: str) -> None:
        """Each pod: its init container, then its process, by the containers' commands."""
        self._starts += 1
        self._settings = {**self._local, **settings}
        hosts = self._folder / "hostfile.txt"
        hosts.write_text("".join(f"127.0.0.1:{free_port()}\n" for _ in range(replicas)))
        self.api = [free_port() for _ in range(replicas)]
        for ordinal in range(replicas):
            self._run(self._rendering.init(), ordinal, replicas, hosts).wait(60)
        self._running = [self._run(self._rendering.process(), ordinal, replicas, hosts) for ordinal in range(replicas)]

    def _run(self, container: dict[str, Any], ordinal: int, replicas: int, hosts: Path) -> "subprocess.Popen[bytes]":
        pod = f"cali-{ordinal}"
        volume = self.volume(ordinal)
        for folder in (volume, self._folder / f"tmp-{ordinal}", self._folder / f"work-{ordinal}"):
            folder.mkdir(exist_ok=True)
        env = self._rendering.environment(container, pod)
        moved = {name: value.replace("/var/recovery", str(volume)) for name, value in env.items()}
        own = {
            "BYTEWAX_HOSTFILE_PATH": str(hosts),
            "BYTEWAX_REPLICAS": str(replicas),
            "BYTEWAX_DATAFLOW_API_PORT": str(self.api[ordinal]),
            "BYTEWAX_DATAFLOW_API_CACHE_PATH": str(self._folder / f"tmp-{ordinal}"),
            "BYTEWAX_WORKDIR": str(self._folder / f"work-{ordinal}"),
            "BYTEWAX_SNAPSHOT_INTERVAL": "2",
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        local = {name: value for name, value in self._settings.items() if container["name"] == "process"}
        program, script = container["command"]
        with (self._folder / f"log-{self._starts}-{pod}-{container['name']}.txt").open("wb") as log:
            return subprocess.Popen(
                [program, script.replace("/bytewax", str(IMAGE))],
                env={"PATH": path, "HOME": str(self._folder), **moved, **_kept(own, env), **local},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> list[int]:
        """A signal to every process; their exit statuses."""
        for process in self._running:
            process.send_signal(number)
        statuses = [process.wait(60) for process in self._running]
        self._running = []
        return statuses

    def logs(self) -> str:
        """What the last start printed."""
        return "\n".join(
            f"[{path.name}] {path.read_text('utf-8', 'replace')[-1500:]}"
            for path in sorted(self._folder.glob(f"log-{self._starts}-*.txt"))
        )

    def end(self) -> None:
        """Kill what is left."""
        for process in self._running:
            process.kill()
            process.wait()


def _kept(own: dict[str, str], env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in own.items() if name in env}


@pytest.fixture
def cluster(
    render: Any, moto: str, opensearch: str, kinesis: Any, bucket: Any, unique: str, tmp_path: Path
) -> Iterator[tuple[Cluster, SlackStandIn]]:
    """Two pods' worth of environment, with the addresses of AWS and the like on loopback."""
    kinesis.create_stream(StreamName=unique, ShardCount=5)
    kinesis.get_waiter("stream_exists").wait(StreamName=unique, WaiterConfig={"Delay": 1})
    with SlackStandIn() as slack:
        local = {
            **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
            "CALI_KINESIS__STREAM": unique,
            "CALI_KINESIS__ENDPOINT_URL": moto,
            "CALI_KINESIS__IDLE_GAP_S": "0.2",
            "CALI_KINESIS__REFRESH_S": "1",
            "CALI_S3__BUCKET": bucket.name,
            "CALI_S3__ENDPOINT_URL": moto,
            "CALI_S3__CLOSE_TIMEOUT_S": "30",
            "CALI_OPENSEARCH__URL": opensearch,
            "CALI_OPENSEARCH__AUTH": "none",
            "CALI_OPENSEARCH__INDEX_PREFIX": unique,
            "CALI_OPENSEARCH__LINGER_S": "0.1",
            "CALI_OPENSEARCH__CLOSE_TIMEOUT_S": "30",
            "CALI_SLACK__WEBHOOK_URL": slack.webhook_url,
            "CALI_SLACK__MIN_INTERVAL_S": "0",
            "CALI_SLACK__WAIT_FOR_ANALYSIS_S": "0.5",
            "CALI_RAG__MILVUS_URI": "http://127.0.0.1:9",
            "CALI_RAG__EMBEDDING_MODEL": str(tmp_path / "no-model"),
            "CALI_RULES__PATH": str(IMAGE.parent / "base" / "rules.yaml"),
            "CALI_WINDOW__LENGTH_S": "3600",
        }
        made = Cluster(render("overlays/cluster"), tmp_path, local)
        yield made, slack
        made.end()
    kinesis.delete_stream(StreamName=unique)


class Feed:
    """Numbered records of six faults, and others below WARN."""

    def __init__(self, kinesis: Any, stream: str) -> None:
        self._kinesis, self._stream = kinesis, stream
        self.put: list[bytes] = []
        self.alarming = 0

    def more(self, count: int = 240) -> None:
        """Put some; every third is alarming."""
        records = []
        for number in range(len(self.put), len(self.put) + count):
            body = {"level": "INFO", "service": "checkout", "log_content": f"order {number} paid"}
            if number % 3 == 0:
                self.alarming += 1
                word = FAULTS[self.alarming % len(FAULTS)]
                body |= {"level": "ERROR", "log_content": f"fault number {word} broke id={number}", "unique": number}
            records.append(json.dumps(body).encode() + b"\n")
        entries = [{"Data": data, "PartitionKey": uuid.uuid4().hex} for data in records]
        assert 0 == self._kinesis.put_records(StreamName=self._stream, Records=entries)["FailedRecordCount"]
        self.put += records


def test_a_cluster_survives_kills_and_is_rescaled(
    cluster: Any, kinesis: Any, bucket: Any, search: Any, unique: str
) -> None:
    """Killed while S3 is away, and rescaled 2 -> 1 -> 2: every record is archived and indexed once, every fault told.

    What waits for S3 is on the volume of the process that read it: after the kill each finds its own again.
    """
    pods, slack = cluster
    feed = Feed(kinesis, unique)

    def indexed() -> bool:
        return len(search(f"{unique}-logs-*")) == feed.alarming

    pods.start(2, CALI_S3__ENDPOINT_URL="http://127.0.0.1:9")
    feed.more()
    _until(indexed, pods)
    up = [_get(port, path)[0] for port in pods.api for path in ("/dataflow", "/metrics")]
    read = [_metric(port, "cali_kinesis_records_total") for port in pods.api]
    own = [sorted(path.name for path in pods.volume(pod).glob("part-*.sqlite3")) for pod in (0, 1)]
    _until(lambda: all(_metric(port, WAITING) for port in pods.api), pods)  # counted once committed
    feed.more()
    _until(lambda: len(search(f"{unique}-logs-*")) > feed.alarming / 2, pods)
    killed = pods.stop(signal.SIGKILL)
    feed.more()
    pods.start(2)
    _until(indexed, pods)
    drained = [pods.stop()]
    moved = [_move([pods.volume(0), pods.volume(1)], [pods.volume(0)])]
    pods.start(1)
    feed.more()
    _until(indexed, pods)
    drained.append(pods.stop())
    moved.append(_move([pods.volume(0)], [pods.volume(0), pods.volume(1)]))
    pods.start(2)
    feed.more()
    _until(indexed, pods)
    drained.append(pods.stop())
    archived = Counter(_archived(bucket))
    told = [word for word in FAULTS if any(word in json.dumps(message.payload) for message in slack.messages)]

    assert [200] * 4 == up
    assert (240, True) == (sum(read), all(read)), read  # each reads shards of its own
    assert [[f"part-{index}.sqlite3" for index in (pod, pod + 2, pod + 4)] for pod in (0, 1)] == own
    assert [-signal.SIGKILL] * 2 == killed
    assert [[0, 0], [0], [0, 0]] == drained, pods.logs()
    assert ["3 partitions moved"] * 2 == moved
    assert Counter(feed.put) == archived
    assert feed.alarming == len({document["_id"] for document in search(f"{unique}-logs-*")})
    assert list(FAULTS) == told
    assert len(slack.messages) <= len(FAULTS) + 2


def _get(port: int, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return int(answer.status), answer.read().decode()


def _metric(port: int, name: str) -> int:
    lines = [line for line in _get(port, "/metrics")[1].splitlines() if line.startswith(f"{name} ")]
    return sum(int(float(line.split()[1])) for line in lines)


def _until(true: Callable[[], bool], pods: Cluster) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, pods.logs()
        time.sleep(0.3)


def _move(old: list[Path], new: list[Path]) -> str:
    """The command of the runbook; what it says."""
    command = [sys.executable, str(IMAGE / "partitions.py"), "move", "--old", *old, "--new", *new]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _archived(bucket: Any) -> list[bytes]:
    records: list[bytes] = []
    for entry in bucket.objects.filter(Prefix="archive/"):
        opened = zstandard.ZstdDecompressor().stream_reader(entry.get()["Body"], read_across_frames=True).read()
        records += [read_line(line).raw for line in opened.splitlines(keepends=True)]
    return records
