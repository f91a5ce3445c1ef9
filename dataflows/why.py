"""`cali why`: what the index knows of one fault: its template, its counts, and every decision with its reason."""

import re
import sys
import time
from collections.abc import Iterable
from typing import Any

from connectors.errors import ConnectorError
from connectors.opensearch import Found, IndexReader
from dataflows.domain.alerts import OPENING, Reason
from dataflows.render.clean import clip, one_line
from dataflows.render.phrases import duration, number
from dataflows.render.texts import texts
from dataflows.settings import load

MIN_PREFIX = 6
"""Hex digits: 16 million values, so that two faults of one platform hardly share one."""
_SHOWN = 20
_CANDIDATES = 10
_DAY_S = 86_400
_WIDTH = 160
_HELD: dict[str, str] = {
    Reason.HELD_FILTERED: "a rule says that nobody is told",
    Reason.HELD_SILENCED: "a silence covers it",
    Reason.HELD_STORM: "the channel had its messages of that minute",
    Reason.HELD_CASCADE: "it follows from another fault",
    Reason.HELD_QUIET: "the end of a fault that was told once",
}
_TEXT = ("service", "level", "kind", "template", "types", "fingerprint")


def run(fingerprint: str) -> int:
    """Print what is known; exit status 0, 1 if it is unknown or ambiguous, 2 if it cannot be asked."""
    prefix = fingerprint.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{MIN_PREFIX},64}}", prefix):
        return _end(f"{fingerprint!r} is no fingerprint: give its first {MIN_PREFIX} or more hex digits", 2)
    config = load().opensearch
    index = IndexReader(config)
    try:
        lines, status = _answer(index, config.index_prefix, prefix, time.time())
    except ConnectorError as err:
        return _end(f"the index at {config.url} cannot be asked ({err}): check CALI_OPENSEARCH__URL", 2)
    finally:
        index.close()
    sys.stdout.write("\n".join(lines) + "\n")
    return status


def _end(message: str, status: int) -> int:
    sys.stderr.write(f"cali why: {message}\n")
    return status


def _answer(index: IndexReader, indices: str, prefix: str, now: float) -> tuple[list[str], int]:
    found = {
        hit["_source"]["fingerprint"]: hit["_source"]
        for pattern in (f"{indices}-logs-*", f"{indices}-alerts-*")
        for hit in _examples(index, pattern, prefix)
    }
    if not found:
        return [f"nothing is known of {prefix}: no record and no alert in {indices}-logs-* and {indices}-alerts-*"], 1
    if len(found) > 1:
        shown = sorted(found.items())[:_CANDIDATES]
        more = [f"  … give more digits to see the others ({len(found)} at least)"] if len(found) > _CANDIDATES else []
        lines = [f"  {name}  {_of(source, 'service')}: {_of(source, 'template')}" for name, source in shown]
        return [f"{prefix} begins {len(found)} fingerprints:", *lines, *more], 1
    fingerprint, example = found.popitem()
    alerts = list(index.documents(f"{indices}-alerts-*", {"term": {"fingerprint": fingerprint}}))
    alerts.sort(key=lambda alert: (str(alert.source["window_start"]), str(alert.source["last_seen"]), alert.id))
    records = _records(index, f"{indices}-logs-*", fingerprint, now)
    digests = _digests(index, f"{indices}-alerts-*", [alert.id for alert in alerts[-_SHOWN:]])
    return [*_head(fingerprint, example, alerts), *_counts(records, alerts), "", *_decisions(alerts, digests)], 0


def _examples(index: IndexReader, pattern: str, prefix: str) -> list[dict[str, Any]]:
    """One document of each fingerprint that begins so, as many as are worth listing."""
    one_each = {"terms": {"field": "fingerprint", "size": _CANDIDATES + 1}}
    example = {"example": {"top_hits": {"size": 1, "_source": list(_TEXT)}}}
    body = {"size": 0, "query": {"prefix": {"fingerprint": prefix}}, "aggs": {"each": one_each | {"aggs": example}}}
    buckets = index.search(pattern, body)["aggregations"].get("each", {}).get("buckets", [])
    return [bucket["example"]["hits"]["hits"][0] for bucket in buckets]


def _records(index: IndexReader, pattern: str, fingerprint: str, now: float) -> dict[str, Any]:
    """First and last record, and those of the last 24 hours by day and service."""
    by_service = {"services": {"terms": {"field": "service", "size": 20}}}
    by_day = {"days": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}, "aggs": by_service}}
    since = {"range": {"@timestamp": {"gte": int((now - _DAY_S) * 1000), "format": "epoch_millis"}}}
    aggs = {
        "first": {"min": {"field": "@timestamp"}},
        "last": {"max": {"field": "@timestamp"}},
        "recent": {"filter": since, "aggs": by_day},
    }
    body = {"size": 0, "query": {"term": {"fingerprint": fingerprint}}, "aggs": aggs}
    found: dict[str, Any] = index.search(pattern, body)["aggregations"]
    return found


def _digests(index: IndexReader, pattern: str, ids: list[str]) -> dict[str, Found]:
    """The digests that told of these alerts, by alert id."""
    found = index.documents(pattern, {"terms": {"lines": ids}}) if ids else ()
    return {line: digest for digest in found for line in digest.source.get("lines", [])}


def _head(fingerprint: str, example: dict[str, Any], alerts: list[Found]) -> list[str]:
    versions = sorted({int(alert.source["fp_version"]) for alert in alerts})
    services = sorted({one_line(str(alert.source["service"])) for alert in alerts} or {_of(example, "service")})
    types = " > ".join(one_line(str(name)) for name in example["types"] or []) or "none"
    return [
        f"fingerprint  {fingerprint}{''.join(f' (v{version})' for version in versions)}",
        f"template     {_of(example, 'template')}",
        f"service      {', '.join(services)}",
        f"level        {_of(example, 'level')}",
        f"kind         {_of(example, 'kind')}; exception types: {types}",
    ]


def _counts(records: dict[str, Any], alerts: list[Found]) -> list[str]:
    first, last = (records.get(name, {}).get("value_as_string") for name in ("first", "last"))
    firsts = [str(alert.source["first_seen"]) for alert in alerts] + ([first] if first else [])
    lasts = [str(alert.source["last_seen"]) for alert in alerts] + ([last] if last else [])
    recent = records.get("recent", {})
    days = [
        f"  {str(day['key_as_string'])[:10]}  {one_line(str(service['key']))}: {service['doc_count']:,}"
        for day in recent.get("days", {}).get("buckets", [])
        for service in day["services"]["buckets"]
    ]
    return [
        f"first seen   {min(firsts)}",
        f"last seen    {max(lasts)}",
        f"last 24 h    {recent.get('doc_count', 0):,} records",
        *days,
    ]


def _decisions(alerts: list[Found], digests: dict[str, Found]) -> list[str]:
    if not alerts:
        return ["no alert: its first record has not come through the throttle yet, or the history was deleted"]
    earlier = [f"  … and {len(alerts) - _SHOWN} earlier ones"] if len(alerts) > _SHOWN else []
    lines = [line for alert in alerts[-_SHOWN:] for line in _decision(alert.source, digests.get(alert.id))]
    return [f"{len(alerts)} alert{'s' if len(alerts) > 1 else ''}, oldest first:", *earlier, *lines]


def _decision(alert: dict[str, Any], digest: Found | None) -> Iterable[str]:
    detail = f" ({one_line(str(alert['detail']))})" if alert["detail"] else ""
    held = one_line(str(alert.get("held") or ""))
    fate = f"held, {held}: {_HELD.get(held, 'no message of its own')}" if held else _delivery(alert)
    yield f"  {alert['window_start']}  {_of(alert, 'reason')}, {_of(alert, 'service')}, {_tally(alert)}: {fate}{detail}"
    if digest:
        yield f"      told in digest {one_line(digest.id)}: {_delivery(digest.source)}"
    if facts := ", ".join(_facts(alert)):
        yield f"      {facts}"
    if alert["verdict"]:
        sure = f" {alert['confidence']:.0%}" if alert["verdict"] == "match" else ""
        cited = ", ".join(one_line(str(name)) for name in alert["cited"]) or "none"
        missing = f"; could not be asked: {', '.join(map(str, alert['missing']))}" if alert["missing"] else ""
        by = _of(alert, "explanation_source")
        yield f"      verdict {_of(alert, 'verdict')}{sure}, by {by}; cited: {cited}{missing}"
    elif alert["reason"] in OPENING and not held:
        yield "      no analysis"


def _delivery(alert: dict[str, Any]) -> str:
    after = "" if alert["latency_s"] is None else f", {alert['latency_s']:.1f} s after the record came"
    return f"{_of(alert, 'status')} to {_of(alert, 'channel')}" + (f" {alert['sent']}{after}" if alert["sent"] else "")


def _tally(alert: dict[str, Any]) -> str:
    count, total = alert["count"], alert.get("total") or 0
    of = f" of {total:,}" if total > count else ""
    return f"{count:,}{of} record{'s' if max(count, total) != 1 else ''}"


def _facts(alert: dict[str, Any]) -> Iterable[str]:
    """What a card says besides; documents of an earlier release have none of it."""
    for name, said in (
        ("severity", "severity {}"),
        ("team", "team {}"),
        ("started_with", "started with version {}"),
        ("follows", "seems to follow from {}"),
    ):
        if alert.get(name):
            yield said.format(_of(alert, name))
    if alert.get("absent_s"):
        yield f"absent {duration(float(alert['absent_s']), texts('en'))}"
    if alert.get("usual"):
        yield f"usual {number(float(alert['usual']))} per window"


def _of(source: dict[str, Any], name: str) -> str:
    """A field as one clean line: templates and names come from logs."""
    return clip(one_line(str(source[name])), _WIDTH) or "?"
