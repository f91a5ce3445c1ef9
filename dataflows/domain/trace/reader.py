"""Read a stack trace: which exceptions, outermost first, and where each was raised."""

import re
from typing import TYPE_CHECKING, Final

from dataflows.domain.trace.frames import FRAMEWORKS, Frameworks
from dataflows.domain.trace.headers import dart_header, header, loose_header, rust_place
from dataflows.domain.trace.line import Line
from dataflows.domain.trace.lines import classify
from dataflows.domain.trace.python import PythonErrors
from dataflows.domain.trace.raised import Open, Raised

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RAISED: Final = 10
"""Longer chains are cut: what a tenth cause adds, no reader uses."""

_MAX_MEMO: Final = 20_000
"""Lines remembered (about 5 MB); a service has some hundreds of distinct frames."""
_MAX_MEMO_LINE: Final = 300
_MAX_PENDING: Final = 30
_GO_BARE = re.compile(r"(?P<name>[^\s\"=]*[\w)]\.[\w.\[\]]{1,200})$")
"""A function without its arguments: zap and pkg/errors print it so."""


class TraceReader:
    """Reads traces; remembers lines it has seen, up to a bound, then forgets them all. Threads may share one."""

    def __init__(self, frameworks: Frameworks = FRAMEWORKS) -> None:
        self._frameworks = frameworks
        self._memo: dict[str, Line] = {}

    def read(self, text: str) -> tuple[Raised, ...]:
        """Return the chain, outermost first; empty where the text is no trace. Expects a normalised text."""
        if "\n" not in text and "' panicked at " not in text and ") panicked at " not in text:
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
        self.chain: list[Open] = []
        self.python = PythonErrors()
        self.current: Open | None = None
        self.pending: list[tuple[Line, str]] = []
        self.goroutines = 0
        self.listing = self.innermost_first = False
        self.previous, self.previous_raw = Line("skip"), ""

    def take(self, line: Line, raw: str) -> None:
        if line.kind != "skip":
            _TAKE[line.kind](self, line, raw)
        self.previous, self.previous_raw = line, raw

    def frames_of_current(self) -> "Callable[[Line], None] | None":
        """Where a frame goes that follows the frame just taken."""
        return self.current.frames.append if self.current is not None and not self.pending else None

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
            heads = self._pending_heads(loose=not _NAME_MARKS.isdisjoint(line.name))
            if heads or self.current is None:
                for head in heads or [Line("head")]:
                    self._open(head)
            self.pending.clear()
        if self.current is not None:
            self.current.frames.append(line)

    def _pending_heads(self, *, loose: bool) -> list[Line]:
        """Choose the header among the lines before a frame: the first that starts with an exception type, or names one.

        `loose`: what follows is a frame beyond doubt, so the first or the last line names a type, even an odd one.
        """
        strict = self.current is not None and not self.listing
        named: list[Line] = []
        for position, (line, raw) in enumerate(self.pending):
            outer, *inner = raw.split(" ---> ")
            head = _any_header(outer.strip()) if inner else line if line.kind == "head" else None
            if head is not None and not (strict and outer[:1].isspace()):
                heads = [head, *(found for part in inner if (found := _any_header(part)) is not None)]
                if raw.lstrip().startswith(head.name):
                    return heads
                named = named or heads
            if raw.startswith("Unhandled exception:") and position + 1 < len(self.pending):
                return named or [dart_header(self.pending[position + 1][1])]
        if named:
            return named
        if loose and not strict and self.pending:
            for _, raw in (self.pending[-1], self.pending[0]):
                head = loose_header(raw.strip())
                if head is not None:
                    return [head]
        return []

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
        error.frames.append(Line("frame", name, "", line.ours and not name.startswith(self.frameworks.names)))

    def text(self, line: Line, raw: str) -> None:
        if self.python.text(line, raw):
            return
        error = self.current
        if error is not None and error.head.kind == "panic" and not error.frames and self.goroutines == 0:
            error.place = error.place or rust_place(raw)
            if not error.head.rest:  # Rust since 1.73 says where first, and why on the next line
                error.head = error.head._replace(rest=raw)
        if len(self.pending) < _MAX_PENDING:
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
_NAME_MARKS: Final = frozenset(".@:")
"""A qualified name or a source file: `at noon (sharp)` has neither."""


def _any_header(text: str) -> Line | None:
    return header(text) or loose_header(text)


def _go_function(raw: str) -> str:
    if not raw.endswith(")"):
        bare = _GO_BARE.search(raw[-300:])
        name = bare["name"] if bare else ""
    else:
        name = raw[: raw.rindex("(")].strip() if "(" in raw else ""
    parts = name.rsplit(".func", 1)
    return parts[0] + ".func" if len(parts) > 1 and parts[1].replace(".", "").isdigit() else name
