"""The textbook flow of the same work gives what the page gives: documents, alerts, dead letters, archive."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import bytewax.operators as op
import pytest
import zstandard
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main

from connectors.kinesis import RecordBatch
from dataflows.domain.alerts import Alert, fault_of
from dataflows.domain.books import BY_MINUTE, Books
from dataflows.domain.rules import NO_RULES
from dataflows.log_intelligence import build
from dataflows.messengers import redactor_of
from dataflows.render.archive import lines, read_line
from dataflows.replay.page import Fixed
from dataflows.settings import Settings
from dataflows.steps.books import book_read
from dataflows.steps.clock import WallClock
from dataflows.steps.throttle import throttle
from dataflows.steps.triage import triage

Import = Callable[[str], ModuleType]

BAD = (b'{"level":"ERROR","log":"half a rec', b'{"level":"loud","log":"unknown"}\n', b"\x80 is no text\n")
LATER_S = 600.0
"""Into a later window, so that both tell what they have counted."""
NEW_PER_MINUTE = 1
"""Low enough that some of 30 faults get a coarser name."""


class Seen:
    """What a flow wrote."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[str, bytes]] = {}
        self.alerts: Counter[tuple[str, str, int]] = Counter()
        """By reason, fault and records."""
        self.letters: list[dict[str, Any]] = []

    def document(self, batches: list[Any]) -> None:
        """Keep index and body of records by id."""
        self.documents |= {doc.id: (doc.index_name, doc.body) for docs in batches for doc in docs}

    def alert(self, batches: list[Any]) -> None:
        """Count the rival's alerts, which are documents."""
        for told in (json.loads(doc.body) for docs in batches for doc in docs):
            self.alerts[told["reason"], told["fault"], told["count"]] += 1

    def told(self, alerts: list[Alert]) -> None:
        """Count those of the page."""
        for alert in alerts:
            fault = fault_of(alert["fingerprint"], alert["service"], alert["namespace"])
            self.alerts[alert["reason"], fault, alert["count"]] += 1

    def letter(self, payloads: list[bytes]) -> None:
        """Keep dead letters but for when they failed."""
        read = [json.loads(line) for payload in payloads for line in payload.splitlines()]
        self.letters += [{name: value for name, value in line.items() if name != "failed"} for line in read]


class Ran(NamedTuple):
    """Both flows over the same batches."""

    batches: list[RecordBatch]
    page: Seen
    rival: Seen
    archived: list[bytes]
    """Lines of the rival's archive."""


def _batches(benchmark: Import) -> list[RecordBatch]:
    """3,000 records of 30 faults in one shard; a copy, an own pod and bad ones; each fault in a later window."""
    made = benchmark("records").prepare(benchmark("records").Recipe(3_000, faults=30))
    (fill,) = made.fill
    odd = [
        fill.data[0],
        fill.data[1].replace(b'"labels":{', b'"labels":{"app.kubernetes.io/part-of":"cali",').replace(b"11:1", b"11:0"),
        *BAD,
    ]
    later = [raw.replace(b"2026-11-18T11:1", b"2026-11-18T11:2") for raw in fill.data]
    assert (odd[1], later) != (fill.data[1], fill.data)
    last = made.measured[-1].arrivals[-1]
    extra = [(raw, last) for raw in odd] + [(raw, ts + LATER_S) for raw, ts in zip(later, fill.arrivals, strict=True)]
    sequences = [f"9{n:055d}" for n in range(len(extra))]
    cut = len(odd)  # a batch lies in one window of the archive
    ends = [
        fill._replace(sequences=sequences[part], data=[r for r, _ in extra[part]], arrivals=[t for _, t in extra[part]])
        for part in (slice(cut), slice(cut, None))
    ]
    return [batch._replace(slot=fill.slot, shard=fill.shard) for batch in (fill, *made.warm, *made.measured, *ends)]


def _page(benchmark: Import, batches: list[RecordBatch], place: Path, settings: Settings, *, redaction: bool) -> Seen:
    runs, ends, phases, seen = benchmark("page_runs"), benchmark("page_ends"), benchmark("phases"), Seen()
    books = Books(BY_MINUTE)
    source = phases.Memory({}, runs.reads(batches), phases.Phases(), partial(book_read, books))
    dropping = ends.Dropping
    io = ends.page_ends(source, place, settings, books, redaction=redaction, search=dropping(seen.document))
    letters = dropping(lambda chunks: seen.letter([chunk.payload for chunk in chunks]))
    cluster_main(build(settings, dataclasses.replace(io, dead_letters=letters)), [], 0)  # type: ignore[no-untyped-call] # untyped in Bytewax

    # Summaries wait in the page to be one digest: they are compared as they leave the throttle.
    flow = Dataflow("to_the_throttle")
    source = phases.Memory({}, runs.reads(batches), phases.Phases())
    sort = ends.triage_with(settings, Books(), redaction=redaction)
    checked = triage("triage", op.input("kinesis_in", flow, source), sort)
    alerts = throttle("throttle", checked.alarming, settings.window, WallClock(), Fixed(NO_RULES), finish=False)
    op.output("alerts_out", alerts, dropping(seen.told))
    cluster_main(flow, [], 0)  # type: ignore[no-untyped-call] # untyped in Bytewax
    return seen


def _rival(benchmark: Import, batches: list[RecordBatch], place: Path, settings: Settings, *, redaction: bool) -> Seen:
    rivals, ends, phases, seen = benchmark("page_rivals"), benchmark("page_ends"), benchmark("phases"), Seen()
    source = phases.Memory({}, rivals.singles(batches), phases.Phases())
    io = rivals.same_work_ends(source, place, settings)._replace(
        search=ends.Dropping(seen.document),
        alerts=ends.Dropping(seen.alert),
        dead_letters=ends.Dropping(seen.letter),
    )
    redactor = redactor_of(settings.redaction) if redaction else ends.Unmasked()
    flow = benchmark("rivals.textbook_same_work").textbook_same_work(io, settings, redactor)
    cluster_main(flow, [], 0)  # type: ignore[no-untyped-call] # untyped in Bytewax
    return seen


@pytest.fixture(scope="module", params=[False, True], ids=["redaction off", "redaction on"])
def ran(benchmark: Import, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ran:
    """Both, once for each redaction."""
    settings = benchmark("page_runs").settings_for(30)
    capped = settings.fingerprint.model_copy(update={"new_per_minute": NEW_PER_MINUTE})
    settings = settings.model_copy(update={"fingerprint": capped})
    batches, place = _batches(benchmark), tmp_path_factory.mktemp("rival")
    page = _page(benchmark, batches, tmp_path_factory.mktemp("page"), settings, redaction=request.param)
    rival = _rival(benchmark, batches, place, settings, redaction=request.param)
    with (place / "archive" / f"{batches[0].slot}.ndjson.zst").open("rb") as file:
        kept = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).readall()
    return Ran(batches, page, rival, kept.splitlines(keepends=True))


def test_its_documents_are_those_of_the_page(ran: Ran) -> None:
    """Byte for byte, under the same ids and in the same indices: 30 + 9 + 90 + 30 records, no copy, no own pod."""
    assert ran.page.documents == ran.rival.documents
    assert 159 == len(ran.rival.documents)


def test_the_cap_names_faults_alike(ran: Ran) -> None:
    """The same records of both fell back to a coarser fingerprint; there are some."""
    page, rival = (
        {doc_id for doc_id, (_, body) in seen.documents.items() if _is_coarse(json.loads(body))}
        for seen in (ran.page, ran.rival)
    )
    assert page == rival
    assert 0 < len(rival) < len(ran.rival.documents)


def _is_coarse(document: dict[str, Any]) -> bool:
    return bool(document["fingerprint"] == document["coarse"])


def test_it_tells_what_the_page_tells(ran: Ran) -> None:
    """Each fault at once, and its repeats, counted, as a later window begins."""
    assert ran.page.alerts == ran.rival.alerts
    assert {"first", "summary"} <= {reason for reason, _, _ in ran.rival.alerts}


def test_its_dead_letters_are_those_of_the_page(ran: Ran) -> None:
    """With place, reason and bytes; only when it failed is not told."""
    assert ran.page.letters == ran.rival.letters
    assert ["cut_off", "unknown_level", "bad_utf8"] == [letter["reason"] for letter in ran.rival.letters]


def test_its_archive_is_read_back_by_record(ran: Ran) -> None:
    """The page's own lines, from which each record comes back with its sequence number and arrival."""
    assert (
        b"".join(lines(b.sequences, b.arrivals, b.data) for b in ran.batches).splitlines(keepends=True) == ran.archived
    )
    read = [read_line(line) for line in ran.archived]
    assert [(s, raw) for b in ran.batches for s, raw in zip(b.sequences, b.data, strict=True)] == [
        (one.sequence, one.raw) for one in read
    ]


def test_its_archive_resumes_where_the_snapshot_was(benchmark: Import, tmp_path: Path) -> None:
    """What was written after the last snapshot is cut off, so that a record that comes again is there once."""
    sink = benchmark("rivals.textbook_archive").SlotFiles(tmp_path)
    part = sink.build_part("archive_out", "slot-03", None)
    part.write_batch([b"one\n", b"two\n"])
    length = part.snapshot()
    part.write_batch([b"three\n"])
    part.snapshot()
    part.close()
    part = sink.build_part("archive_out", "slot-03", length)
    part.write_batch([b"four\n"])
    part.snapshot()
    part.close()
    with (tmp_path / "slot-03.ndjson.zst").open("rb") as file:
        kept = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).readall()
    assert b"one\ntwo\nfour\n" == kept
