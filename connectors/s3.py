"""Objects in S3, exactly once in effect: names are made of data, so that a replay overwrites what it wrote before."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple
from urllib.parse import unquote
from uuid import uuid4

import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from pydantic import BaseModel, ConfigDict, Field

from connectors import metrics
from connectors.errors import TerminalError, TransientError
from connectors.slots import SLOTS, slot_number
from connectors.spool import Chunk, Commits, Sealed, SpoolPart

log = structlog.get_logger(__name__)

MAX_BACKOFF_S = 30.0
_CLOSING_PAUSE_S = 0.1


class S3Config(BaseModel):
    """Where objects go."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    bucket: str = "cali-logs"
    """Bucket of the archive and of the dead letters."""
    prefix: str = ""
    """Put in front of every key, for example `prod/`."""
    endpoint_url: str | None = None
    """Only for S3-compatible stores and emulators."""
    region: str | None = None
    """AWS region; empty: the SDK's own chain."""
    timeout_s: float = Field(default=20.0, gt=0)
    """Connect and read time-out of one call, seconds."""
    close_timeout_s: float = Field(default=10.0, ge=0)
    """How long a stop waits for uploads; what is left goes up after the next start."""


def client(config: S3Config) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """An S3 client with CALI's time-outs; the SDK retries throttling and 5xx itself, three times."""
    import boto3  # noqa: PLC0415 - half a second that only those who connect should pay

    return boto3.client(
        "s3",
        region_name=config.region,
        endpoint_url=config.endpoint_url,
        config=Config(
            connect_timeout=config.timeout_s,
            read_timeout=config.timeout_s,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path"} if config.endpoint_url else {},
        ),
    )


class _Job(NamedTuple):
    path: Path
    entry: Sealed
    sealed_at: int
    size: int
    done: Callable[[Sealed], None]


class Uploader:
    """One thread that uploads committed spool files in order, for ever: S3 being down only makes the spool grow."""

    def __init__(self, config: S3Config, name: str, commits: Commits) -> None:
        self._config = config
        self._name = name
        self._commits = commits
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._deadline = 0.0
        self._thread: threading.Thread | None = None
        self._waiting_bytes = 0

    def submit(self, path: Path, entry: Sealed, done: Callable[[Sealed], None], *, committed: bool) -> None:
        """Queue one sealed file. It waits for the commit unless `committed` (it was in a resumed state)."""
        size = path.stat().st_size if path.exists() else 0  # a file of a resumed state may be up already
        with self._wake:
            self._jobs.append(_Job(path, entry, -1 if committed else self._commits.count, size, done))
            self._waiting_bytes += size
            self._measure()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"s3-{self._name}", daemon=True)
                self._thread.start()
            self._wake.notify()

    def drain(self) -> None:
        """Upload what is sealed before the process ends, within the configured time.

        Safe before the last commit: a replay makes the same names and overwrites.
        """
        with self._wake:
            if not self._closing:
                self._closing = True
                self._deadline = time.monotonic() + self._config.close_timeout_s
            self._wake.notify_all()
            while self._jobs and (left := self._deadline - time.monotonic()) > 0:
                self._wake.wait(min(left, 0.1))
            if self._jobs:
                log.warning("s3.left_in_spool", sink=self._name, files=len(self._jobs))

    def _next(self) -> _Job:
        with self._wake:
            while True:
                if self._jobs and (self._closing or self._jobs[0].sealed_at < self._commits.count):
                    return self._jobs[0]
                self._wake.wait(0.2 if self._jobs else None)

    def _run(self) -> None:
        s3 = None
        attempt = 0
        while True:
            job = self._next()
            try:
                s3 = s3 or client(self._config)
                self._upload(s3, job)
            except Exception as err:  # noqa: BLE001 - a thread that ends would end uploads, and nobody would see it
                metrics.S3_FAULTS.labels(self._name).inc()
                wait = SystemRandom().uniform(0, min(MAX_BACKOFF_S, 0.5 * 2 ** min(attempt, 10)))
                attempt += 1
                log.warning("s3.upload_failed", sink=self._name, key=job.entry["key"], error=_reason(err), retry_s=wait)
                self._pause(wait)
                continue
            attempt = 0
            job.done(job.entry)
            with self._wake:
                self._jobs.popleft()
                self._waiting_bytes -= job.size
                self._measure()
                self._wake.notify_all()

    def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; the short time of a stop is used for more of them."""
        with self._wake:
            if not self._closing:
                self._wake.wait_for(lambda: self._closing, seconds)
                return
        time.sleep(min(seconds, _CLOSING_PAUSE_S))

    def _upload(self, s3: Any, job: _Job) -> None:  # noqa: ANN401 - boto3 client
        if not job.path.exists():
            return  # uploaded before a crash that came between unlink and the next snapshot
        entry = job.entry
        with metrics.S3_SECONDS.labels(self._name).time(), job.path.open("rb") as body:
            s3.put_object(
                Bucket=self._config.bucket,
                Key=self._config.prefix + entry["key"],
                Body=body,
                ContentType="application/zstd",
                Metadata={"records": str(entry["count"]), "first": entry["first"], "last": entry["last"]},
            )
        job.path.unlink(missing_ok=True)
        metrics.S3_OBJECTS.labels(self._name).inc()
        metrics.S3_RECORDS.labels(self._name).inc(entry["count"])

    def _measure(self) -> None:
        """Called with the lock held."""
        metrics.SPOOL_WAITING_FILES.labels(self._name).set(len(self._jobs))
        metrics.SPOOL_WAITING_BYTES.labels(self._name).set(self._waiting_bytes)


def _reason(err: Exception) -> str:
    """The AWS error code or the exception's name: no body, no key."""
    if isinstance(err, ClientError):
        return str(err.response.get("Error", {}).get("Code", "unknown"))
    return type(err).__name__


class S3Sink(FixedPartitionedSink[Chunk, list[Sealed]]):
    """Writes chunks of framed records to S3 as zstd-compressed NDJSON.

    Unit of parallelism: one of 64 fixed slots, chosen by shard. Guarantee: nothing committed is lost while the spool's
    volume lives, and after any number of crashes each record is in exactly one object, because an object holds one
    shard and one epoch and is named by its first sequence number. State: the sealed files not yet seen in S3.
    """

    def __init__(self, name: str, config: S3Config, directory: Path, commits: Commits) -> None:
        """`name` labels metrics and the folder below `directory`, which must be on the recovery volume."""
        self._name = name
        self._directory = directory / name
        self._uploader = Uploader(config, name, commits)

    def list_parts(self) -> list[str]:
        """The fixed slots."""
        return list(SLOTS)

    def part_fn(self, item_key: str) -> int:
        """Slot by its own name: the source's slot of a shard is the sink's, so nothing changes worker on the way."""
        return slot_number(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: list[Sealed] | None) -> "_S3Partition":
        """Resume one slot: known files go up, unknown ones go."""
        del step_id
        return _S3Partition(self._name, self._directory / for_part, resume_state or [], self._uploader)


class _S3Partition(StatefulSinkPartition[Chunk, list[Sealed]]):
    def __init__(self, name: str, directory: Path, known: list[Sealed], uploader: Uploader) -> None:
        self._name = name
        self._spool = SpoolPart(directory, known)
        self._uploader = uploader
        self._lock = threading.Lock()
        self._unconfirmed = {entry["key"]: entry for entry in known}
        for entry in known:
            uploader.submit(self._spool.path(entry), entry, self._confirm, committed=True)

    def write_batch(self, values: list[Chunk]) -> None:
        for chunk in values:
            self._spool.write(chunk)
            metrics.SPOOL_RECORDS.labels(self._name).inc(chunk.records)

    def snapshot(self) -> list[Sealed]:
        for entry in self._spool.seal():
            with self._lock:
                self._unconfirmed[entry["key"]] = entry
            self._uploader.submit(self._spool.path(entry), entry, self._confirm, committed=False)
        with self._lock:
            return list(self._unconfirmed.values())

    def _confirm(self, entry: Sealed) -> None:
        with self._lock:
            self._unconfirmed.pop(entry["key"], None)

    def close(self) -> None:
        self._uploader.drain()


class S3Outbox:
    """Single objects that must reach S3 although no epoch commits them: durable when `put` returns.

    The same key is the same object. Files left by an earlier process go up when the next one starts.
    """

    def __init__(self, name: str, config: S3Config, directory: Path) -> None:
        self._directory = directory / name
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._uploader = Uploader(config, name, Commits())
        for path in sorted(self._directory.iterdir()):
            self._submit(path, unquote(path.name), 1)

    def put(self, chunk: Chunk) -> None:
        """Write, sync and queue one object. Called from any thread."""
        part = SpoolPart(self._directory, None)
        part.write(chunk)
        for entry in part.seal():
            self._submit(part.path(entry), entry["key"], entry["count"])

    def _submit(self, path: Path, key: str, count: int) -> None:
        entry = Sealed(key=key, count=count, first="", last="")
        self._uploader.submit(path, entry, _nothing, committed=True)


def _nothing(_: Sealed) -> None:
    """No state to update."""


@lru_cache(maxsize=4)
def _reader(config: S3Config) -> Any:  # noqa: ANN401 - boto3 client
    """One client for many reads: making one takes some 50 ms."""
    return client(config)


def keys(config: S3Config, bucket: str, prefix: str) -> Iterator[str]:
    """Keys below a prefix, in order."""
    for page in _reader(config).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield str(entry["Key"])


def fetch(config: S3Config, bucket: str, key: str) -> tuple[bytes, float]:
    """The bytes of one object, and when it was written, seconds since the epoch."""
    answer = _reader(config).get_object(Bucket=bucket, Key=key)
    return answer["Body"].read(), answer["LastModified"].timestamp()


def create_bucket(config: S3Config) -> None:
    """Make the bucket. For emulators: a real bucket is made by Terraform. Raises as `probe` does."""
    elsewhere = config.region not in {None, "us-east-1"}  # the one region that must not be named (AWS API reference)
    where = {"CreateBucketConfiguration": {"LocationConstraint": config.region}} if elsewhere else {}
    with _sorted_errors():
        client(config).create_bucket(Bucket=config.bucket, **where)


def probe(config: S3Config) -> None:
    """Write and delete one tiny object below `<prefix>check/`: what the pipeline must be allowed to do.

    Raises:
        TerminalError: the bucket refused, or does not exist; the message is the service's error code.
        TransientError: it could not be reached.
    """
    key = f"{config.prefix}check/{uuid4()}"
    with _sorted_errors():
        s3 = client(config)
        s3.put_object(Bucket=config.bucket, Key=key, Body=b"cali check\n")
        s3.delete_object(Bucket=config.bucket, Key=key)


@contextmanager
def _sorted_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as err:
        raise TerminalError(_reason(err)) from err
    except (BotoCoreError, OSError) as err:
        raise TransientError(_reason(err)) from err
