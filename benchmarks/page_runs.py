"""One run of the page over prepared records: what `measuring.interleaved` repeats."""

import contextlib
import dataclasses
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main
from measuring import Work
from page_ends import page_ends
from phases import Memory, Phases
from record_lines import START_TS
from records import Prepared
from rivals.pydantic_everywhere import PydanticEverywhere

from connectors.kinesis import RecordBatch
from dataflows.domain.books import BY_MINUTE, Books
from dataflows.log_intelligence import build
from dataflows.settings import Settings
from dataflows.steps.books import book_read
from dataflows.steps.unpaused import collect_rarely

EPOCH = timedelta(seconds=10)
"""`-s 10`, as CALI is run."""
BEGIN = datetime.fromtimestamp(START_TS, UTC)
_USUAL_FAULTS = 1_000
"""Beyond, the cap on new fingerprints is raised: its default would merge what the fill brings at once."""


@dataclasses.dataclass(frozen=True)
class Way:
    """How a page is run."""

    redaction: bool = True
    recovery: bool = True
    archive: bool = True
    pydantic: bool = False
    workers: int = 1
    processes: int = 1
    state: Path | None = None
    """A recovery store to resume from; it is copied."""

    def but(self, **changes: bool) -> "Way":
        """The same, except for what is named."""
        return dataclasses.replace(self, **changes)


def settings_for(faults: int) -> Settings:
    """Defaults, whatever the environment says."""
    settings = Settings(_env_file=None)
    if faults <= _USUAL_FAULTS:
        return settings
    raised = settings.fingerprint.model_copy(update={"new_per_minute": 100_000})
    return settings.model_copy(update={"fingerprint": raised})


def reads(batches: list[RecordBatch]) -> dict[str, list[list[Any]]]:
    """By slot: an item is a batch."""
    found: dict[str, list[list[Any]]] = {}
    for batch in batches:
        found.setdefault(batch.slot, []).append([batch])
    return found


def own(prepared: Prepared) -> tuple[Prepared, float]:
    """The records as this process' own, and the MiB that they take here beside those of the parent (Linux; else 0)."""
    collect_rarely()  # as `live` does for the page, and for the rivals too
    before = resident_mib()
    mine = prepared.owned()
    return mine, resident_mib() - before


def resident_mib() -> float:
    """Resident memory of this process now (Linux; else 0)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for spool, ledger and recovery store."""
    with tempfile.TemporaryDirectory(prefix="cali-bench-") as made:
        yield Path(made)


def page(prepared: Prepared, settings: Settings, way: Way) -> Work:
    """The page."""

    def run() -> Mapping[str, float]:
        mine, owned_mib = own(prepared)
        phases = Phases()
        with folder() as place:
            taken = _run(partial(_flow, mine, settings, way, phases), way, place, phases)
        return {**taken, "owned_mib": owned_mib}

    return run


def _flow(mine: Prepared, settings: Settings, way: Way, phases: Phases, place: Path) -> Dataflow:
    books = Books(BY_MINUTE) if way.processes == 1 else Books()
    source = Memory(reads(mine.fill + mine.warm), reads(mine.measured), phases, partial(book_read, books))
    ends = page_ends(source, place, settings, books, redaction=way.redaction, archive=way.archive)
    if way.pydantic:
        ends = dataclasses.replace(ends, sort=PydanticEverywhere(ends.sort))
    return build(settings, ends)


def _run(flow: Any, way: Way, place: Path, phases: Phases) -> Mapping[str, float]:  # noqa: ANN401 - a partial
    recovery = None
    if way.recovery:
        store = place / "recovery"
        store.mkdir()
        if way.state:
            for path in way.state.iterdir():
                (store / path.name).write_bytes(path.read_bytes())
        else:
            init_db_dir(store, way.processes)
        recovery = RecoveryConfig(store, timedelta(0))
    addresses = [f"127.0.0.1:{port}" for port in _ports(way.processes)] if way.processes > 1 else []

    def process(number: int) -> Mapping[str, float]:
        own = place / f"process-{number}"
        own.mkdir()
        cluster_main(
            flow(own),
            addresses,
            number,
            epoch_interval=EPOCH,
            recovery_config=recovery,
            worker_count_per_proc=way.workers,
        )
        return phases.taken()

    return _together(process, way.processes)


def _together(process: Any, count: int) -> Mapping[str, float]:  # noqa: ANN401 - a function
    """Run it in so many processes, forked from this one; CPU is of all of them, wall time of the slowest."""
    others = []
    for number in range(1, count):
        reading, writing = os.pipe()
        if os.fork() == 0:
            status = 1
            try:
                os.write(writing, json.dumps(process(number)).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writing)
        others.append(reading)
    taken = [process(0)]
    for reading in others:
        with os.fdopen(reading, "rb") as pipe:
            taken.append(json.loads(pipe.read()))
        os.wait()
    total = {name: sum(one[name] for one in taken) for name in taken[0]}
    slowest = max(taken, key=lambda one: one["wall_s"])
    return {**total, **{name: slowest[name] for name in ("wall_s", "closing_wall_s")}}


def _ports(count: int) -> list[int]:
    """Free ones; held together, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
