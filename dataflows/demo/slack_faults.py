"""Faults that a test orders from the Slack stand-in, one call each."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final, Self

FORMS: Final = "STATUS, STATUS:RETRY_AFTER_S, error:WORD, hang, reset or lost, each perhaps after METHOD="
"""What a fault is spelled like, for people."""

WEBHOOK: Final = "webhook"
"""What an incoming webhook is called where the Web API has a method."""

_WRITES: Final = frozenset({WEBHOOK, "chat.postMessage", "chat.update"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Without a method it meets whatever writes: a webhook, chat.postMessage or chat.update."""

    kind: str
    """`status`, `error`, `hang`, `reset` or `lost`."""
    status: int = 0
    retry_after_s: str = ""
    word: str = ""
    method: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `FORMS`. Raises ValueError naming the text."""
        method, _, rest = text.rpartition("=")
        if rest in {"hang", "reset", "lost"}:
            return cls(rest, method=method)
        first, _, second = rest.partition(":")
        if first == "error" and second:
            return cls("error", word=second, method=method)
        if not first.isdecimal() or not 200 <= int(first) <= 599:
            msg = f"unknown fault {text!r}: use {FORMS}"
            raise ValueError(msg)
        return cls("status", int(first), second, method=method)

    def meets(self, method: str) -> bool:
        """Whether a call of that method fails so."""
        return method == self.method if self.method else method in _WRITES


class Faults:
    """Faults to come, in order. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Fault] = deque()

    def add(self, *texts: str) -> None:
        """Order faults. Raises ValueError for one that is none."""
        faults = [Fault.parse(text) for text in texts]
        with self._lock:
            self._waiting.extend(faults)

    def take(self, method: str) -> Fault | None:
        """The first one that meets the call, which uses it up."""
        with self._lock:
            fault = next((fault for fault in self._waiting if fault.meets(method)), None)
            if fault is not None:
                self._waiting.remove(fault)
            return fault
