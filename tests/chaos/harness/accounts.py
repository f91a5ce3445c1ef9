"""The accounting: what was put against what is in the archive, the index, the dead letters and Slack."""

import io
import json
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import requests
import zstandard

from dataflows.demo.slack_stand_in import SlackStandIn
from dataflows.render.archive import read_line
from harness.feeder import Put
from harness.servers import Names

_HTTP_S = 30.0
_SHOWN = 5
Place = tuple[str, str, int]
"""Shard, sequence number, number of the piece."""


@dataclass
class Evidence:
    """What came out."""

    archived: Counter[tuple[str, str, bytes]] = field(default_factory=Counter)
    dead: Counter[tuple[Place, str]] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    """Dead letters that are no piece of a record: notes on a possible loss, documents or alerts refused."""
    indexed: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    """Of alerts, by the history."""
    said: str = ""
    """Every message in Slack."""
    told: Counter[str] = field(default_factory=Counter)
    """Of a bot: how often each alert was told, by itself or as a line."""
    messages: int = 0
    refused: list[str] = field(default_factory=list)


class Reader:
    """Reads the evidence of one run, past the proxies. What has not changed in S3 is not fetched again."""

    def __init__(self, names: Names, search: str, slack: SlackStandIn) -> None:
        self._names = names
        self._search = search
        self._slack = slack
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], bytes] = {}

    def read(self) -> Evidence:
        """Everything there is now."""
        found = Evidence()
        for key, lines in self._lines():
            if key.startswith("dead-letters/"):
                self._dead(found, lines)
            elif key.startswith("archive/"):
                shard = key.rpartition("/")[2].removeprefix(f"{self._names.name}-").rpartition("-")[0]
                for line in lines:
                    record = read_line(line)
                    found.archived[shard, record.sequence, record.raw] += 1
        found.indexed.update(hit["_id"] for hit in self._hits("logs", source=False))
        found.statuses.update(hit["_source"]["status"] for hit in self._hits("alerts", source=True))
        messages = self._slack.messages
        found.messages = len(messages)
        found.said = "\n".join(json.dumps(message.payload, ensure_ascii=False) for message in messages)
        for message in messages:
            if message.key:
                metadata: Any = message.payload["metadata"]
                found.told.update([message.key, *metadata["event_payload"].get("lines", "").split()])
        found.refused = [refusal.why for refusal in self._slack.rejected]
        return found

    def _dead(self, found: Evidence, lines: Iterable[bytes]) -> None:
        for line in lines:
            letter = json.loads(line)
            if letter["reason"] in {"index_refused", "possible_loss"}:
                found.notes[str(letter["reason"])] += 1
            else:
                found.dead[(letter["shard"], letter["sequence"], letter["sub"]), letter["reason"]] += 1

    def _lines(self) -> Iterable[tuple[str, list[bytes]]]:
        kept: dict[tuple[str, str], bytes] = {}
        for entry in self._names.bucket.objects.all():
            version = (entry.key, entry.e_tag)
            body = self._objects.get(version)
            kept[version] = body if body is not None else _opened(entry.get()["Body"].read())
        self._objects = kept
        return [(key, body.splitlines(keepends=True)) for (key, _), body in kept.items()]

    def _hits(self, kind: str, *, source: bool) -> list[dict[str, Any]]:
        pattern = f"{self._search}/{self._names.name}-{kind}-*"
        requests.post(f"{pattern}/_refresh", timeout=_HTTP_S)
        answer = requests.post(f"{pattern}/_search", json={"size": 10_000, "_source": source}, timeout=_HTTP_S).json()
        hits: list[dict[str, Any]] = answer.get("hits", {}).get("hits", [])
        return hits


def _opened(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True).read()


def problems(put: list[Put], found: Evidence, *, bot: bool) -> list[str]:
    """Every promise that is not kept, with the first differences; empty if all are."""
    archived = Counter((one.shard, one.sequence, one.made.raw) for one in put)
    alarming = Counter(f"{one.shard}-{one.sequence}-{sub}" for one in put for sub in one.made.alarming)
    alarming -= _copies(put, found.indexed)
    dead = Counter(((one.shard, one.sequence, sub), why) for one in put for sub, why in one.made.rejected)
    untold = sorted({name for one in put for name in one.made.faults if f"{name}Exception" not in found.said})
    twice = {key: count for key, count in found.told.items() if count > 1} if bot else {}
    return [
        *_differences("archive", archived, found.archived),
        *_differences("index", alarming, found.indexed),
        *_differences("dead letters", dead, found.dead),
        *([f"possible loss or refusals: {dict(found.notes)}"] if found.notes else []),
        *([f"faults unannounced: {len(untold)}: {untold[:_SHOWN]}"] if untold else []),
        *([f"alerts posted twice: {len(twice)}: {dict(list(twice.items())[:_SHOWN])}"] if twice else []),
        *([f"alerts given up: {found.statuses['dead']}"] if found.statuses["dead"] else []),
        *([f"messages that Slack refused: {found.refused[:_SHOWN]}"] if found.refused else []),
    ]


def _copies(put: list[Put], indexed: Counter[str]) -> Counter[str]:
    """Ids of what was sent twice and is rightly absent: an equal one is in the index."""
    twins: dict[bytes, list[str]] = {}
    for one in put:
        if one.made.own_time:
            twins.setdefault(one.made.raw, []).append(f"{one.shard}-{one.sequence}-0")
    found = [ids for ids in twins.values() if any(indexed[name] for name in ids)]
    return Counter(name for ids in found for name in ids if not indexed[name])


def _differences(where: str, expected: Counter[Any], found: Counter[Any]) -> list[str]:
    missing, surplus = expected - found, found - expected
    return [
        f"{where}: {sum(some.values())} {what} of {sum(expected.values())}: {_first(some)}"
        for what, some in (("missing", missing), ("surplus", surplus))
        if some
    ]


def _first(some: Counter[Any]) -> str:
    return "; ".join(str(one)[:150] for one in sorted(some, key=str)[:_SHOWN])
