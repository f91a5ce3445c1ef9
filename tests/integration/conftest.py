"""The real page in a process of its own, against the real local parts."""

import io
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.render.archive import Archived, read_line


@dataclass
class Pipeline:
    """One deployment: a stream, a bucket, indices, a channel, a recovery store; started and stopped at will."""

    stream: str
    folder: Path
    env: dict[str, str]
    kinesis: Any
    bucket: Any
    slack: SlackStandIn
    search: Callable[[str], list[dict[str, Any]]]
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    put_records: list[bytes] = field(default_factory=list)

    def start(self, *, workers: int = 1, interval: int = 1, **settings: str) -> None:
        """Run `python -m bytewax.run` with recovery, from an empty work directory."""
        recovery = self.folder / "recovery"
        if not recovery.exists():
            recovery.mkdir()
            subprocess.run([sys.executable, "-m", "bytewax.recovery", str(recovery), "1"], check=True)
        self.starts += 1
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "bytewax.run", "dataflows.log_intelligence"),
                    *("-r", str(recovery), "-s", str(interval), "-b", "0", "-w", str(workers)),
                ],
                env={**os.environ, **self.env, **settings},
                cwd=work,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> Path:
        """What the present process printed."""
        return self.folder / f"log-{self.starts}.txt"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process = None

    def put(self, records: list[bytes]) -> None:
        """Put records with random partition keys."""
        for start in range(0, len(records), 500):
            entries = [{"Data": data, "PartitionKey": uuid.uuid4().hex} for data in records[start : start + 500]]
            answer = self.kinesis.put_records(StreamName=self.stream, Records=entries)
            assert answer["FailedRecordCount"] == 0
        self.put_records += records

    def objects(self, kind: str) -> list[bytes]:
        """Lines of the objects below a prefix, decompressed."""
        lines: list[bytes] = []
        for entry in self.bucket.objects.filter(Prefix=f"{kind}/"):
            body = entry.get()["Body"].read()
            opened = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True).read()
            lines += opened.splitlines(keepends=True)
        return lines

    def archived(self) -> list[Archived]:
        """Every archived record, read back."""
        return [read_line(line) for line in self.objects("archive")]

    def dead(self) -> list[dict[str, Any]]:
        """Every dead letter."""
        return [json.loads(line) for line in self.objects("dead-letters")]

    def documents(self) -> list[dict[str, Any]]:
        """Every indexed record."""
        return self.search(f"{self.env['CALI_OPENSEARCH__INDEX_PREFIX']}-logs-*")

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert document."""
        return self.search(f"{self.env['CALI_OPENSEARCH__INDEX_PREFIX']}-alerts-*")


@pytest.fixture
def pipeline(
    moto: str, opensearch: str, kinesis: Any, bucket: Any, search: Any, unique: str, tmp_path: Path
) -> Iterator[Pipeline]:
    """A fresh deployment with two shards in one slot's reach and a Slack stand-in; explanations without runbooks."""
    kinesis.create_stream(StreamName=unique, ShardCount=3)
    kinesis.get_waiter("stream_exists").wait(StreamName=unique, WaiterConfig={"Delay": 1})
    with SlackStandIn() as slack:
        env = {
            "CALI_KINESIS__STREAM": unique,
            "CALI_KINESIS__ENDPOINT_URL": moto,
            "CALI_KINESIS__IDLE_GAP_S": "0.2",
            "CALI_KINESIS__REFRESH_S": "1",
            "CALI_S3__BUCKET": bucket.name,
            "CALI_S3__ENDPOINT_URL": moto,
            "CALI_OPENSEARCH__URL": opensearch,
            "CALI_OPENSEARCH__INDEX_PREFIX": unique,
            "CALI_OPENSEARCH__LINGER_S": "0.1",
            "CALI_OPENSEARCH__CLOSE_TIMEOUT_S": "30",
            "CALI_S3__CLOSE_TIMEOUT_S": "30",
            "CALI_SLACK__WEBHOOK_URL": slack.webhook_url,
            "CALI_SLACK__MIN_INTERVAL_S": "0",
            "CALI_SLACK__BACKOFF_S": "0.1",
            "CALI_SLACK__WAIT_FOR_ANALYSIS_S": "0.5",
            "CALI_STATE__DIR": str(tmp_path / "state"),
            "CALI_RAG__MILVUS_URI": str(tmp_path / "kb.db"),
            "CALI_RAG__EMBEDDING_MODEL": str(tmp_path / "no-model"),
        }
        made = Pipeline(unique, tmp_path, env, kinesis, bucket, slack, search)
        yield made
        if made.process is not None:
            made.process.kill()
            made.process.wait()
    kinesis.delete_stream(StreamName=unique)
