"""Index templates: what is searched by word, what by value, and what must not make a mapping explode."""

from typing import Any

import structlog
from opensearchpy.exceptions import OpenSearchException

log = structlog.get_logger(__name__)

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_TEXT = {"type": "text"}
_DATE = {"type": "date", "format": "strict_date_optional_time||epoch_millis"}

LOGS: dict[str, Any] = {
    "dynamic": False,
    "properties": {
        "@timestamp": _DATE,
        "arrived": _DATE,
        "level": _KEYWORD,
        "service": _KEYWORD,
        "version": _KEYWORD,
        "namespace": _KEYWORD,
        "pod": _KEYWORD,
        "container": _KEYWORD,
        "node": _KEYWORD,
        "trace_id": _KEYWORD,
        "request_id": _KEYWORD,
        "fingerprint": _KEYWORD,
        "coarse": _KEYWORD,
        "kind": _KEYWORD,
        "types": _KEYWORD,
        "template": _TEXT,
        "message": _TEXT,
        "shard": _KEYWORD,
        "sequence": _KEYWORD,
        "sub": {"type": "integer"},
        "fields": _TEXT,
    },
}
"""Records. `fields` holds what CALI does not know as one searchable JSON text: a field a service invents can never
break the mapping of another (the usual cause of refused documents)."""

ALERTS: dict[str, Any] = {
    "dynamic": False,
    "properties": {
        "@timestamp": _DATE,
        "first_seen": _DATE,
        "last_seen": _DATE,
        "window_start": _DATE,
        "window_end": _DATE,
        "sent": _DATE,
        "opening": _KEYWORD,
        "reason": _KEYWORD,
        "held": _KEYWORD,
        "status": _KEYWORD,
        "channel": _KEYWORD,
        "routed": _KEYWORD,
        "fingerprint": _KEYWORD,
        "coarse": _KEYWORD,
        "fp_version": {"type": "integer"},
        "service": _KEYWORD,
        "namespace": _KEYWORD,
        "team": _KEYWORD,
        "level": _KEYWORD,
        "severity": _KEYWORD,
        "kind": _KEYWORD,
        "types": _KEYWORD,
        "template": _TEXT,
        "text": _TEXT,
        "record_id": _KEYWORD,
        "trace_id": _KEYWORD,
        "request_id": _KEYWORD,
        "count": {"type": "long"},
        "total": {"type": "long"},
        "told": {"type": "long"},
        "absent_s": {"type": "float"},
        "usual": {"type": "float"},
        "started_with": _KEYWORD,
        "parent": _KEYWORD,
        "follows": _TEXT,
        "lines": _KEYWORD,
        "latency_s": {"type": "float"},
        "attempts": {"type": "integer"},
        "verdict": _KEYWORD,
        "explanation_source": _KEYWORD,
        "confidence": {"type": "float"},
        "summary": _TEXT,
        "cited": _KEYWORD,
        "missing": _KEYWORD,
    },
}
"""Alerts and what became of them. What is not mapped is kept in the source and shown, not searched."""


def install(client: Any, prefix: str) -> None:  # noqa: ANN401 - OpenSearch client
    """Create or update both index templates. A failure is logged: documents are still taken, with guessed types."""
    for kind, mapping in (("logs", LOGS), ("alerts", ALERTS)):
        body = {
            "index_patterns": [f"{prefix}-{kind}-*"],
            "priority": 100,
            "template": {"settings": {"number_of_shards": 1}, "mappings": mapping},
        }
        try:
            client.indices.put_index_template(name=f"{prefix}-{kind}", body=body)
        except OpenSearchException as err:
            log.warning("search.template_failed", template=f"{prefix}-{kind}", error=type(err).__name__)
