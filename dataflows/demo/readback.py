"""Reads back what the pipeline wrote: archive, dead letters, documents, messages. The evidence of the checks."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import requests
import zstandard

from connectors import s3
from connectors.opensearch import Found, IndexReader
from dataflows.demo.feed import digest
from dataflows.demo.place import Place
from dataflows.render.archive import read_line

_ALL: dict[str, Any] = {"match_all": {}}
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Evidence:
    """Everything that left the pipeline."""

    objects: int
    """Objects in the bucket."""
    archived: Counter[bytes]
    """How often each record is in the archive, by digest."""
    places: dict[str, bytes]
    """Digest of the record at each `<shard>-<sequence>`."""
    repeated: int
    """Archive lines whose shard and sequence number another line has too."""
    dead: Counter[str]
    """Dead letters by reason."""
    documents: list[Found]
    alerts: list[Found]
    messages: list[dict[str, Any]]
    """Accepted by the Slack stand-in, oldest first."""
    refused: int
    """Messages that the stand-in refused for their form."""


def collect(place: Place) -> Evidence:
    """Read everything. Raises ConnectorError, OSError or ValueError if something cannot be read."""
    archived: Counter[bytes] = Counter()
    places: dict[str, bytes] = {}
    lines = objects = 0
    dead: Counter[str] = Counter()
    for key in s3.keys(place.s3, place.s3.bucket, ""):
        objects += 1
        body = s3.fetch(place.s3, place.s3.bucket, key).body
        text = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        if key.startswith("dead-letters/"):
            dead.update(json.loads(line)["reason"] for line in text.split(b"\n") if line)
            continue
        shard = _shard_of(key, place.kinesis.stream)
        for line in filter(None, text.split(b"\n")):
            record = read_line(line)
            lines += 1
            archived[digest(record.raw)] += 1
            places[f"{shard}-{record.sequence}"] = digest(record.raw)
    index = IndexReader(place.opensearch)
    prefix = place.opensearch.index_prefix
    index.refresh(f"{prefix}-*")
    return Evidence(
        objects=objects,
        archived=archived,
        places=places,
        repeated=lines - len(places),
        dead=dead,
        documents=list(index.documents(f"{prefix}-logs-*", _ALL)),
        alerts=list(index.documents(f"{prefix}-alerts-*", _ALL)),
        messages=messages(place, 0),
        refused=len(requests.get(f"{place.slack}/rejected.json", timeout=_TIMEOUT_S).json()),
    )


def messages(place: Place, after: int) -> list[dict[str, Any]]:
    """Messages of the stand-in that are new or were updated since revision `after`, oldest first."""
    answer = requests.get(f"{place.slack}/messages.json", params={"after": str(after)}, timeout=_TIMEOUT_S)
    found: list[dict[str, Any]] = answer.json()
    return found


def _shard_of(key: str, stream: str) -> str:
    """An object is named `<stream>-<shard>-<first sequence>.ndjson.zst`."""
    return key.rpartition("/")[2].removeprefix(f"{stream}-").rpartition("-")[0]
