"""What one line of a stack trace is, whatever language wrote it."""

import re
from typing import Final, Literal, NamedTuple

from dataflows.domain.trace_frames import Frameworks, in_app, stable_name, stable_path

Kind = Literal[
    "frame", "head", "cause", "python_start", "python_frame", "panic", "goroutine", "go_file", "rust", "skip", "text"
]
"""`head` starts with an exception type; `cause` says it is a cause; `text` is anything else."""


class Line(NamedTuple):
    """One line, understood."""

    kind: Kind
    name: str = ""
    """Frame or exception type; empty where the kind has none."""
    rest: str = ""
    """The exception message; of a Ruby frame, the exception type that its line ends with."""
    ours: bool = False
    """Frames: in-app."""


TEXT: Final = Line("text")
SKIP: Final = Line("skip")

_AT = re.compile(
    r"at (?:async |new |eval at |static )?(?:[\w.@-]*/)*(?P<name>[^\s()/][^\s()]*)?"
    r"(?: \[as [^\]]*\])? ?(?P<args>\((?P<where>.*))$"
)
_AT_FILE = re.compile(r"at (?:async )?(?:file://)?(?P<where>\S{1,500}):\d+:\d+$")
_AT_BARE = re.compile(r"at (?P<name>\w+)$")
_WHERE_END = re.compile(r"(?::\d+){1,2}\).*|\).*")
_SOURCE_NAME = re.compile(r"(?:[\w$]+\.\w{1,8}(?::\d+)?|Unknown Source|Native Method|<generated>)\)")
_PYTHON = re.compile(r'File "(?P<path>[^"]{1,500})", line \d+(?:, in (?P<name>.{1,200}))?$')
_GO_FILE = re.compile(r"\s+(?P<path>\S{1,500}\.(?:go|s)):\d+(?: \+0x[\da-f]+.*)?$")
_NUMBERED = re.compile(r"#\d+\s+(?P<name>\S.*)$")
_RUBY = re.compile(r"(?:from )?(?P<path>[^\s:][^:]{0,300}\.rb):\d+:in [`'](?P<name>[^']{1,200})")
_RUBY_TYPE = re.compile(r"[`'\"]: .{0,500}\(([A-Z][\w:]*)\)$")
_RUST = re.compile(r"\d+:\s+(?:0x[\da-f]+ - )?(?P<name>[\w<>:{}# ]{1,300})$")
_GOROUTINE = re.compile(r"goroutine \d+ .{0,80}\[.{1,80}\]:")
_PANIC = re.compile(
    r"(?:.*\bpanic serving [^ ]+:|.*\bpanic:|fatal error:|thread '[^']{0,100}' (?:\(\d+\) )?panicked at) ?(?P<rest>.*)$"
)
_RUNTIME_ERROR = re.compile(r"(?:runtime error: )?[a-z][a-z -]{3,60}")
_SUFFIX = r"(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Interruption|Timeout|Exit|Warning|Violation|Problem)"
_STRONG = re.compile(
    rf"(?:^|[\s:\]'\"(>])(?P<name>(?:[A-Za-z_][\w$-]*(?:\.|::))*(?:[A-Z]\w*?{_SUFFIX}|Exception|Error|Throwable)(?:\$\w+|\d)?(?:`\d)?)'?"
    r"(?= with message|:|\s*$| \(|\[|;)"
)
_WEAK = re.compile(
    r"(?P<name>(?:[a-z_][\w$]*\.)+[A-Z][\w$]*|[A-Z]\w*Exit|[A-Z][a-z]+[A-Z]\w+|Exception|Error|StopIteration)(?=: |:?$)"
)
_CAUSE = ("Caused by: ", "Suppressed: ", "Wrapped by: ", "[cause]: ", "[errors]: ", "cause: ")
_SKIP = (
    "... ",
    "created by ",
    "[Previous line repeated",
    "--- End of",
    "<asynchronous suspension>",
    "Stack trace:",
    "thrown in ",
)


def header(text: str) -> Line | None:
    """Find an exception type and its message in a line; a logger's prefix may precede it. None where there is none."""
    text = text[:1000]
    found = _STRONG.search(text) or _WEAK.match(text)
    if found is None:
        return None
    return Line("head", found["name"], text[found.end() :].lstrip(": "))


def classify(line: str, frameworks: Frameworks) -> Line:
    """Say what a line is. Pure, linear in the first 1,000 characters; never raises."""
    line = line[:1000].rstrip()
    text = line.lstrip(" \t|+")
    if not text:
        return SKIP
    for rule in (_marker, _jvm_or_js, _python_or_go, _numbered):
        found = rule(line, text, frameworks)
        if found is not None:
            return found
    return header(text) or TEXT


def _marker(_: str, text: str, __: Frameworks) -> Line | None:
    if text.startswith(_SKIP):
        return SKIP
    if text.startswith(_CAUSE):
        rest = text.partition(": ")[2]
        head = header(rest)
        return head._replace(kind="cause") if head else Line("cause", rest.partition(":")[0][:100], rest)
    if "Traceback (most recent call" in text:
        return Line("python_start")
    if text.startswith("goroutine ") and _GOROUTINE.match(text):
        return Line("goroutine")
    if "panic" in text or text.startswith("fatal error:"):
        panic = _PANIC.match(text)
        if panic:
            known = _RUNTIME_ERROR.match(panic["rest"]) if "runtime error:" in panic["rest"] else None
            return Line("panic", known[0].strip() if known else "", panic["rest"])
    return None


def _jvm_or_js(_: str, text: str, frameworks: Frameworks) -> Line | None:
    if not text.startswith("at "):
        return None
    call = _AT.match(text)
    if call:
        name, where = call["name"] or "", call["where"]
        if _SOURCE_NAME.match(where) and "." in name:
            return Line("frame", stable_name(name), "", in_app(name, "", frameworks))
        path = _WHERE_END.sub("", where, count=1)
        plain = "/" not in path and "." not in path
        seen = in_app(name, where if plain else path, frameworks)
        file = "" if plain or " " in path or "," in path else stable_path(path)
        return Line("frame", f"{stable_name(name)}@{file}" if file else stable_name(name), "", seen)
    bare = _AT_FILE.match(text)
    if bare:
        return Line("frame", f"@{stable_path(bare['where'])}", "", in_app("", bare["where"], frameworks))
    word = _AT_BARE.match(text)
    return Line("frame", word["name"], "", True) if word and "_" in text else None


def _python_or_go(line: str, text: str, frameworks: Frameworks) -> Line | None:
    if text.startswith('File "'):
        python = _PYTHON.match(text)
        if python:
            name = f"{stable_path(python['path'])}:{python['name'] or ''}"
            return Line("python_frame", name, "", in_app("", python["path"], frameworks))
    if line[0] in " \t" and (".go:" in line or ".s:" in line):
        go = _GO_FILE.match(line)
        if go:
            return Line("go_file", "", "", in_app("", go["path"], frameworks))
    return None


def _numbered(_: str, text: str, frameworks: Frameworks) -> Line | None:
    if text[0] == "#":
        found = _NUMBERED.match(text)
        if found:
            return _php_or_dart(found["name"], frameworks)
    if ".rb:" in text:
        ruby = _RUBY.match(text)
        if ruby:
            path = stable_path(ruby["path"])
            raised = _RUBY_TYPE.search(text)
            return Line(
                "frame", f"{path}:{ruby['name']}", raised[1] if raised else "", in_app("", ruby["path"], frameworks)
            )
    if text[0].isdigit():
        rust = _RUST.match(text)
        if rust and "::" in rust["name"]:
            return Line("rust", rust["name"], "", in_app(rust["name"], "", frameworks))
    return None


def _php_or_dart(call: str, frameworks: Frameworks) -> Line:
    where, colon, name = call.partition("): ")
    if call.startswith("[internal function]: "):
        return Line("frame", call[21:].partition("(")[0])
    if colon:
        path = where.partition("(")[0]
        return Line("frame", f"{stable_path(path)}:{name.partition('(')[0]}", "", in_app("", path, frameworks))
    name, _, where = call.partition(" (")
    return Line("frame", stable_name(name.strip()), "", in_app(name, where, frameworks))
