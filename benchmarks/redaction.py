"""CPU of redaction: a text of 500 bytes without and with hits, and a stack trace whose lines were seen before.

    python benchmarks/redaction.py [--repeats 7]

Process time, best of the repeats: compare the rows of one run. Every text is new each time but for the trace, whose
first line is new and whose frames recur, as in production.
"""

import argparse
import itertools
import platform
import time
from collections.abc import Iterable

from dataflows.domain.redaction import redact

_WORDS = (
    "could not reserve stock in warehouse 7: upstream inventory answered with status 503 after 3 attempts, giving up; "
    "will retry in 30 s (circuit breaker inventory is HALF_OPEN, failure rate 61.5 percent, permitted calls 10) "
    "region=ap-2 pod=order-7d9f8b6c5d-x2x9k class=shop.order.StockClient thread pool size 200 queue 14 keyspace orders "
)
_FRAMES = "\n".join(
    f"\tat com.acme.order.Service{number}.handle(Service{number}.java:{number + 40})" for number in range(34)
)
_numbers = itertools.count(10_000_000)


def _sized(front: str, size: int) -> str:
    return (f"2026-01-02 03:04:05.678 ERROR {front} order {next(_numbers)} {_WORDS * 3}")[:size]


def _texts(kind: str, count: int) -> list[str]:
    hits = "login of kim.min" + "@example.com from 203.0.113.9 refused, password=hunter" + "2x"
    if kind == "500 B, no hit":
        return [_sized("-", 500) for _ in range(count)]
    if kind == "500 B, one hit":
        return [_sized("client 203.0.113.9", 500) for _ in range(count)]
    if kind == "500 B, three hits":
        return [_sized(hits, 500) for _ in range(count)]
    front = hits if kind.endswith("hits") else "-"
    return [f"{_sized(front, 160)}\n{_FRAMES}"[:2048] for _ in range(count)]


def _best(texts: Iterable[list[str]]) -> float:
    """Microseconds a text."""
    best = float("inf")
    for given in texts:
        started = time.process_time()
        for text in given:
            redact(text, b"key")
        best = min(best, (time.process_time() - started) / len(given))
    return best * 1e6


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=7)
    repeats = options.parse_args().repeats
    print(f"Python {platform.python_version()}, process time, best of {repeats}")
    print("| text | µs |\n|---|---|")
    for kind in (
        "500 B, no hit",
        "500 B, one hit",
        "500 B, three hits",
        "2 KB trace, no hit",
        "2 KB trace, three hits",
    ):
        print(f"| {kind} | {_best(_texts(kind, 500) for _ in range(repeats)):.1f} |")


if __name__ == "__main__":
    main()
