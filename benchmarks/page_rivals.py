"""One run of a rival of the page, over the same prepared records: what `measuring.interleaved` repeats."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bytewax.inputs import Source
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main
from measuring import Work
from page_ends import Dropping, Unmasked, documents
from page_runs import BEGIN, EPOCH, folder, own, resident_mib
from phases import Memory, Phases
from records import Prepared
from rivals.textbook import textbook
from rivals.textbook_archive import SlotFiles
from rivals.textbook_items import Arrived
from rivals.textbook_same_work import Ends, textbook_same_work

from connectors.kinesis import RecordBatch
from dataflows.messengers import redactor_of
from dataflows.settings import Settings


def raws(batches: list[RecordBatch]) -> dict[str, list[list[Any]]]:
    """By slot, for the textbook: an item is the bytes of a record."""
    found: dict[str, list[list[Any]]] = {}
    for batch in batches:
        found.setdefault(batch.slot, []).append(list(batch.data))
    return found


def singles(batches: list[RecordBatch]) -> dict[str, list[list[Any]]]:
    """By slot, for the textbook that does the same work: an item is a record with its place and arrival."""
    found: dict[str, list[list[Any]]] = {}
    for batch in batches:
        one = zip(batch.sequences, batch.arrivals, batch.data, strict=True)
        found.setdefault(batch.slot, []).append([Arrived(batch.slot, batch.stream, batch.shard, *rest) for rest in one])
    return found


def rival_textbook(prepared: Prepared, counts: Counter[str] | None = None) -> Work:
    """The textbook's flow; `counts` takes records by fault if it runs in this process."""
    kept: Counter[str] = Counter() if counts is None else counts

    def told(fault: str, count: int) -> None:
        kept[fault] += count

    def run() -> Mapping[str, float]:
        mine, owned_mib = own(prepared)
        phases = Phases()
        with folder() as place:
            source = Memory(raws(mine.fill + mine.warm), raws(mine.measured), phases)
            cluster_main(textbook(source, place, told, BEGIN), [], 0)
        taken = phases.taken()  # what it holds back for order is folded at the end, so the end is part of its work
        return {"cpu_s": taken["cpu_s"], "wall_s": taken["wall_s"], "owned_mib": owned_mib}

    return run


def same_work_ends(source: Source[Arrived], place: Path, settings: Settings) -> Ends:
    """Its files lie in `place`; the index is the page's own sink, and dead letters are dropped as the page's are."""
    return Ends(
        source=source,
        archive=SlotFiles(place / "archive"),
        dead_letters=Dropping(),
        search=documents("search", place / "spool", settings, None),
        alerts=documents("history", place / "spool", settings, None),
    )


def rival_same_work(prepared: Prepared, settings: Settings, *, redaction: bool, level_first: bool = False) -> Work:
    """The textbook's flow that does what the page does, with recovery as the page has it."""
    redactor = redactor_of(settings.redaction) if redaction else Unmasked()

    def run() -> Mapping[str, float]:
        mine, owned_mib = own(prepared)
        phases = Phases()
        before = resident_mib()
        source = Memory(singles(mine.fill + mine.warm), singles(mine.measured), phases)
        owned_mib += resident_mib() - before
        with folder() as place:
            store = place / "recovery"
            store.mkdir()
            init_db_dir(store, 1)
            ends = same_work_ends(source, place, settings)
            flow = textbook_same_work(ends, settings, redactor, level_first=level_first)
            cluster_main(flow, [], 0, epoch_interval=EPOCH, recovery_config=RecoveryConfig(store, timedelta(0)))
        return {**phases.taken(), "owned_mib": owned_mib}

    return run
