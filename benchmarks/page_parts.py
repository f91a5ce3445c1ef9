"""The page's parts, each by itself over the same records: where its cost lies, and the floor below it."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import msgspec
from measuring import Work
from page_ends import archive_sink, triage_with
from page_runs import folder, own
from records import Prepared

from connectors.kinesis import RecordBatch
from connectors.spool import Chunk
from dataflows.domain.alerts import Sighting
from dataflows.domain.books import Books
from dataflows.domain.peek import peek
from dataflows.domain.records import parse
from dataflows.domain.rules import NO_RULES
from dataflows.domain.throttling import Bucket
from dataflows.render.archive import folders, lines
from dataflows.settings import Settings
from dataflows.steps.throttle import BUCKETS, _by_bucket, _policy
from dataflows.steps.triage import AlarmingBatch, RejectedBatch


class _Level(msgspec.Struct):
    level: str = ""


def parts(prepared: Prepared, settings: Settings) -> dict[str, Work]:
    """Name and work of each; a work tells the CPU and wall seconds of its measured part as `cpu_s` and `wall_s`."""
    decode = msgspec.json.Decoder(_Level).decode

    def floor(raws: list[bytes]) -> None:
        for raw in raws:
            decode(raw)

    def levels(raws: list[bytes]) -> None:
        for raw in raws:
            peek(raw)

    def pydantic(raws: list[bytes]) -> None:
        for raw in raws:
            parse(raw, 0.0)

    def framing() -> Mapping[str, float]:
        mine, mib = own(prepared)
        taken = _took(lambda: [lines(batch.sequences, batch.arrivals, batch.data) for batch in mine.measured])
        return {**taken, "owned_mib": mib}

    return {
        "floor: one msgspec pass that reads `level`": _each(prepared, floor),
        "`peek`: the level of every record, wherever it stands": _each(prepared, levels),
        "triage, redaction off": _triage(prepared, settings, redaction=False),
        "triage, redaction on": _triage(prepared, settings, redaction=True),
        "archive: lines": framing,
        "archive: lines, zstd 1, hash, file": _archive(prepared, settings),
        "throttle's rules": _throttle(prepared, settings),
        "pydantic on every record (`parse`)": _each(prepared, pydantic),
    }


def _each(prepared: Prepared, run: Callable[[list[bytes]], None]) -> Work:
    """A loop over the records, warm from a tenth of them."""

    def work() -> Mapping[str, float]:
        mine, mib = own(prepared)
        before, raws = ([raw for batch in batches for raw in batch.data] for batches in (mine.warm, mine.measured))
        run(before)
        return {**_took(lambda: run(raws)), "owned_mib": mib}

    return work


def _took(run: Callable[[], Any]) -> dict[str, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def _triage(prepared: Prepared, settings: Settings, *, redaction: bool) -> Work:
    def work() -> Mapping[str, float]:
        triage = triage_with(settings, Books(), redaction=redaction)
        mine = prepared.owned()
        triage(mine.fill + mine.warm)
        return _took(lambda: [triage([batch]) for batch in mine.measured])

    return work


def _archive(prepared: Prepared, settings: Settings) -> Work:
    def write(part: Any, batches: list[RecordBatch]) -> None:  # noqa: ANN401 - a part of a sink
        for batch in batches:
            (cut,) = folders("archive", batch.arrivals)
            payload = lines(batch.sequences, batch.arrivals, batch.data)
            origin = f"{batch.stream}-{batch.shard}"
            first, last = batch.sequences[0], batch.sequences[-1]
            part.write_batch([Chunk(cut.path, origin, first, last, len(batch.data), payload, window=cut.window)])
        part.snapshot()

    def work() -> Mapping[str, float]:
        mine = prepared.owned()
        with folder() as place:
            part = archive_sink(place, settings, Books()).build_part("archive_out", "slot-00", None)
            write(part, mine.warm)
            return _took(lambda: write(part, mine.measured))

    return work


def _throttle(prepared: Prepared, settings: Settings) -> Work:
    """All buckets, without the operator around them."""

    def work() -> Mapping[str, float]:
        triage, policy, now = triage_with(settings, Books(), redaction=True), _policy(settings.window), time.time()
        buckets = {f"bucket-{number:02d}": Bucket(None, policy) for number in range(BUCKETS)}
        fill, measured = (
            [_by_bucket(out) for out in triage(batches) if _alarms(out)]
            for batches in (prepared.fill + prepared.warm, prepared.measured)
        )

        def see(batches: list[list[tuple[str, list[Sighting]]]]) -> None:
            for batch in batches:
                for name, sightings in batch:
                    buckets[name].see(sightings, now, NO_RULES)

        see(fill)
        return _took(lambda: see(measured))

    return work


def _alarms(out: AlarmingBatch | RejectedBatch) -> TypeGuard[AlarmingBatch]:
    return isinstance(out, AlarmingBatch)
