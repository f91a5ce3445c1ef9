"""Exception types in the lines that name them: headers, causes, the place of a Rust panic."""

import re
from functools import lru_cache
from typing import Final

from dataflows.domain.trace.frames import stable_path
from dataflows.domain.trace.line import Kind, Line

_SUFFIX = r"(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Interruption|Timeout|Exit|Warning|Violation|Problem)"
_SUFFIXES: Final = (
    *("Exception", "Error", "Throwable", "Failure", "Fault", "Interrupt", "Timeout", "Exit", "Warning", "Violation"),
    "Problem",
)
"""One of them stands in whatever `_STRONG` finds, and is found twenty times as fast."""
_PLAIN = re.compile(r"(?!Unhandled)(?:[A-Za-z_]\w*\.){0,15}[A-Z]\w*(?:Exception|Error)")
"""The commonest types: whatever follows `: `, `_STRONG` finds just this at the start of a line."""
_NOT_PLAIN: Final = ("panic", ".rb:", "Traceback (most", "(Inner Exception")
"""What follows a header may make the line another one."""
_STRONG = re.compile(
    rf"(?:^|[\s:\]'\"(>=])(?P<name>(?:[A-Za-z_][\w$-]*(?:\.|::|\\{{1,2}})){{0,15}}"
    rf"(?:[A-Z]\w*?{_SUFFIX}|Exception|Error|Throwable)(?:\$\w+|\d)?(?:`\d)?)'?"
    r"(?= with message|:|\s*$| ?[(\[]|;)"
)
_WEAK = re.compile(
    r"(?P<name>(?:[a-z_][\w$]*\.)+(?![A-Z]{2,}\b)[A-Z][\w$]*"
    r"|[A-Z]\w*Exit|[A-Z][a-z]+[A-Z]\w+|Exception|Error|StopIteration)(?=: |:?$)"
)
_QUALIFIED = r"[A-Za-z_][\w$]*(?:(?:\.|::|\\{1,2})[A-Za-z_][\w$]*){0,15}(?:\.|::|\\{1,2})(?![A-Z]{2,}\b)[A-Z][\w$]*"
_CAMEL = r"[A-Z][a-z0-9]+[A-Z]\w*"
_ENDS = r"(?=:(?:\s|$)|\s*$|[\"']| ?\(| \[)"
_LOOSE = (
    re.compile(rf"(?:^|(?<=[\s\"'=:(>]))(?P<name>{_QUALIFIED}){_ENDS}"),
    re.compile(rf"(?:^|(?<=[\s\"'=:(>]))(?P<name>{_CAMEL}){_ENDS}"),
    re.compile(rf"(?:^|(?<=[\"'=])|(?<=Uncaught ))(?P<name>[A-Z][a-z]\w*){_ENDS}"),
)
"""Types of a team's own naming, from surely to hardly a type."""
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$.:\\]{0,199}$")
_UNHANDLED = re.compile(r"Unhandled\w*$")
CAUSES = (
    *("Caused by: ", "Suppressed: ", "Wrapped by: ", "[cause]: ", "[errors]: ", "cause: "),
    *("---> (Inner Exception #0) ", "---> "),
)
"""Beginnings of lines that name a cause, or a member of a group."""
_INNER = re.compile(r"\(Inner Exception #\d+\) ")
_RUST_PLACE = re.compile(r"(?:^|, )(?P<path>(?:[A-Za-z]:)?[^\s:'\"]{1,300}\.rs):\d+(?::\d+)?:?\W{0,5}$")
"""Where Rust panicked: all of the line since 1.73, with the message on the next; before, the end of the line."""


def plain_header(text: str) -> Line | None:
    """Read `a.b.CException: why` and `Caused by: a.b.CException: why`; None for any other line, header or not.

    What all rules together say of such a line, at a fifth of the cost: the type is mostly one that came before.
    """
    kind: Kind = "head"
    name, colon, rest = text.partition(": ")
    if name == "Caused by":
        kind = "cause"
        name, colon, rest = rest.partition(": ")
    if not (colon and name.endswith(("Exception", "Error")) and _is_plain(name)):
        return None
    for sign in _NOT_PLAIN:
        if sign in rest:
            return None
    return Line(kind, name, rest.lstrip(": "))


@lru_cache(maxsize=4_096)
def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None


def header(text: str) -> Line | None:
    """Find an exception type and its message in a line; a logger's prefix may precede it. None where there is none."""
    text = text[:1000]
    found = _STRONG.search(text) if _has_suffix(text) else None
    if found is None:
        word, space, _ = text.partition(" ")
        # The only words of which `_WEAK` can be true.
        found = _WEAK.match(text) if not space or word.endswith(":") else None
    if found is None:
        return None
    name, rest = found["name"], text[found.end() :].lstrip(": ")
    if name.startswith("Unhandled") and _UNHANDLED.match(name):  # Node's warning about an exception
        return header(rest) or Line("head", name, rest)
    return Line("head", name, rest)


def _has_suffix(text: str) -> bool:
    for suffix in _SUFFIXES:  # noqa: SIM110 - half the time of `any`
        if suffix in text:
            return True
    return False


def loose_header(text: str) -> Line | None:
    """Find a type that is not named like one, in a line that must be a header: frames follow it. None if none."""
    text = text[:1000]
    for rule in _LOOSE:
        found = rule.search(text)
        if found is not None:
            return Line("head", found["name"], text[found.end() :].lstrip(": "))
    return None


def cause(text: str) -> Line:
    """Read a line that starts with one of `CAUSES`. Kind `members` where the exceptions follow it."""
    rest = text[len(next(prefix for prefix in CAUSES if text.startswith(prefix))) :]
    rest = _INNER.sub("", rest, count=1).lstrip("[ ")
    if not rest:
        return Line("members")
    head = header(rest)
    if head:
        return head._replace(kind="cause")
    name, _, message = rest.partition(": ")
    name = name.rstrip(":\\\"'")
    return Line("cause", name, message) if _IDENTIFIER.match(name) else Line("cause", "", rest)


def rust_place(text: str) -> str:
    """Return the source file, with its folder, that a line of a Rust panic ends with; empty if with none."""
    place = _RUST_PLACE.search(text[:1000])
    return stable_path(place["path"]) if place else ""


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


def dart_header(raw: str) -> Line:
    """Read the line below `Unhandled exception:`."""
    for phrase, name in _DART_TYPES.items():
        if phrase in raw:
            return Line("head", name, raw)
    if raw.startswith("Instance of '"):
        return Line("head", raw[13:].rstrip("'")[:100])
    return header(raw) or Line("head", "", raw)
