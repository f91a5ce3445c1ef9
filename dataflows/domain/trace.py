"""Read a stack trace: which exceptions, outermost first, and where each was raised."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from dataflows.domain.trace_frames import FRAMEWORKS, Frameworks
from dataflows.domain.trace_lines import Line, classify, header

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RAISED: Final = 10
"""Longer chains are cut: what a tenth cause adds, no reader uses."""

_MAX_MEMO: Final = 20_000
"""Lines remembered (about 5 MB); a service has some hundreds of distinct frames."""
_MAX_MEMO_LINE: Final = 300
_MAX_PENDING: Final = 30
_RUST_PLACE = re.compile(r"^\S{1,300}\.rs:\d+:\d+:$")
"""Rust since 1.73 says where it panicked first, and why on the next line."""


class Raised(NamedTuple):
    """One exception of a chain."""

    type: str
    """As written, qualified; `panic` for Go and Rust; empty when the header is missing."""
    message: str
    """First line of the message, without the type."""
    frames: tuple[str, ...]
    """Frame names without line numbers, innermost first, repeats dropped; in-app only where there is any in-app."""
    detail: str = ""
    """What stands for a type in languages without one: Go's `runtime error: ...` class."""


@dataclass(slots=True)
class _Open:
    """An exception while its lines are still being read."""

    head: Line
    frames: list[Line] = field(default_factory=list)

    def close(self, *, innermost_last: bool) -> Raised:
        frames = self.frames[::-1] if innermost_last else self.frames
        ours = [frame.name for frame in frames if frame.ours] or [frame.name for frame in frames]
        is_panic = self.head.kind == "panic"
        kind, detail = ("panic", self.head.name) if is_panic else (self.head.name, "")
        return Raised(kind, self.head.rest, tuple(dict.fromkeys(ours)), detail)


class TraceReader:
    """Reads traces; remembers lines it has seen, up to a bound, then forgets them all. Threads may share one."""

    def __init__(self, frameworks: Frameworks = FRAMEWORKS) -> None:
        self._frameworks = frameworks
        self._memo: dict[str, Line] = {}

    def read(self, text: str) -> tuple[Raised, ...]:
        """Return the chain, outermost first; empty where the text is no trace. Expects a normalised text."""
        if "\n" not in text:
            return ()
        scan = _Scan(self._frameworks)
        known = self._memo.get
        add_frame: Callable[[Line], None] | None = None
        for raw in text.split("\n"):
            line = known(raw) or self._classify(raw)
            if line[0] != "frame":
                scan.take(line, raw)
                add_frame = None
            elif add_frame is None:
                scan.take(line, raw)
                add_frame = scan.frames_of_current()
            else:
                add_frame(line)  # by far the most lines
        return scan.result()

    def _classify(self, raw: str) -> Line:
        line = classify(raw, self._frameworks)
        if len(self._memo) >= _MAX_MEMO:
            self._memo.clear()
        if len(raw) <= _MAX_MEMO_LINE:
            self._memo[raw] = line
        return line


class _Scan:
    """One pass over the lines of one text."""

    def __init__(self, frameworks: Frameworks) -> None:
        self.frameworks = frameworks
        self.chain: list[_Open] = []
        self.python: list[_Open] = []
        self.current: _Open | None = None
        self.pending: list[tuple[Line, str]] = []
        self.reading_python = False
        self.goroutines = 0
        self.previous, self.previous_raw = Line("skip"), ""
        self._on: dict[str, Callable[[Line, str], None]] = {
            "frame": self._frame,
            "rust": self._frame,
            "cause": self._cause,
            "panic": self._panic,
            "python_start": self._python_start,
            "python_frame": self._python_frame,
            "goroutine": self._goroutine,
            "go_file": self._go_file,
            "head": self._text,
            "text": self._text,
        }

    def take(self, line: Line, raw: str) -> None:
        if line.kind != "skip":
            self._on[line.kind](line, raw)
        self.previous, self.previous_raw = line, raw

    def frames_of_current(self) -> "Callable[[Line], None] | None":
        """Where a frame goes that follows the frame just taken."""
        return self.current.frames.append if self.current is not None and not self.pending else None

    def result(self) -> tuple[Raised, ...]:
        python = [error for error in self.python if error.frames]
        if python:
            return tuple(error.close(innermost_last=True) for error in python[: -MAX_RAISED - 1 : -1])
        for error in self.chain:
            if error.frames and (error.head.name or error.head.kind == "panic" or len(error.frames) > 1):
                return tuple([error.close(innermost_last=False) for error in self.chain[:MAX_RAISED]])
        return ()

    def _open(self, head: Line) -> _Open:
        self.current = _Open(head)
        self.chain.append(self.current)
        self.pending.clear()
        return self.current

    def _frame(self, line: Line, _: str) -> None:
        if self.previous.kind == "rust" and line.kind == "frame":
            return  # the source place of the Rust frame above
        if self.current is None or self.pending:
            heads = self._pending_heads(strict=self.current is not None)
            if heads or self.current is None:
                for head in heads or [Line("head", line.rest)]:
                    self._open(head)
            self.pending.clear()
        if self.current is not None:
            self.current.frames.append(line)

    def _pending_heads(self, *, strict: bool) -> list[Line]:
        """Choose the header among the lines before a frame: the first that names an exception type."""
        for position, (line, raw) in enumerate(self.pending):
            outer, *inner = raw.split(" ---> ")
            head = header(outer.strip()) if inner else line if line.kind == "head" else None
            if head is not None and not (strict and outer[:1].isspace()):
                return [head, *(found for part in inner if (found := header(part)) is not None)]
            if raw.startswith("Unhandled exception:") and position + 1 < len(self.pending):
                return [_dart_header(self.pending[position + 1][1])]
        return []

    def _cause(self, line: Line, _: str) -> None:
        self._open(line)

    def _panic(self, line: Line, raw: str) -> None:
        if self.current is None:
            self._open(line)
        else:
            self._text(line, raw)

    def _python_start(self, _: Line, __: str) -> None:
        self.python.append(_Open(Line("head")))
        self.reading_python = True

    def _python_frame(self, line: Line, _: str) -> None:
        if not self.python:
            self._python_start(line, "")
        self.python[-1].frames.append(line)

    def _goroutine(self, _: Line, __: str) -> None:
        self.goroutines += 1
        if self.current is None:
            self._open(Line("panic"))

    def _go_file(self, line: Line, _: str) -> None:
        kind, raw = self.previous.kind, self.previous_raw
        if self.current is None or self.goroutines > 1 or kind not in {"text", "head", "panic"} or "(" not in raw:
            return
        name = _go_function(raw)
        self.current.frames.append(Line("frame", name, "", line.ours and not name.startswith(self.frameworks.names)))

    def _text(self, line: Line, raw: str) -> None:
        if self.reading_python:
            if self.python[-1].frames and not raw.startswith((" ", "\t")):
                self._python_header(line, raw)
            elif self.python[-1].frames and raw.lstrip().startswith("| "):
                self._python_header(line, raw.lstrip().lstrip("| "), grouped=True)
        elif self.current is not None and _RUST_PLACE.search(self.current.head.rest):
            self.current.head = self.current.head._replace(rest=raw)
        elif len(self.pending) < _MAX_PENDING:
            self.pending.append((line, raw))

    def _python_header(self, line: Line, raw: str, *, grouped: bool = False) -> None:
        name, _, rest = raw.partition(":")
        if line.kind != "head" and (grouped or not name.replace(".", "").replace("_", "").isalnum()):
            return
        self.python[-1].head = line if line.kind == "head" else Line("head", name, rest.strip())
        self.reading_python = False


def _go_function(raw: str) -> str:
    from_args = raw[: raw.rindex("(")].strip()
    parts = from_args.rsplit(".func", 1)
    return parts[0] + ".func" if len(parts) > 1 and parts[1].replace(".", "").isdigit() else from_args


_DART_TYPES: Final = {
    "Bad state": "StateError",
    "Invalid argument": "ArgumentError",
    "Unsupported operation": "UnsupportedError",
    "Concurrent modification": "ConcurrentModificationError",
    "Out of Memory": "OutOfMemoryError",
    "Stack Overflow": "StackOverflowError",
    "Assertion failed": "AssertionError",
    "Failed assertion": "AssertionError",
    "Cannot instantiate abstract class": "AbstractClassInstantiationError",
    "Reading static variable": "CyclicInitializationError",
    "Switch case fall-through": "FallThroughError",
    "malformed type": "TypeError",
    "is not a subtype of": "TypeError",
}
"""Dart prints `toString()`, which for these errors of `dart:core` does not start with the type."""


def _dart_header(raw: str) -> Line:
    for phrase, name in _DART_TYPES.items():
        if phrase in raw:
            return Line("head", name, raw)
    if raw.startswith("Instance of '"):
        return Line("head", raw[13:].rstrip("'")[:100])
    return header(raw) or Line("head", "", raw)
