r"""Fluent Bit's wire format: one JSON object and a newline for one Kinesis record.

As Fluent Bit 5.1 writes it with its `kubernetes` filter (labels on, merged JSON under `log_json` in place of `log`) and
`time_key: "@timestamp"` last; characters outside ASCII are `\uXXXX`. One simplification: `@timestamp` is the time of
the event, where Fluent Bit without a time parser writes the time of reading.
"""

import json
import time
from functools import lru_cache

from dataflows.generate.generator import Emitted
from dataflows.generate.services import NAMESPACE, Pod


def record(emitted: Emitted) -> dict[str, object]:
    """The record as a dict. Its nested parts may be shared with other records: do not change them."""
    seconds, micros = divmod(emitted.event_us, 1_000_000)
    day_time = _second(seconds)
    return {
        "stream": emitted.pod.service.stream,
        "time": f"{day_time}.{micros:06d}000Z",
        **emitted.fields,
        "kubernetes": _kubernetes(emitted.pod),
        "@timestamp": f"{day_time}.{micros // 1000:03d}Z",
    }


def render(emitted: Emitted) -> bytes:
    """The record as ASCII bytes with a final newline."""
    return json.dumps(record(emitted), separators=(",", ":")).encode("ascii") + b"\n"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(maxsize=256)
def _kubernetes(pod: Pod) -> dict[str, object]:
    return {
        "pod_name": pod.name,
        "namespace_name": NAMESPACE,
        "pod_id": pod.pod_id,
        "labels": {"app": pod.service.name, "version": pod.version},
        "host": pod.node,
        "container_name": pod.service.name,
        "docker_id": pod.container_id,
        "container_image": pod.image,
    }
