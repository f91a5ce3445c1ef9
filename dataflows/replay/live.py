"""Runs the page for real over replayed records, beside a pipeline that may be running."""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bytewax.testing import run_main
from prometheus_client import REGISTRY

from connectors.kinesis import RecordBatch
from connectors.spool import Commits
from dataflows.domain.books import Account, Books
from dataflows.endpoints import live
from dataflows.log_intelligence import build
from dataflows.replay.files import Origin, ReplayError
from dataflows.replay.marks import Marks
from dataflows.replay.page import Nowhere
from dataflows.replay.source import ReplaySource
from dataflows.settings import Settings
from dataflows.steps.clock import EventClock
from dataflows.steps.drain import Drain
from dataflows.steps.triage import AlarmingBatch, RejectedBatch, Triage

FINISH_S = 60.0
"""How long the end waits for explanations in flight. Our choice: longer than a model's own time-outs."""
_POLL_S = 0.05


class _Retrying(Triage):
    """Triage of a replay: a dead letter that is rejected once more stays where it is and makes no second one."""

    def __init__(self, triage: Triage, marks: Marks, books: Books | None = None) -> None:
        self._triage = triage
        self._marks = marks
        self._books = books or Books()

    def __call__(self, batches: list[RecordBatch]) -> list[AlarmingBatch | RejectedBatch]:
        """As triage does, without those."""
        out: list[AlarmingBatch | RejectedBatch] = []
        for sorted_ in self._triage(batches):
            if isinstance(sorted_, AlarmingBatch):
                out.append(sorted_)
                continue
            new = [bad for bad in sorted_.pieces if not self._marks.rejected(bad)]
            self._books.enter(sorted_.minute, ((Account.DEAD, len(sorted_.pieces) - len(new)),))
            if new:
                out.append(sorted_._replace(pieces=new))
        return out


def replay(settings: Settings, origins: Iterator[Origin], drain: Drain, marks: Marks | None = None) -> list[str]:
    """Run the page over records for real, but for the archive, which has them.

    Dead letters in S3 that were read to their end and dealt with are marked as replayed, by the `marks` that read them;
    none is if anything could not be delivered.

    Windows go by event time; Slack's pace, back-off and times of sending by the wall. The spool is a folder of this
    replay alone: a pipeline that runs on the same state folder keeps its own, and shares the Slack ledger only.
    Returns what could not be delivered, a line each with what to do; empty if all was.

    Raises:
        ReplayError: the state folder cannot be written.
    """
    spool = _spool(settings.state.dir)
    commits, marks = Commits(), marks or Marks(settings.s3)
    try:
        io = live(settings, drain=drain, commits=commits, spool=spool)
        io = replace(
            io,
            source=ReplaySource(origins, commits),
            archive=Nowhere(),
            sort=_Retrying(io.sort, marks, io.books),
            clock=EventClock(),
            finish=True,
            explaining=replace(io.explaining, finish_s=FINISH_S),
            delivering=replace(io.delivering, finish=True),
        )
        run_main(build(settings, io))  # type: ignore[no-untyped-call] # untyped in Bytewax
        _await_uploads(spool / "refused", settings.s3.close_timeout_s)
    finally:
        left = _tidy(spool)
    if undelivered := _undelivered(spool, left) + _unbalanced(io.books):
        return undelivered
    problems = marks.write(time.time())
    if stay := marks.rejected_again:
        problems.append(f"{stay} dead letters were rejected once more: they stay, and the next replay tries them again")
    return problems


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


def _unbalanced(books: Books) -> list[str]:
    """All is written by now, so what does not balance never will."""
    told = "CALI lost count of the records ({}: {}): replay the same source again, and report this with CALI's log"
    return [told.format(drift.identity, drift.terms) for drift in books.close().drifts]


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
