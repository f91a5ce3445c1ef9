"""The page as a whole: every record ends in a named output, every fault is told once."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main

from dataflows.render.archive import read_line

_NOW = 1_795_000_000.0


def _raw(world: Any) -> Counter[bytes]:
    return Counter(
        read_line(framed).raw for chunk in world.archive.items for framed in chunk.payload.splitlines(keepends=True)
    )


def test_books_balance(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """Read = archived; pieces = below + alarming + rejected; alarming = indexed."""
    batch, line = make
    records = [line("INFO", f"ok {i}") for i in range(50)] + [line("ERROR", f"timeout after {i} ms") for i in range(9)]
    records += [b"not json", line("WARN", "pool is 90% full")]
    w = world([batch(0, 1, *records[:30]), batch(1, 1, *records[30:])])

    entry_point(w.flow())

    assert Counter(records) == _raw(w)
    assert 10 == sum(len(docs) for docs in w.search.items)
    assert 1 == sum(chunk.records for chunk in w.dead_letters.items)


def test_one_fault_is_told_once_and_summed_up(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """Nine records of one fault in one window give a first message and one summary with the count."""
    batch, line = make
    w = world([batch(0, i + 1, line("ERROR", f"timeout after {i} ms", ts=_NOW + i)) for i in range(9)])

    entry_point(w.flow())

    assert [("first", 1), ("summary", 8)] == [(a["reason"], a["count"]) for a in w.channel.alerts]


def test_a_cascade_points_to_its_first_fault(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """One request fails in four services: each new fault is told by itself, and three say which one came before."""
    batch, _ = make
    services = ("inventory", "checkout", "payment", "gateway")
    records = [
        json.dumps({"level": "ERROR", "log": f"{name} gave up", "service": name, "trace_id": "4bf92f3577b34da6"})
        for name in services
    ]
    w = world([batch(0, n, record.encode()) for n, record in enumerate(records)])

    entry_point(w.flow())
    told = {alert["service"]: alert for alert in w.channel.alerts}

    assert (set(services), {"first"}) == (set(told), {alert["reason"] for alert in w.channel.alerts})
    roots = [alert["opening"] for alert in told.values() if not alert["parent"]]
    assert (1, {roots[0]}) == (len(roots), {alert["parent"] for alert in told.values() if alert["parent"]})


def test_the_first_message_carries_the_explanation(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """A message waits for its explanation, and the history holds the last word."""
    batch, line = make
    w = world([batch(0, 1, line("ERROR", "no such table: orders"))])

    entry_point(w.flow())
    documents = [json.loads(doc.body) for docs in w.history.items for doc in docs]

    assert ["asked about pay"] == [a["explanation"]["summary"] for a in w.channel.alerts]
    assert ["waiting", "waiting", "sent"] == [document["status"] for document in documents]
    assert 1 == len({doc.id for docs in w.history.items for doc in docs})


def test_nothing_secret_leaves(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """A password in a log is in the archive, and nowhere else."""
    batch, line = make
    secret = "hunter2" + "hunter3"
    w = world([batch(0, 1, line("ERROR", f"login failed for kim@example.com password={secret}"))])

    entry_point(w.flow())
    outside = repr((w.search.items, w.history.items, w.channel.alerts))

    assert secret.encode() in next(iter(_raw(w)))
    assert secret not in outside
    assert "kim@example.com" not in outside


def test_two_services_with_one_message_are_two_faults(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """The same text from two services is announced for each."""
    batch, line = make
    w = world([batch(0, 1, line("ERROR", "disk full", "a"), line("ERROR", "disk full", "b"))])

    entry_point(w.flow())

    assert {"a", "b"} == {a["service"] for a in w.channel.alerts}


def test_a_crash_repeats_no_message_and_loses_no_count(world: Any, make: Any, tmp_path: Path) -> None:
    """After an abort the page resumes: the same window, the same alert ids, no message twice."""
    batch, line = make
    before = [batch(0, i + 1, line("ERROR", f"timeout after {i} ms", ts=_NOW + i)) for i in range(4)]
    after = [batch(0, i + 5, line("ERROR", f"timeout after {i} ms", ts=_NOW + 10 + i)) for i in range(3)]
    init_db_dir(tmp_path, 1)
    recovery = RecoveryConfig(str(tmp_path))
    w = world([*before, TestingSource.ABORT(), *after])

    run_main(w.flow(), epoch_interval=timedelta(0), recovery_config=recovery)
    told = len(w.channel.alerts)
    run_main(w.flow(), epoch_interval=timedelta(0), recovery_config=recovery)
    alerts = w.channel.alerts

    assert told <= 1
    assert [("first", 1), ("summary", 6)] == [(a["reason"], a["count"]) for a in alerts]


def test_input_that_nobody_can_read_is_told_once(world: Any, make: Any, entry_point: Callable[..., None]) -> None:
    """A shipper that sends another format makes one loud alert about CALI's input, and no other."""
    batch, line = make
    w = world([batch(n, 1, *[b"not json"] * 60, line("INFO", "ok")) for n in range(3)])

    entry_point(w.flow())

    assert [("cali", "critical")] == [(a["service"], a["severity"]) for a in w.channel.alerts]
    assert 180 == sum(chunk.records for chunk in w.dead_letters.items)
