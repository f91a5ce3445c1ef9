"""What the measured page is fed: ordinary noise at a rate, and faults that nobody has seen, each with its moment.

Records are in Fluent Bit's format, dated as they are put, so that no two are equal. New faults belong to services that
the rules route to a channel each: Slack's pace (one message a second and channel) is then not what is measured.
"""

import base64
import http.client
import json
import random
import time
from collections.abc import Mapping
from functools import cache
from itertools import cycle, islice
from typing import NamedTuple

from soak_records import ALARMING_EVERY, Template, name_of_fault, template_of

from dataflows.domain.levels import Level
from dataflows.domain.peek import peek
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator

SERVICES = tuple(f"team{letter}{other}" for letter in "abcdefgh" for other in "abcde")
"""Forty, with a channel each. Names without digits: those are not told apart in some places."""
TICK_S = 0.05
_CALL_RECORDS = 500
"""Records of one PutRecords call at most (Kinesis API)."""
_BENIGN, _ALARMING = 5_000, 1_000
_LIVING = 20
"""Faults that go on: one alarming record in ten is of one of them."""


class Storm(NamedTuple):
    """So many new faults at once, and the rate of errors (records a second) that comes on top of the noise."""

    faults: int
    errors: float


class Fed(NamedTuple):
    """What a stretch of feeding came to."""

    seconds: float
    records: int
    faults: Mapping[str, float]
    """Names of new faults, and when the PutRecords call that held the first record began (seconds since the epoch)."""


def rules() -> str:
    """The rules file: each service's faults into a channel of its own."""
    return json.dumps({"version": 1, "routes": [{"match": {"service": one}, "channel": f"#{one}"} for one in SERVICES]})


class Feed:
    """Puts records, at a rate, from the thread that calls. One connection, kept."""

    def __init__(self, port: int) -> None:
        benign, alarming = _pools()
        self._benign, self._alarming = cycle(benign), cycle(alarming)
        self._living: list[Template] = []
        self._named = 0
        self._count = 0
        self._second = (-1, b"", b"")
        self._random = random.Random(1)  # noqa: S311 - partition keys, not secrets
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def run(self, rate: float, seconds: float, *, faults_per_s: float = 0.0, storm: Storm | None = None) -> Fed:
        """Feed for a while, by the clock: what is late is put at once, and the time that all took is told."""
        began = time.monotonic()
        sent, faults, errors = 0, 0, 0
        told: dict[str, float] = {}
        storming: list[Template] = []
        lines: list[bytes] = []
        passed = 0.0
        while passed < seconds:
            passed = min(time.monotonic() - began, seconds)
            due = round(rate * passed) - sent
            sent += due
            lines += [self._noise() for _ in range(due)]
            wanted = int(passed * faults_per_s + 0.5) - faults
            if storm is not None:
                wanted = storm.faults if not storming else 0
                errors_due = round(storm.errors * passed) - errors
                errors += errors_due
                lines += [self._dated(self._random.choice(storming)) for _ in range(errors_due if storming else 0)]
            names = [self._new_fault() for _ in range(wanted)]
            faults += wanted
            for name, template in names:
                lines.insert(self._random.randint(0, len(lines)), self._dated(template))
                storming += [template] if storm is not None else []
                told[name] = 0.0
            self._put(lines, told, dict(names))
            lines = []
            time.sleep(max(0.0, TICK_S - (time.monotonic() - began - passed)))
        return Fed(time.monotonic() - began, sent + faults + errors, told)

    def _put(self, lines: list[bytes], told: dict[str, float], new: Mapping[str, Template]) -> None:
        marks = {name: f"{name}Exception".encode() for name in new}
        for start in range(0, len(lines), _CALL_RECORDS):
            part = lines[start : start + _CALL_RECORDS]
            body = b'{"StreamName":"system","Records":[%b]}' % b",".join(
                b'{"Data":"%b","PartitionKey":"%d"}' % (base64.b64encode(line), self._random.getrandbits(24))
                for line in part
            )
            held = [name for name, mark in marks.items() if not told[name] and any(mark in line for line in part)]
            headers = {"X-Amz-Target": "Kinesis_20131202.PutRecords", "Content-Type": "application/x-amz-json-1.1"}
            now = time.time()
            for name in held:
                told[name] = now
            self._connection.request("POST", "/", body, headers)
            answer = self._connection.getresponse()
            if answer.status != http.client.OK or b'"FailedRecordCount":0' not in answer.read():
                msg = f"the stand-in refused a PutRecords call of {len(part)} records with status {answer.status}"
                raise RuntimeError(msg)

    def _noise(self) -> bytes:
        self._count += 1
        if self._count % ALARMING_EVERY:
            return self._dated(next(self._benign))
        if self._living and self._count // ALARMING_EVERY % 10 == 0:
            return self._dated(self._random.choice(self._living))
        return self._dated(next(self._alarming))

    def _dated(self, template: Template) -> bytes:
        whole, nanos = divmod(time.time_ns(), 1_000_000_000)
        if self._second[0] != whole:
            day, clock = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(whole)).encode().split()
            self._second = (whole, day, clock)
        return template.dated(*self._second[1:], nanos)

    def _new_fault(self) -> tuple[str, Template]:
        name, service = name_of_fault(self._named), SERVICES[self._named % len(SERVICES)]
        self._named += 1
        template = template_of(_fault(name, service))
        self._living = [*self._living, template][-_LIVING:]
        return name, template


def _fault(name: str, service: str) -> bytes:
    """A record with a trace, of a fault that no other name has."""
    trace = (
        f"com.example.{service}.{name}Exception: could not finish\\n"
        f"\\tat com.example.{service}.{name}.run({name}.java:84)\\n"
        "\\tat java.base/java.lang.Thread.run(Thread.java:1583)"
    )
    return (
        b'{"stream":"stdout","time":"2026-01-01T00:00:00.000000000Z","log_json":{"@timestamp":"2026-01-01T00:00:00.000Z",'
        b'"level":"ERROR","logger_name":"com.example.%b","message":"%b gave up","stack_trace":"%b"},'
        b'"kubernetes":{"pod_name":"%b-5d8f7c9b44-x2x2x","namespace_name":"shop","labels":{"app":"%b",'
        b'"version":"1.0.0"},"host":"node","container_name":"%b"},"@timestamp":"2026-01-01T00:00:00.000Z"}\n'
    ) % (name.encode(), name.encode(), trace.encode(), *[service.encode()] * 3)


@cache
def _pools() -> tuple[list[Template], list[Template]]:
    """Records below WARN and from WARN up, of the shipped generator."""
    emitted = (wire.render(one) for one in LogGenerator(seed=1, rate=1000, start_ts=1_795_000_000, storms=None))
    benign: list[Template] = []
    alarming: list[Template] = []
    for line in islice(emitted, 1_000_000):
        level = peek(line)
        pool, room = (alarming, _ALARMING) if level is None or level >= Level.WARN else (benign, _BENIGN)
        if len(pool) < room:
            pool.append(template_of(line))
        if len(benign) == _BENIGN and len(alarming) == _ALARMING:
            break
    return benign, alarming
