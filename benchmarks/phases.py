"""A source in memory with two phases: what fills the state, and, once all is quiet, what is measured."""

import mmap
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.slots import SLOTS, slot_number

_POLL_S = 0.02
_QUIET_S, _QUIET_CPU_S = 0.3, 0.06
"""The page has settled when it used less CPU than the second within the first: polling of 64 slots takes a part."""
_MOST_S = 120.0


class Phases:
    """Starts the clock once every slot has emitted what fills the state. Processes that are forked later share it."""

    def __init__(self, slots: Sequence[str] = SLOTS) -> None:
        self._filled = mmap.mmap(-1, len(slots))
        self._slots = len(slots)
        self._looked = self._cpu = 0.0
        self._begun = time.monotonic()
        self.start: tuple[float, float] | None = None
        """CPU time and clock of this process as measuring began."""
        self._ended = (0.0, 0.0)

    def filled(self, slot: str) -> None:
        """One slot has emitted its share."""
        self._filled[slot_number(slot)] = 1

    def ready(self) -> bool:
        """Whether what is measured may be emitted."""
        if self.start is not None:
            return True
        now = time.monotonic()
        if now - self._begun > _MOST_S:
            msg = f"the page was not quiet within {_MOST_S:.0f} s: is the machine overloaded?"
            raise RuntimeError(msg)
        if sum(self._filled[:]) < self._slots:
            self._looked = now
            self._cpu = time.process_time()
        elif now - self._looked >= _QUIET_S:
            used, self._cpu, self._looked = time.process_time() - self._cpu, time.process_time(), now
            if used < _QUIET_CPU_S:
                self.start = time.process_time(), time.perf_counter()
                return True
        return False

    def ended(self) -> None:
        """A slot of this process has emitted everything."""
        self._ended = time.process_time(), time.perf_counter()

    def taken(self) -> dict[str, float]:
        """CPU and wall seconds since measuring began, and of these what came after the last slot had ended.

        That is the last snapshot and the drain of the sinks.
        """
        if self.start is None:
            msg = "nothing was measured: no slot became ready"
            raise RuntimeError(msg)
        cpu, wall = time.process_time(), time.perf_counter()
        return {
            "cpu_s": cpu - self.start[0],
            "wall_s": wall - self.start[1],
            "closing_cpu_s": cpu - self._ended[0],
            "closing_wall_s": wall - self._ended[1],
        }


class Memory(FixedPartitionedSource[Any, int]):
    """Emits prepared reads, in order within a slot; one read a call, as the live source does."""

    def __init__(
        self,
        fill: dict[str, list[list[Any]]],
        measured: dict[str, list[list[Any]]],
        phases: Phases,
        told: Callable[[list[Any]], Any] = len,
    ) -> None:
        """Reads by slot; `told` hears of each as it leaves."""
        self._fill, self._measured = fill, measured
        self._phases, self._told = phases, told

    def list_parts(self) -> list[str]:
        return list(SLOTS)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_MemoryPart":
        return _MemoryPart(
            for_part, self._fill.get(for_part, []), self._measured.get(for_part, []), self._phases, self._told
        )


class _MemoryPart(StatefulSourcePartition[Any, int]):
    def __init__(
        self,
        slot: str,
        fill: list[list[Any]],
        measured: list[list[Any]],
        phases: Phases,
        told: Callable[[list[Any]], Any],
    ) -> None:
        self._slot, self._phases, self._told = slot, phases, told
        self._fill, self._measured = iter(fill), iter(measured)
        self._filling = True
        self._wait: datetime | None = None
        self._emitted = 0

    def next_batch(self) -> list[Any]:
        items = next(self._fill, None) if self._filling else None
        if items is None:
            if self._filling:
                self._filling = False
                self._phases.filled(self._slot)
            if not self._phases.ready():
                self._wait = datetime.now(UTC) + timedelta(seconds=_POLL_S)
                return []
            self._wait = None
            items = next(self._measured, None)
            if items is None:
                self._phases.ended()
                raise StopIteration
        self._emitted += 1
        self._told(items)
        return items

    def next_awake(self) -> datetime | None:
        return self._wait

    def snapshot(self) -> int:
        return self._emitted
