"""What a soak has shown: its promises, kept or broken, and the report."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from dataflows.demo.scrape import Numbers

EVERY_S = 5.0
"""Seconds between two samples."""
STEP_S = 300.0
MAX_GROWTH = 0.05
"""Of resident memory over the second half of a run."""
MAX_STORE_GROWTH = 0.25
"""Of the recovery store over the second half: SQLite keeps freed pages, so its files stop growing, not more."""
LEAST_MINUTES = 20.0
"""A shorter run does not judge growth: what recognises records that were sent twice fills for twenty minutes."""


class Sample(NamedTuple):
    """How things stood at one moment."""

    at: float
    """Seconds since the stream began."""
    rss: int
    """Bytes."""
    cpu: float
    """Seconds of CPU so far, user and system."""
    store: int
    """Bytes of the recovery store, logs of SQLite included."""
    spool: int
    """Bytes of spool files."""
    numbers: Numbers


def growth(values: Sequence[float]) -> float:
    """Of values over time: by how much the median of the last fifth of the second half is above that of its first."""
    half = values[len(values) // 2 :]
    fifth = max(1, len(half) // 5)
    return statistics.median(half[-fifth:]) / statistics.median(half[:fifth]) - 1


class Result(NamedTuple):
    """What was seen."""

    samples: list[Sample]
    last: Sample
    """Just before the stop."""
    report: dict[str, Any]
    """Of the servers, after it."""
    status: int
    rows: dict[str, int]


class Verdict(NamedTuple):
    """One promise."""

    what: str
    seen: str
    kept: bool | None
    """None: the run was too short to tell."""


def verdicts(found: Result, minutes: float) -> list[Verdict]:
    """Every promise of the soak."""
    report, numbers = found.report, found.last.numbers
    planned, read = report["planned"], numbers.total("cali_kinesis_records_total")
    alarming, documents = numbers.total("cali_pieces_alarming_total"), report["documents"]["logs"]
    memory = growth([one.rss for one in found.samples])
    store = growth([one.store for one in found.samples])
    long = minutes >= LEAST_MINUTES
    wrong = report["wrong"][:3] or "none"
    return [
        Verdict("the stream's records were read", f"{read:,} of {planned:,}", read == planned),
        Verdict("each is in the archive", f"{report['archived']:,}", report["archived"] == read),
        Verdict("none is there twice", f"{report['doubled']:,} doubled", not report["doubled"]),
        Verdict("every object holds what its manifest says", f"wrong: {wrong}", not report["wrong"]),
        Verdict(
            "each record from WARN up was acknowledged", f"{documents:,} of {alarming:,}", documents == alarming > 0
        ),
        Verdict(
            f"resident memory grows less than {MAX_GROWTH:.0%} over the second half",
            f"{memory:+.1%}",
            memory < MAX_GROWTH if long else None,
        ),
        Verdict(
            f"the recovery store grows less than {MAX_STORE_GROWTH:.0%} over the second half",
            f"{store:+.1%}, {max(one.store for one in found.samples) / 2**20:.1f} MiB at most",
            store < MAX_STORE_GROWTH if long else None,
        ),
        Verdict("a stop drains (exit status)", str(found.status), found.status == 0),
    ]


_COLUMNS = ("minutes", "memory, MiB", "CPU, cores", "read/s", "behind at most, s", "store, MiB", "spool at most, MiB")


def row(name: str, samples: Sequence[Sample]) -> str:
    """What a stretch of the run was like, as a line of the table."""
    first, last = samples[0], samples[-1]
    span = max(last.at - first.at, EVERY_S)
    read = [one.numbers.total("cali_kinesis_records_total") for one in (first, last)]
    behind = max(one.numbers.most("cali_kinesis_behind_milliseconds") for one in samples) / 1000
    return (
        f"| {name} | {statistics.median(one.rss for one in samples) / 2**20:.0f} | {(last.cpu - first.cpu) / span:.2f} "
        f"| {(read[1] - read[0]) / span:,.0f} | {behind:.1f} | {last.store / 2**20:.1f} "
        f"| {max(one.spool for one in samples) / 2**20:.1f} |"
    )


def document(found: Result, minutes: float, rate: int) -> str:
    """The report, as Markdown."""
    steps = []
    for number in range(int(minutes * 60 // STEP_S) + 1):
        inside = [one for one in found.samples if number * STEP_S <= one.at < (number + 1) * STEP_S]
        if len(inside) > 1:
            end = min((number + 1) * STEP_S / 60, minutes)
            steps.append(row(f"{number * STEP_S / 60:g} to {end:g}", inside))
    report, numbers = found.report, found.last.numbers
    told = {True: "kept", False: "**BROKEN**", None: "run too short to tell"}
    size = numbers.total("cali_kinesis_bytes_total") / max(1, numbers.total("cali_kinesis_records_total"))
    faults = sum(numbers.total("cali_alert_decisions_total", reason=word) for word in ("first", "regressed"))
    facts = {
        "CPU of the pipeline, all threads, cores": f"{found.last.cpu / found.last.at:.2f} (start-up included)",
        "objects in the archive": f"{report['objects']:,}",
        "faults told as new or back": f"{faults:,}",
        "open faults at the end": f"{numbers.total('cali_open_faults'):,}",
        "messages that Slack took, and refused": f"{report['messages']:,}, {report['messages_refused']:,}",
        "documents of alerts": f"{report['documents']['alerts']:,}",
        "documents sent again": f"{sum(report['document_repeats'].values()):,}",
        "rows of the recovery store": ", ".join(f"{name} {count:,}" for name, count in found.rows.items()),
    }
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores ({platform.machine()})"
    return "\n".join(
        [
            "# Soak",
            "",
            f"`make soak`: {minutes:g} minutes at {rate:,} records a second of {size:.0f} B, 3 % of them from WARN up,",
            "three new faults each minute, on four shards. The real page with its default settings, with recovery",
            "(`-s 10 -b 0`) and runbooks, one process. Kinesis, S3, OpenSearch and Slack are stand-ins on the same",
            f"machine, which count and drop. Seen with {where} on {time.strftime('%Y-%m-%d')}.",
            "",
            "| promise | seen | |",
            "|---|---|---|",
            *(f"| {one.what} | {one.seen} | {told[one.kept]} |" for one in verdicts(found, minutes)),
            "",
            f"| {' | '.join(_COLUMNS)} |",
            "|---" * len(_COLUMNS) + "|",
            *steps,
            "",
            "Memory is resident memory, the median of the step; growth compares the medians of the first and the last",
            "fifth of the second half. Half of it is the model that embeds logs. Each of the 16 threads that read has",
            "an arena of glibc's, which keeps what its largest read took: a time of lag raises memory once. The store",
            "is Bytewax's recovery store: SQLite uses the pages of replaced rows again, beside a log of 4 MiB.",
            "",
            "| figure | value |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in facts.items()),
            "",
        ]
    )
