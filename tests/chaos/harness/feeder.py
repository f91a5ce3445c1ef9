"""Puts records into the stream, evenly in time, and remembers where each went."""

import random
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.records import Made, Maker
from harness.scenario import Scenario

_TICK_S = 0.2
_CALL_BYTES = 4_000_000
_CALL_RECORDS = 500
"""PutRecords takes 500 records and 5 MiB (older emulators), AWS service quota."""


class Put(NamedTuple):
    """A record in the stream: what it is, by its place."""

    shard: str
    sequence: str
    made: Made


class Feeder:
    """A thread that puts what a scenario says. Read `put` when it is done."""

    def __init__(self, kinesis: Any, stream: str, scenario: Scenario) -> None:
        self.put: list[Put] = []
        self.error = ""
        self._kinesis = kinesis
        self._stream = stream
        self._scenario = scenario
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        """Begin now."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the last record."""
        self._thread.join()

    def stop(self) -> None:
        """End early."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            for records in self._ticks():
                self._send(records)
                if self._stop.wait(_TICK_S):
                    return
        except Exception as err:  # noqa: BLE001 - told as the run's failure, whatever it is
            self.error = f"the feeder failed: {type(err).__name__}: {err}"

    def _ticks(self) -> Iterator[list[Made]]:
        """The records of each tick; what was missed is caught up."""
        plan = self._scenario
        rng = random.Random(plan.seed + 1)  # noqa: S311 - log lines, not secrets
        maker = Maker(rng, plan.faults)
        total = int(plan.rate * plan.load_s)
        bursts = sorted(rng.randrange(total) for _ in range(plan.bursts))
        large = sorted(rng.randrange(total) for _ in range(plan.large))
        begun, count = time.monotonic(), 0
        while count < total:
            due = min(total, max(1, int((time.monotonic() - begun) * plan.rate)))
            tick: list[Made] = []
            while count < due:
                count += 1
                tick += maker.some()
                while bursts and bursts[0] < count:
                    tick += maker.burst()
                    bursts.pop(0)
                while large and large[0] < count:
                    tick.append(maker.large())
                    large.pop(0)
            yield tick

    def _send(self, records: list[Made]) -> None:
        call: list[Made] = []
        size = 0
        for made in records:
            if call and (size + len(made.raw) > _CALL_BYTES or len(call) == _CALL_RECORDS):
                self._call(call)
                call, size = [], 0
            call.append(made)
            size += len(made.raw)
        if call:
            self._call(call)

    def _call(self, records: list[Made]) -> None:
        entries = [{"Data": made.raw, "PartitionKey": uuid.uuid4().hex} for made in records]
        answer = self._kinesis.put_records(StreamName=self._stream, Records=entries)
        if answer["FailedRecordCount"]:
            msg = f"Kinesis took {len(records) - answer['FailedRecordCount']} of {len(records)} records"
            raise RuntimeError(msg)
        for made, place in zip(records, answer["Records"], strict=True):
            self.put.append(Put(place["ShardId"], place["SequenceNumber"], made))
