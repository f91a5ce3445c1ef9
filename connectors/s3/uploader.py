"""One thread that brings committed spool files to S3."""

import heapq
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

import structlog

from connectors import metrics
from connectors.breaker import OpenCircuitError, breaker
from connectors.errors import TerminalError
from connectors.s3.client import client, reason, sorted_errors
from connectors.s3.config import S3Config
from connectors.s3.objects import DamagedError, is_up, put
from connectors.spool import Commits, Pressure, Sealed, set_aside

log = structlog.get_logger(__name__)

MAX_BACKOFF_S = 30.0
_CLOSING_PAUSE_S = 0.1


class _Job(NamedTuple):
    since: float
    """When the file was begun: the oldest goes first."""
    number: int
    """Order of submission; no two jobs have the same."""
    path: Path
    entry: Sealed
    sealed_at: int
    size: int
    done: Callable[[Sealed], None]


class Uploader:
    """One thread that uploads committed spool files, oldest first, for ever: S3 being down only makes the spool grow.

    A file that the disk changed or cannot read is set aside and told, and holds up no other. All uploaders of a bucket
    share one circuit breaker: while S3 fails, one call in ten seconds asks for all, and the files wait in the spool.
    """

    def __init__(self, config: S3Config, name: str, commits: Commits, pressure: Pressure) -> None:
        self.place = (config.bucket, config.prefix)
        """Bucket and prefix that it uploads to."""
        self._config = config
        self._name = name
        self._commits = commits
        self._pressure = pressure
        self._jobs: list[_Job] = []
        self._busy: _Job | None = None
        self._submitted = 0
        self._wake = threading.Condition()
        self._closing = False
        self._deadline = 0.0
        self._thread: threading.Thread | None = None
        self._waiting_bytes = 0
        # A damaged file says nothing of S3. Should one be what tries after an outage, the circuit closes too early,
        # and five calls find out.
        address = f"{config.endpoint_url or config.region or ''}/{config.bucket}"
        self._circuit = breaker("s3", address, answers=(TerminalError, DamagedError))

    def submit(self, path: Path, entry: Sealed, done: Callable[[Sealed], None], *, committed: bool) -> None:
        """Queue one sealed file. It waits for the commit unless `committed` (it was in a resumed state)."""
        size = path.stat().st_size if path.exists() else 0  # a file of a resumed state may be up already
        with self._wake:
            sealed_at = -1 if committed else self._commits.count
            self._submitted += 1
            job = _Job(entry.get("since", 0.0), self._submitted, path, entry, sealed_at, size, done)
            heapq.heappush(self._jobs, job)
            self._waiting_bytes += size
            self._measure()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=f"s3-{self._name}", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def drain(self) -> None:
        """Upload what is sealed before the process ends, within the configured time.

        Safe before the last commit: a replay makes the same names and overwrites.
        """
        with self._wake:
            if not self._closing:
                self._closing = True
                self._deadline = time.monotonic() + self._config.close_timeout_s
            self._wake.notify_all()
            while self._left and (seconds := self._deadline - time.monotonic()) > 0:
                self._wake.wait(min(seconds, 0.1))
            if self._left:
                log.warning("s3.left_in_spool", sink=self._name, files=self._left)

    @property
    def _left(self) -> int:
        return len(self._jobs) + (self._busy is not None)

    def _next(self) -> _Job | None:
        """The oldest job that may go up, taken off the queue; None once a stop has waited long enough."""
        with self._wake:
            while True:
                if self._closing and time.monotonic() >= self._deadline:
                    return None
                if self._jobs and (self._closing or self._jobs[0].sealed_at < self._commits.count):
                    self._busy = heapq.heappop(self._jobs)
                    return self._busy
                self._wake.wait(0.2 if self._jobs or self._closing else None)

    def _run(self) -> None:
        s3 = None
        attempt = 0
        while (job := self._next()) is not None:
            try:
                with self._circuit(), sorted_errors():
                    s3 = s3 or client(self._config)
                    self._upload(s3, job)
            except DamagedError as err:
                self._set_aside(job, err)
            except OpenCircuitError as err:
                self._put_back(job)
                self._pause(err.wait_s)
                continue
            except Exception as err:  # noqa: BLE001 - a thread that ends would end uploads, and nobody would see it
                metrics.S3_FAULTS.labels(self._name).inc()
                wait = SystemRandom().uniform(0, min(MAX_BACKOFF_S, 0.5 * 2 ** min(attempt, 10)))
                attempt += 1
                log.warning("s3.upload_failed", sink=self._name, key=job.entry["key"], error=reason(err), retry_s=wait)
                self._put_back(job)
                self._pause(wait)
                continue
            attempt = 0
            self._settle(job)

    def _put_back(self, job: _Job) -> None:
        with self._wake:
            heapq.heappush(self._jobs, job)
            self._busy = None
            self._wake.notify_all()

    def _settle(self, job: _Job) -> None:
        job.done(job.entry)
        self._pressure.shrank(job.size)
        with self._wake:
            self._busy = None
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
            # Uploaded before a crash that came between unlink and the next snapshot; unless the volume lost it.
            if not is_up(s3, self._config, job.entry):
                metrics.SPOOL_DAMAGED.labels(self._name).inc()
                effect = "its records are lost here; Kinesis has them for as long as its retention"
                log.error("s3.spool_file_missing", sink=self._name, **_told(job.entry), effect=effect)
            return
        with metrics.S3_SECONDS.labels(self._name).time():
            put(s3, self._config, job.path, job.entry)
        job.path.unlink(missing_ok=True)
        metrics.S3_OBJECTS.labels(self._name).inc()
        metrics.S3_RECORDS.labels(self._name).inc(job.entry["count"])

    def _set_aside(self, job: _Job, err: DamagedError) -> None:
        metrics.SPOOL_DAMAGED.labels(self._name).inc()
        try:
            folder = set_aside([job.path])
        except OSError:
            folder = job.path.parent  # a disk that refuses that too: the next start tries the file again
        log.error("s3.spool_file_damaged", sink=self._name, **_told(job.entry), error=str(err), folder=str(folder))

    def _measure(self) -> None:
        """Called with the lock held."""
        metrics.SPOOL_WAITING_FILES.labels(self._name).set(self._left)
        metrics.SPOOL_WAITING_BYTES.labels(self._name).set(self._waiting_bytes)
        oldest = min((job.since for job in (self._busy, *self._jobs[:1]) if job is not None), default=0.0)
        metrics.SPOOL_OLDEST.labels(self._name).set(oldest)


def _told(entry: Sealed) -> dict[str, Any]:
    return {"key": entry["key"], "first": entry["first"], "last": entry["last"], "records": entry["count"]}
