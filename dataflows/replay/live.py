"""Runs the page for real over replayed records, beside a pipeline that may be running."""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bytewax.testing import run_main
from prometheus_client import REGISTRY

from connectors.spool import Commits
from dataflows.endpoints import Drain, live
from dataflows.log_intelligence import build
from dataflows.replay.files import Origin, ReplayError
from dataflows.replay.page import Nowhere
from dataflows.replay.source import ReplaySource
from dataflows.settings import Settings
from dataflows.steps.clock import EventClock

FINISH_S = 60.0
"""How long the end waits for explanations in flight. Our choice: longer than a model's own time-outs."""
_POLL_S = 0.05


def replay(settings: Settings, origins: Iterator[Origin], drain: Drain) -> list[str]:
    """Run the page over records for real, but for the archive, which has them.

    Windows go by event time; Slack's pace, back-off and times of sending by the wall. The spool is a folder of this
    replay alone: a pipeline that runs on the same state folder keeps its own, and shares the Slack ledger only.
    Returns what could not be delivered, a line each with what to do; empty if all was.

    Raises:
        ReplayError: the state folder cannot be written.
    """
    spool = _spool(settings.state.dir)
    commits = Commits()
    try:
        io = live(settings, drain=drain, commits=commits, spool=spool)
        io = replace(
            io,
            source=ReplaySource(origins, commits),
            archive=Nowhere(),
            clock=EventClock(),
            finish=True,
            explaining=replace(io.explaining, finish_s=FINISH_S),
            delivering=replace(io.delivering, finish=True),
        )
        run_main(build(settings, io))  # type: ignore[no-untyped-call] # untyped in Bytewax
        _await_uploads(spool / "refused", settings.s3.close_timeout_s)
    finally:
        left = _tidy(spool)
    return _undelivered(spool, left)


def _spool(state: Path) -> Path:
    """A new folder: never one that an earlier process of the same number left behind."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Path(tempfile.mkdtemp(prefix=f"replay-{os.getpid()}-", dir=state))
    except OSError as err:
        msg = f"the state folder {str(state)!r} cannot be written ({err.strerror}): set CALI_STATE__DIR to one that can"
        raise ReplayError(msg) from err


def _await_uploads(outbox: Path, seconds: float) -> None:
    """Single objects go up outside the commit, by a thread that nothing else waits for."""
    deadline = time.monotonic() + seconds
    while any(outbox.iterdir()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _tidy(spool: Path) -> int:
    """Remove the folders that are empty; returns the number of files that are left."""
    left = 0
    for folder, _, files in os.walk(spool, topdown=False):
        left += len(files)
        if not any(Path(folder).iterdir()):
            Path(folder).rmdir()
    return left


def _undelivered(spool: Path, files: int) -> list[str]:
    again = "replay the same source again once it answers, the ids stay the same"
    told = []
    if files:
        told.append(
            f"{files} files could not be uploaded to S3 or OpenSearch and are left in {str(spool)!r}: {again}; "
            "then remove the folder"
        )
    if waiting := _total("cali_search_waiting_documents"):
        told.append(f"{waiting} writes to OpenSearch were not acknowledged: {again}")
    if dead := _total("cali_messages_total", {"status": "dead"}):
        told.append(f"{dead} messages were not taken by Slack: {again}")
    return told


def _total(name: str, labels: dict[str, str] | None = None) -> int:
    """The sum of a metric over the label values that are not given."""
    given = (labels or {}).items()
    return int(
        sum(
            sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name == name and given <= sample.labels.items()
        )
    )
