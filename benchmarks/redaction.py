"""CPU of redaction: a text of 500 bytes without and with hits, and a stack trace whose lines were seen before.

    python benchmarks/redaction.py [--quick] [--out FOLDER]

Every text is new each time but for the trace, whose first line is new and whose frames recur, as in production.
"""

import argparse
import itertools
from pathlib import Path

from measuring import RESULTS, Spread, Table, Work, interleaved, report

from dataflows.domain.redaction import redact

KINDS = ("500 B, no hit", "500 B, one hit", "500 B, three hits", "2 KB trace, no hit", "2 KB trace, three hits")
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


def _masked(texts: list[str]) -> Work:
    def work() -> None:
        for text in texts:
            redact(text, b"key")

    return work


def main() -> None:
    """Write the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="few texts: does it run, about how fast")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    count = 300 if given.quick else 3_000
    for kind in KINDS:
        _masked(_texts(kind, 300))()  # the frames, and RE2's automaton, which is built as texts need it
    costs = interleaved({kind: _masked(_texts(kind, count)) for kind in KINDS}, 3 if given.quick else 7)
    rows = [(kind, Spread.of([cost.cpu_s / count * 1e6 for cost in seen])) for kind, seen in costs.items()]
    note = "Every text is new but for the frames of the trace, which recur; marks are keyed."
    report("redaction", "Redaction", [Table("A text", ("text", "CPU µs"), rows, note)], given.out)


if __name__ == "__main__":
    main()
