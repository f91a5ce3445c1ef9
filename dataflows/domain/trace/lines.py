"""What one line of a stack trace is, whatever language wrote it."""

import re
from typing import Final

from dataflows.domain.trace.frames import Frameworks, in_app, stable_name, stable_path
from dataflows.domain.trace.headers import CAUSES, cause, header, plain_header, rust_place
from dataflows.domain.trace.line import SKIP, TEXT, Kind, Line

_AT = re.compile(
    r"at (?:async |new |eval at |static )?(?:[\w.@-]*/)*(?P<name>[^\s()/][^\s()]*)?"
    r"(?: \[as [^\]]*\])? ?(?P<args>\((?P<where>.*))$"
)
_PLAIN_AT = re.compile(r"[ \t]+at (?P<name>[A-Za-z_][\w$]*(?:\.[\w$]+)+)\([A-Z]\w*\.(?:java|kt|scala):\d{1,6}\)")
"""The commonest frames of the JVM, without a module or a loader before the name."""
_AT_FILE = re.compile(r"at (?:async )?(?:file://)?(?P<where>\S{1,500}):\d+:\d+$")
_EVAL = re.compile(r"eval at (?P<name>[^\s()]{1,200}) \((?P<path>[^()]{1,500}?)(?::\d+){0,2}\)")
_AT_BARE = re.compile(r"at (?P<name>\w+)$")
_WHERE_END = re.compile(r"(?::\d+){1,2}\).*|\).*")
_SOURCE_NAME = re.compile(r"(?:[\w$]+\.\w{1,8}(?::\d+)?|Unknown Source|Native Method|<generated>)\)")
_PYTHON = re.compile(r'File "(?P<path>[^"]{1,500})", line \d+(?:, in (?P<name>.{1,200}))?$')
_GO_FILE = re.compile(r"\s+(?P<path>\S{1,500}\.(?:go|s)):\d+(?: \+0x[\da-f]+.*|[\"'}\]]+.*)?$")
_NUMBERED = re.compile(r"#\d+\s+(?P<name>\S.*)$")
_RUBY = re.compile(r"(?:^|[\s\"'=])(?:from )?(?P<path>[^\s:\"'=]{1,300}\.rb):\d+:in [`'](?P<name>[^']{1,200})")
_RUBY_TYPE = re.compile(r"[`'\"]: .{0,500}\(([A-Z][\w:]*)\)$")
_RUST = re.compile(r"\d+:\s+(?:0x[\da-f]+ - )?(?P<name>[\w<>:{}# ]{1,300})$")
_GOROUTINE = re.compile(r"goroutine \d+ .{0,80}\[.{1,80}\]:")
_PANIC = re.compile(r"(?:.*\bpanic serving [^ ]+:|.*\bpanic:|fatal error:) ?(?P<rest>.*)$")
_RUST_PANIC = re.compile(r"thread '[^']{0,100}' (?:\(\d+\) )?panicked at (?P<rest>.*)$")
_RUNTIME_ERROR = re.compile(r"(?:runtime error: )?[a-z][a-z -]{3,60}")
_NEXT = re.compile(r"Next (?:[\w\\]{1,200}\\)?[A-Z]\w*: ")
_MEMBER = re.compile(r"-(?:\+-)?-{3,} (?:\d+|\.\.\.) -{4,}$")
_SIGNS: Final[tuple[tuple[str, re.Pattern[str], Kind], ...]] = (
    ("Traceback (most recent call", re.compile(""), "python_start"),
    ("goroutine ", _GOROUTINE, "goroutine"),
    ("---- ", _MEMBER, "python_member"),
)
_SKIP = (
    "... ",
    "created by ",
    "[Previous line repeated",
    "--- End of",
    "<asynchronous suspension>",
    "Stack trace:",
    "thrown in ",
)
_MARKERS: Final = (*_SKIP, *CAUSES)
"""No prefix of one is one of the other."""


def classify(line: str, frameworks: Frameworks) -> Line:
    """Say what a line is. Pure, linear in the first 1,000 characters; never raises."""
    line = line[:1000].rstrip()
    plain = plain_header(line)
    if plain is not None:
        return plain
    if (call := _PLAIN_AT.fullmatch(line)) is not None:
        return Line("frame", stable_name(call["name"]), "", in_app(call["name"], "", frameworks))
    return _classified(line, frameworks)


def _classified(line: str, frameworks: Frameworks) -> Line:
    """The long way."""
    text = line.lstrip(" \t|+")
    if not text:
        return SKIP
    if text.startswith(_MARKERS):
        return _marker(text)
    for sign, rule, kind in _SIGNS:
        if sign in text and rule.match(text):
            return Line(kind)
    # What stands before each rule is what it cannot do without, and says no in a twentieth of the time.
    found: Line | None = None
    if "panic" in text or text.startswith(("Next ", "fatal error:")):
        found = _outer_or_panic(text)
    if found is None and text.startswith("at "):
        found = _jvm_or_js(text, frameworks)
    if found is None and (text.startswith('File "') or ".go:" in line or ".s:" in line):
        found = _python_or_go(line, text, frameworks)
    if found is None and (text[0] == "#" or text[0].isdigit() or ".rb:" in text):
        found = _numbered(text, frameworks)
    return found or header(text) or TEXT


def _marker(text: str) -> Line:
    if text.startswith(CAUSES):
        return cause(text)
    return Line("inner_end") if text.startswith("--- End of inner") else SKIP


def _outer_or_panic(text: str) -> Line | None:
    if text.startswith("Next ") and _NEXT.match(text):
        name, _, rest = text[5:].partition(": ")
        return Line("outer", name, rest)
    rust = _RUST_PANIC.search(text)
    if rust:
        return _rust_panic(rust["rest"])
    panic = _PANIC.match(text)
    if panic is None:
        return None
    fatal = text[0] == "f" or "runtime error:" in panic["rest"]
    known = _RUNTIME_ERROR.match(panic["rest"]) if fatal else None
    return Line("panic", known[0].strip() if known else "", panic["rest"])


def _rust_panic(rest: str) -> Line:
    place = rust_place(rest)
    return Line("rust_panic", place, rest.rpartition("', ")[0].lstrip("'\"") if place else rest)


def _jvm_or_js(text: str, frameworks: Frameworks) -> Line | None:
    call = _AT.match(text)
    if call:
        name, where = call["name"] or "", call["where"]
        if _SOURCE_NAME.match(where) and "." in name:
            return Line("frame", stable_name(name), "", in_app(name, "", frameworks))
        evaluated = _EVAL.match(where)
        if evaluated:
            path = evaluated["path"]
            return Line("frame", f"{evaluated['name']}@{stable_path(path)}", "", in_app("", path, frameworks))
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


def _numbered(text: str, frameworks: Frameworks) -> Line | None:
    if text[0] == "#":
        found = _NUMBERED.match(text)
        if found:
            return _php_or_dart(found["name"], frameworks)
    if ".rb:" in text:
        ruby = _RUBY.search(text)
        if ruby:
            path = stable_path(ruby["path"])
            raised = _RUBY_TYPE.search(text)
            ours = in_app("", ruby["path"], frameworks)
            kind: Kind = "raising_frame" if raised else "frame"
            return Line(kind, f"{path}:{ruby['name']}", raised[1] if raised else "", ours)
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
