"""Log records with a secret in every place that a record has, and records that are none."""

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from planting.secrets_made import Secrets

KINDS = ("github", "slack", "openai", "aws", "jwt", "password", "bearer", "url", "korean")
"""Of secrets, each in a message; elsewhere three of them, in turn."""


def line(**fields: Any) -> bytes:
    """One record in the parsed-fields shape, with what is not given."""
    return json.dumps({"level": "ERROR", "service": "checkout", "log_content": "it broke", **fields}).encode() + b"\n"


def _trace(secret: str) -> bytes:
    frames = "\n".join(f"\tat com.shop.pay.Gateway.call{n}(Gateway.java:{n})" for n in range(3))
    head = "java.lang.IllegalStateException: no answer"
    return line(log_content=f"{head}\n{frames}\nCaused by: java.io.IOException: {secret}")


def _kubernetes(**names: Any) -> bytes:
    return line(kubernetes={"namespace_name": "shop", "pod_name": "checkout-1", "host": "n1", **names})


_READABLE: dict[str, Callable[[str], bytes]] = {
    "a trace": _trace,
    "the name of a field": lambda s: line(**{s: "x"}),
    "a nested field": lambda s: line(context={"deep": [{"deeper": [s]}]}),
    "the name of a nested field": lambda s: line(context={"deep": {s: 1}}),
    "JSON in JSON": lambda s: line(log_content=json.dumps({"body": json.dumps({"said": s})})),
    "log_json": lambda s: json.dumps({"log_json": {"level": "error", "msg": "m", "exc_info": f"Oops: {s}"}}).encode(),
    "a trace as an object": lambda s: line(stack_trace={"frames": [s]}),
    "plain text": lambda s: json.dumps({"log": f"ERROR could not connect, {s}", "service": "plain"}).encode(),
    "the service": lambda s: line(service=s),
    "a service that is cut": lambda s: line(service=f"{'x' * 70} {s}"),
    "the version": lambda s: line(version=s),
    "the trace id": lambda s: line(trace_id=s),
    "the request id": lambda s: line(request_id=s),
    "the time": lambda s: line(timestamp=s),
    "the pod": lambda s: _kubernetes(pod_name=s),
    "the namespace": lambda s: _kubernetes(namespace_name=s),
    "the container": lambda s: _kubernetes(container_name=s),
    "the node": lambda s: _kubernetes(host=s),
    "labels": lambda s: _kubernetes(labels={"app": s, s: "x", "version": s}),
    "a message that Slack would cut": lambda s: line(log_content=f"{'long words ' * 725} {s} the end"),
    "a message that the index would cut": lambda s: line(log_content=f"{'long words ' * 2907} {s} the end"),
    "a query": lambda s: line(log_content=f"GET https://api.shop.example/v1?session={s}&page=2 failed"),
    "gzip": lambda s: gzip.compress(line(log_content=f"zipped {s}")),
}

_UNREADABLE: dict[str, Callable[[str], bytes]] = {
    "no JSON": lambda s: f"ERROR {s}".encode(),
    "bad UTF-8": lambda s: b'{"level":"ERROR","log":"' + s.encode() + b'\xff\xfe"}\n',
    "a record that is cut off": lambda s: line(log_content=s)[:-3],
    "a list": lambda s: json.dumps([s]).encode(),
    "an unknown level": lambda s: line(level=s),
    "a message of the wrong type": lambda s: line(log_content={"x": s}, service=s),
    "kubernetes as text": lambda s: line(kubernetes=s),
    "corrupt gzip": lambda s: gzip.compress(line(log_content=s), compresslevel=0)[:-9],
    "a record that is too large": lambda s: gzip.compress(line(log_content=s + "x" * 1_100_000)),
}


@dataclass(frozen=True)
class Planted:
    """What to put on the stream, and how many of it can be read."""

    alarming: list[bytes]
    rejected: list[bytes]


def planted(secrets: Secrets) -> Planted:
    """Every shape, each with secrets of its own."""
    alarming = [line(log_content=f"login failed: {secrets.token(kind, 'a message')}") for kind in KINDS]
    basic = base64.b64encode(f"app:{secrets.plain('a Basic header')}".encode()).decode()
    alarming.append(line(log_content=f"401 for request with headers Authorization: Basic {basic}, Accept: */*"))
    shapes = [*_READABLE.items(), *_UNREADABLE.items()]
    made = {
        (place, turn): make(secrets.token(KINDS[(number + 3 * turn) % len(KINDS)], place))
        for number, (place, make) in enumerate(shapes)
        for turn in range(3)
    }
    alarming += [record for (place, _), record in made.items() if place in _READABLE]
    return Planted(alarming, [record for (place, _), record in made.items() if place in _UNREADABLE])
