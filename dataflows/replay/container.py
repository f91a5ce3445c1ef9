"""Container log files (CRI), as the shipper would have read them."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from dataflows.domain.multiline import join

_LINE = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) (?P<tag>[FP])\S* (?P<text>.*)", re.DOTALL)
"""One line of a container log: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md"""
_NAME = re.compile(r"(?P<pod>[^_]+)_(?P<namespace>[^_]+)_(?P<container>.+)-(?P<id>[0-9a-f]{64})\.log")


def is_container_log(line: bytes) -> bool:
    """Whether the first line of a file is one of a container log."""
    return _LINE.match(line.decode(errors="replace")) is not None


def json_object(line: bytes | str) -> dict[str, object] | None:
    """The JSON object of a line; None if it is anything else."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def container_log(
    name: str, written: float, content: Iterable[bytes], level: str | None
) -> Iterator[tuple[float, bytes]]:
    """Arrival and record of each log of one container: partial lines joined, then traces, wrapped as Fluent Bit does.

    `written` (seconds since the epoch) is the arrival of a line whose own time cannot be read.
    """
    place = found.groupdict() if (found := _NAME.fullmatch(name)) else {}
    kubernetes = {f"{key}_name": place[key] for key in ("pod", "namespace", "container") if place.get(key)}
    times: list[str] = []

    def lines() -> Iterator[str]:
        held = ""
        for raw in content:
            parts = _LINE.match(raw.decode(errors="replace").rstrip("\n"))
            held += parts["text"] if parts else raw.decode(errors="replace").rstrip("\n")
            if parts and parts["tag"] == "P":
                continue
            times.append(parts["time"] if parts else (times[-1] if times else ""))
            yield held
            held = ""
        if held:  # the file ends within a line: what is there of it is a record too
            times.append(times[-1] if times else "")
            yield held

    for record in join(lines()):
        # `join` has read one line past the record, so its own time is that of the line its first one had.
        stamp = times[0]
        del times[: max(1, len(times) - 1)]
        merged = json_object(record)
        body: dict[str, object] = {"time": stamp, "kubernetes": kubernetes}
        body |= {"log": record + "\n"} if merged is None else {"log_json": merged}
        if level is not None:
            body["level"] = level
        yield _seconds(stamp, written), json.dumps(body).encode() + b"\n"


def _seconds(stamp: str, otherwise: float) -> float:
    try:
        return max(0.0, datetime.fromisoformat(stamp).timestamp())
    except (ValueError, OverflowError):
        return otherwise
