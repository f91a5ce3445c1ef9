"""`cali why` against an OpenSearch-compatible server on loopback."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.opensearch import Doc
from connectors.opensearch.client import bulk, connect
from connectors.opensearch.setup import install
from dataflows import why
from dataflows.demo.children import Children
from dataflows.demo.place import Place, clean

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet_logs")]
pytest.importorskip("osmem_server", reason="needs the extra 'demo'")

ONE, TWIN = "abcdef01" + "0" * 24, "abcdef02" + "0" * 24


def _iso(ts: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(ts))


def _record(fingerprint: str, service: str, ts: float) -> dict[str, Any]:
    return {
        "@timestamp": _iso(ts),
        "level": "ERROR",
        "service": service,
        "fingerprint": fingerprint,
        "kind": "trace",
        "types": ["a.B", "c.D"],
        "template": "pool <*> \x1b[31mis empty",
    }


def _alert(fingerprint: str, ts: float, reason: str, **more: Any) -> dict[str, Any]:
    return {
        **_record(fingerprint, "payment", ts),
        "first_seen": _iso(ts),
        "last_seen": _iso(ts + 30),
        "window_start": _iso(ts),
        "reason": reason,
        "status": "sent",
        "channel": "#alerts",
        "sent": _iso(ts + 2),
        "latency_s": 1.75,
        "detail": "",
        "count": 1,
        "fp_version": 1,
        "verdict": None,
        "confidence": None,
        "explanation_source": None,
        "cited": [],
        "missing": [],
        **more,
    }


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an empty server, to which the settings point."""
    place = Place(tmp_path, 15.0)
    with Children(tmp_path, clean(os.environ)) as children:
        children.start("search", place.servers["search"])
        _wait_for(place.search_port)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("CALI_OPENSEARCH__URL", place.opensearch.url)
        client = connect(place.opensearch)
        install(client, place.opensearch)
        yield client
        client.close()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _put(client: Any, index_name: str, documents: list[dict[str, Any]]) -> None:
    docs = [Doc(index_name, f"{n}-{d['fingerprint']}", json.dumps(d).encode()) for n, d in enumerate(documents)]
    assert len(docs) == len(bulk(client, docs).acknowledged)
    client.indices.refresh(index="cali-*")


def test_tells_counts_decisions_and_citations(index: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """One fault is told with its template, its records of a day by service, and each alert with its fate."""
    now = time.time()
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    _put(index, "cali-logs-2026.01.01", [_record(ONE, service, now) for service in ("payment", "payment", "checkout")])
    told = _alert(
        ONE, now - 60, "first", verdict="match", confidence=0.842, explanation_source="extractive", cited=["own/pool"]
    )
    _put(index, "cali-alerts-2026.01", [told, _alert(ONE, now, "summary", count=3)])

    status = why.run(ONE[:8])

    lines = capsys.readouterr().out.splitlines()
    assert 0 == status
    assert [
        f"fingerprint  {ONE} (v1)",
        "template     pool <*> is empty",
        "service      payment",
        "level        ERROR",
        "kind         trace; exception types: a.B > c.D",
        f"first seen   {_iso(now - 60)}",
        f"last seen    {_iso(now + 30)}",
        "last 24 h    3 records",
        f"  {day}  payment: 2",
        f"  {day}  checkout: 1",
        "",
        "2 alerts, oldest first:",
        f"  {_iso(now - 60)}  first, payment, 1 record: sent to #alerts {_iso(now - 58)}, 1.8 s after the record came",
        "      verdict match 84%, by extractive; cited: own/pool",
        f"  {_iso(now)}  summary, payment, 3 records: sent to #alerts {_iso(now + 2)}, 1.8 s after the record came",
    ] == lines


def test_held_alerts_say_why_and_where_they_were_told(index: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A held alert names its reason, the digest that told of it, and all that a card would have said besides."""
    now = time.time()
    unsent = {"status": "held", "sent": None, "latency_s": None}
    facts: dict[str, Any] = {"severity": "critical", "team": "pay", "absent_s": 273_600.0, "usual": 12.5}
    facts |= {"started_with": "1.42.0", "follows": "db: down", "opening": "o", "total": 41}
    _put(
        index,
        "cali-alerts-2026.01",
        [
            _alert(ONE, now - 60, "escalated", held="held_storm", count=40, **unsent, **facts),
            _alert(ONE, now - 30, "first", held="held_silenced", detail="silence 7: release", **unsent),
            {**_alert("", now, "digest", lines=[f"0-{ONE}"]), "latency_s": None},
        ],
    )

    assert 0 == why.run(ONE)

    lines = capsys.readouterr().out.splitlines()
    assert [
        "2 alerts, oldest first:",
        (
            f"  {_iso(now - 60)}  escalated, payment, 40 of 41 records: held, held_storm:"
            " the channel had its messages of that minute"
        ),
        f"      told in digest 2-: sent to #alerts {_iso(now + 2)}",
        (
            "      severity critical, team pay, started with version 1.42.0, seems to follow from db: down,"
            " absent 3 d 4 h, usual 12 per window"
        ),
        f"  {_iso(now - 30)}  first, payment, 1 record: held, held_silenced: a silence covers it (silence 7: release)",
    ] == lines[lines.index("") + 1 :]


def test_an_ambiguous_prefix_lists_the_candidates(index: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Two fingerprints with the same beginning are both named, and the exit status is 1."""
    _put(index, "cali-logs-2026.01.01", [_record(ONE, "payment", 1e9), _record(TWIN, "checkout", 1e9)])

    status = why.run("ABCDEF")

    assert 1 == status
    assert [
        "abcdef begins 2 fingerprints:",
        f"  {ONE}  payment: pool <*> is empty",
        f"  {TWIN}  checkout: pool <*> is empty",
    ] == capsys.readouterr().out.splitlines()


def test_records_without_an_alert_are_told_too(index: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault that is only in the record index is found there."""
    _put(index, "cali-logs-2026.01.01", [_record(ONE, "payment", time.time())])

    assert 0 == why.run(ONE)
    assert "no alert: " in capsys.readouterr().out


def test_an_unknown_fingerprint_says_so(index: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With no index at all, and with no match, one line says that nothing is known; exit status 1."""
    line = "nothing is known of 123456: no record and no alert in cali-logs-* and cali-alerts-*\n"
    assert (1, line) == (why.run("123456"), capsys.readouterr().out)

    _put(index, "cali-logs-2026.01.01", [_record(ONE, "payment", time.time())])
    assert (1, line) == (why.run("123456"), capsys.readouterr().out)
