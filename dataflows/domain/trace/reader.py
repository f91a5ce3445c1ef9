"""Read a stack trace: which exceptions, outermost first, and where each was raised."""

import re
from typing import TYPE_CHECKING, Final

from dataflows.domain.trace.frames import FRAMEWORKS, Frameworks
from dataflows.domain.trace.headers import rust_place
from dataflows.domain.trace.line import SKIP, Line
from dataflows.domain.trace.lines import classify
from dataflows.domain.trace.pending import pending_heads
from dataflows.domain.trace.plain import MAX_PENDING, NAME_MARKS, Part, plain_chain
from dataflows.domain.trace.python import PythonErrors
from dataflows.domain.trace.raised import Open, Raised
from dataflows.domain.trace.runs import Run, run_of

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RAISED: Final = 10
"""Longer chains are cut: what a tenth cause adds, no reader uses."""

_MAX_MEMO: Final = 20_000
"""Lines remembered (about 5 MB); a service has some hundreds of distinct frames."""
_MAX_MEMO_LINE: Final = 300
_MAX_RUNS: Final = 5_000
"""Runs remembered (at most 50 MB, mostly 12): what is below a header recurs as a whole. As many as whole messages."""
_MAX_RUN: Final = 4_000
_UNINDENTED = re.compile(r"\n(?![ \t])")
"""Ends a header with the run of indented lines below it."""
_GO_BARE = re.compile(r"(?P<name>[^\s\"=]*[\w)]\.[\w.\[\]]{1,200})$")
"""A function without its arguments: zap and pkg/errors print it so."""


class TraceReader:
    """Reads traces; remembers lines and runs, up to bounds, then forgets them all. Threads may share one."""

    def __init__(self, frameworks: Frameworks = FRAMEWORKS) -> None:
        self._frameworks = frameworks
        self._memo: dict[str, Line] = {}
        self._runs: dict[str, Run] = {}

    def read(self, text: str) -> tuple[Raised, ...]:
        """Return the chain, outermost first; empty where the text is no trace. Expects a normalised text."""
        if "\n" not in text and "' panicked at " not in text and ") panicked at " not in text:
            return ()
        parts = self._parts(text)
        chain = plain_chain(parts)
        if chain is None:
            scan = _Scan(self._frameworks)
            for line, raw, run, below in parts:
                scan.take(line, raw)
                if run is not None:
                    scan.take_run(run, below)
            chain = scan.result()
        return chain[:MAX_RAISED]

    def _parts(self, text: str) -> list[Part]:
        known, known_run = self._memo.get, self._runs.get
        parts: list[Part] = []
        for part in _UNINDENTED.split(text):
            raw, _, below = part.partition("\n")
            line = known(raw) or self._classify(raw)
            if not below:
                parts.append((line, raw, None, ""))
                continue
            if "\n" not in below:
                single = known(below) or self._classify(below)
                if single[0] != "frame":  # Go has a file below each function: no run worth remembering
                    parts += ((line, raw, None, ""), (single, below, None, ""))
                    continue
            parts.append((line, raw, known_run(below) or self._run(below), below))
        return parts

    def _run(self, text: str) -> Run:
        run = run_of(text, [self._memo.get(raw) or self._classify(raw) for raw in text.split("\n")])
        if len(self._runs) >= _MAX_RUNS:
            self._runs.clear()
        if len(text) <= _MAX_RUN:
            self._runs[text] = run
        return run

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
        self.chain: list[Open] = []
        self.python = PythonErrors()
        self.current: Open | None = None
        self.pending: list[tuple[Line, str]] = []
        self.goroutines = 0
        self.listing = self.innermost_first = False
        self.previous, self.previous_raw = SKIP, ""

    def take(self, line: Line, raw: str) -> None:
        kind = line[0]
        if kind != "skip":
            _TAKE[kind](self, line, raw)
        self.previous, self.previous_raw = line, raw

    def take_run(self, run: Run, text: str) -> None:
        """Take the lines of a run, whose text is given: as if one by one, and mostly as a whole."""
        if run.kind == "frames":
            self._frames(run)
        elif run.kind == "mixed" or not self.python.frames(run):
            for line, raw in zip(run.lines, text.split("\n"), strict=True):
                self.take(line, raw)
        self.previous, self.previous_raw = run.lines[-1], ""

    def _frames(self, run: Run) -> None:
        first = run.frames[0]
        self.frame(first, "")
        error = self.current or self._open(Line("head"))
        if len(error.frames) == 1 and error.frames[0] is first:
            error.run = run
        error.frames.extend(run.frames[1:])  # the first has opened what was pending

    def result(self) -> tuple[Raised, ...]:
        python = self.python.result()
        if python:
            return tuple(python[:MAX_RAISED])
        for error in self.chain:
            if error.place or (error.frames and (error.head.name or error.head.kind == "panic" or error.frames[1:])):
                chain = self.chain[::-1] if self.innermost_first else self.chain
                return tuple([error.close() for error in chain[:MAX_RAISED]])
        return ()

    def _open(self, head: Line) -> Open:
        self.current = Open(head, parent=self.current)
        self.chain.append(self.current)
        self.pending.clear()
        return self.current

    def frame(self, line: Line, _: str) -> None:
        if self.previous.kind == "rust" and line.kind == "frame":
            return  # the source place of the Rust frame above
        if self.current is None or self.pending:
            heads = self._pending_heads(loose=not NAME_MARKS.isdisjoint(line.name))
            if heads or self.current is None:
                for head in heads or [Line("head")]:
                    self._open(head)
            self.pending.clear()
        if self.current is not None:
            self.current.frames.append(line)

    def _pending_heads(self, *, loose: bool) -> list[Line]:
        return pending_heads(self.pending, strict=self.current is not None and not self.listing, loose=loose)

    def raising_frame(self, line: Line, _: str) -> None:
        self._open(Line("head", line.rest)).frames.append(line)

    def cause(self, line: Line, _: str) -> None:
        if self.current is None:
            for head in self._pending_heads(loose=True):
                self._open(head)
        self._open(line)

    def outer(self, line: Line, raw: str) -> None:
        if self.current is None:
            self.text(line, raw)
        else:
            self.innermost_first = True
            self._open(line)

    def inner_end(self, _: Line, __: str) -> None:
        if self.current is not None and self.current.parent is not None:
            self.current = self.current.parent

    def members(self, _: Line, __: str) -> None:
        self.listing = True

    def python_start(self, _: Line, raw: str) -> None:
        self.python.start(raw)

    def python_frame(self, line: Line, raw: str) -> None:
        self.python.frame(line, raw)

    def python_member(self, _: Line, raw: str) -> None:
        self.python.member(raw)

    def panic(self, line: Line, raw: str) -> None:
        if self.current is None:
            self._open(line)
        else:
            self.text(line, raw)

    def rust_panic(self, line: Line, _: str) -> None:
        if self.current is None:
            self._open(Line("panic", "", line.rest)).place = line.name

    def goroutine(self, _: Line, __: str) -> None:
        self.goroutines += 1
        if self.current is None:
            self._open(Line("panic"))

    def go_file(self, line: Line, _: str) -> None:
        kind, raw = self.previous.kind, self.previous_raw
        if self.goroutines > 1 or kind not in {"text", "head", "panic"}:
            return
        name = _go_function(raw)
        if not name or (self.current is None and raw.endswith(")")):
            return
        error = self.current or self._open(Line("head", "", self.pending[0][1] if self.pending[1:] else ""))
        error.frames.append(Line("frame", name, "", line.ours and not self.frameworks.holds(name)))

    def text(self, line: Line, raw: str) -> None:
        if self.python.reading:
            self.python.text(line, raw)
            return
        error = self.current
        if error is not None and error.head.kind == "panic" and not error.frames and self.goroutines == 0:
            error.place = error.place or rust_place(raw)
            if not error.head.rest:  # Rust since 1.73 says where first, and why on the next line
                error.head = error.head._replace(rest=raw)
        if len(self.pending) < MAX_PENDING:
            self.pending.append((line, raw))


_TAKE: Final[dict[str, "Callable[[_Scan, Line, str], None]"]] = {
    "frame": _Scan.frame,
    "rust": _Scan.frame,
    "raising_frame": _Scan.raising_frame,
    "cause": _Scan.cause,
    "outer": _Scan.outer,
    "inner_end": _Scan.inner_end,
    "members": _Scan.members,
    "panic": _Scan.panic,
    "rust_panic": _Scan.rust_panic,
    "python_start": _Scan.python_start,
    "python_frame": _Scan.python_frame,
    "python_member": _Scan.python_member,
    "goroutine": _Scan.goroutine,
    "go_file": _Scan.go_file,
    "head": _Scan.text,
    "text": _Scan.text,
}
"""What each kind of line does; made once, not per text."""


def _go_function(raw: str) -> str:
    if not raw.endswith(")"):
        bare = _GO_BARE.search(raw[-300:])
        name = bare["name"] if bare else ""
    else:
        name = raw[: raw.rindex("(")].strip() if "(" in raw else ""
    parts = name.rsplit(".func", 1)
    return parts[0] + ".func" if len(parts) > 1 and parts[1].replace(".", "").isdigit() else name
