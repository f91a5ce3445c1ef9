"""The list of shards, one per process and asked for rarely, and which shards this process has finished."""

import threading
import time
from collections import Counter

import structlog

from connectors import metrics
from connectors.errors import ConnectorError
from connectors.kinesis.client import KinesisClient
from connectors.kinesis.shards import Shard, slot_of_shard, waits_for

log = structlog.get_logger(__name__)

_RETRY_S = 1.0
_RETENTION_S = 600.0
"""How often the retention is asked for: it can be changed, and nearly never is."""


class Topology:
    """Shared by all slots of a process. A thread asks; nothing here blocks for the network. Thread-safe.

    `finished` is the gate between parents and children: a parent's slot publishes in `snapshot()` and a child's slot
    admits in its own, so a child is read in a later epoch than its parent's last record and order per key holds.
    The gate is exact within one process. A parent that another process reads is waited for, but not longer than
    `parent_wait_s`: then its child starts, counted, and order across that reshard is relaxed.
    """

    def __init__(self, client: KinesisClient, refresh_s: float, parent_wait_s: float) -> None:
        self._client = client
        self._refresh_s = refresh_s
        self._parent_wait_s = parent_wait_s
        self._lock = threading.Lock()
        self._listed: dict[str, Shard] = {}
        self._version = 0
        self._due = 0.0
        self._asking = False
        self._forced = False
        self._rests_until = 0.0
        self._slots: set[str] = set()
        self._finished: set[str] = set()
        self._opened: set[str] = set()
        self._waiting_since: dict[str, float] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._retention_due = 0.0
        self.retention_ms: int | None = None
        """How long the stream keeps records; None while that is not known."""

    def own(self, slot: str) -> None:
        """Say that this process reads a slot."""
        with self._lock:
            self._slots.add(slot)

    def listed(self) -> tuple[int, dict[str, Shard]]:
        """The shards of the last good list, and its number; asks again in a thread when that is old."""
        with self._lock:
            if time.monotonic() >= self._due and not self._asking:
                self._asking = True
                self._forced = False
                threading.Thread(target=self._ask, name="kinesis-shards", daemon=True).start()
            return self._version, self._listed

    def force(self) -> None:
        """Ask again at once: a shard has ended, so it has children, or one is missed. After a failure, when due."""
        with self._lock:
            self._due = min(self._due, self._rests_until)
            self._forced = True

    def ends(self, shard_id: str) -> bool:
        """Whether a shard has ended as far as the last list knows: closed, a parent, or no longer named."""
        version, listed = self.listed()
        shard = listed.get(shard_id)
        if not version or shard is None:
            return bool(version)
        return shard.closed or any(shard_id in other.parents for other in listed.values())

    def publish(self, slot: str, finished: list[str], opened: list[str], waiting: int) -> None:
        """Say how a slot stands, as of a snapshot."""
        with self._lock:
            self._finished.update(finished)
            self._opened.update(opened)
            self._opened.difference_update(finished)
            self._counts[slot] = Counter(open=len(opened), waiting=waiting, done=len(finished))
            total: Counter[str] = sum(self._counts.values(), Counter())
        for state in ("open", "waiting", "done"):
            metrics.KINESIS_SHARDS.labels(state).set(total[state])

    def forget(self, shard_id: str) -> None:
        """Drop a finished shard that is no longer listed."""
        with self._lock:
            self._finished.discard(shard_id)
            self._waiting_since.pop(shard_id, None)

    def admits(self, shard: Shard) -> bool:
        """Whether a shard may be read as far as its parents are concerned."""
        with self._lock:
            parents = waits_for(shard, self._listed, self._finished, self._opened)
            if not parents:
                return True
            since = self._waiting_since.setdefault(shard.shard_id, time.monotonic())
            foreign = all(slot_of_shard(parent) not in self._slots for parent in parents)
            late = foreign and time.monotonic() - since > self._parent_wait_s
        if late:
            metrics.KINESIS_UNGATED.inc()
            log.warning(
                "kinesis.child_started_early", shard=shard.shard_id, parents=parents, waited_s=self._parent_wait_s
            )
        return late

    def _ask(self) -> None:
        due, failed = _RETRY_S, True
        try:
            if time.monotonic() >= self._retention_due:
                self._retention_due = time.monotonic() + _RETENTION_S
                self.retention_ms = self._client.retention_ms() or self.retention_ms
            listed = self._client.list_shards()
            failed = False
            with self._lock:
                if listed:  # an empty answer never forgets what is known
                    self._listed = listed
                    self._version += 1
                    due = self._refresh_s
        except ConnectorError as err:
            metrics.KINESIS_FAULTS.labels("list_shards").inc()
            log.warning("kinesis.list_failed", error=f"{type(err).__name__}: {err}", retry_s=_RETRY_S)
        finally:
            with self._lock:
                self._due = time.monotonic() + (min(due, _RETRY_S) if self._forced else due)
                self._rests_until = self._due if failed else 0.0
                self._asking = False
