"""Faults of a scripted stream, records of it, and losses told: what several files here need."""

from hashlib import md5
from typing import Any

FIRST = "shardId-000000000000"


def fault(stream: Any, operation: str, what: str, times: int = 1) -> None:
    """Let the next calls of an operation fail."""
    from dataclasses import make_dataclass  # noqa: PLC0415 - a stand-in for the conftest's own class

    made = make_dataclass("Fault", ["operation", "what", ("shard", str | None, None)])
    stream.faults.extend(made(operation, what) for _ in range(times))


def losses(r: Any) -> list[Any]:
    """Gaps told so far."""
    return [loss for batch in r.batches for loss in batch.losses]


def aggregate(*data: bytes) -> bytes:
    """What the KPL puts into one Kinesis record."""

    def part(number: int, value: bytes) -> bytes:
        return bytes([number << 3 | 2, len(value)]) + value

    message = part(1, b"key") + b"".join(part(3, b"\x08\x00" + part(3, each)) for each in data)
    return b"\xf3\x89\x9a\xc2" + message + md5(message, usedforsecurity=False).digest()
