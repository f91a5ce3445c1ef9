"""Bodies that clients of Slack send, as the objects they stand for."""

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from dataflows.demo.slack_rules import Refused

_OBJECTS = ("blocks", "metadata")


def payload_of(body: bytes) -> dict[str, object]:
    """A webhook's payload: JSON as the body, or as Slack's older form field `payload`. Raises `Refused`."""
    try:
        text = body.decode("utf-8")
        if text.startswith("payload="):
            text = parse_qs(text, strict_parsing=True)["payload"][0]
        value = json.loads(text)
    except (ValueError, KeyError, RecursionError) as err:
        raise Refused(why="the body is not JSON", answer="invalid_payload") from err
    if not isinstance(value, dict):
        raise Refused(why="the payload is not a JSON object", answer="invalid_payload")
    return value


def arguments_of(kind: str, body: bytes) -> dict[str, Any]:
    """Arguments of a method: a JSON object, or a form in which objects are JSON. Raises `Refused`."""
    try:
        text = body.decode("utf-8")
        if not kind.startswith("application/json"):
            fields: dict[str, Any] = dict(parse_qsl(text))
            return fields | {name: json.loads(fields[name]) for name in _OBJECTS if name in fields}
        value = json.loads(text or "{}")  # slack_sdk sends no body where there are no arguments
    except (ValueError, RecursionError) as err:
        raise Refused(why="the body is neither JSON nor a form", answer="invalid_json") from err
    if not isinstance(value, dict):
        raise Refused(why="the body is not a JSON object", answer="json_not_object")
    return value
