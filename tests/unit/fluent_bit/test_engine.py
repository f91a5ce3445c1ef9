"""The engine against what the real program was seen to do, so that the other tests prove something."""

from typing import Any

import pytest
import yaml

SEEN = yaml.safe_load(r"""
name: seen
key_content: log
rules:
  - state: start_state
    regex: '/^(?:Exception in thread .*|(?:[\w$]+\.)+[\w$]*(?:Exception|Error|Throwable)\b.*)/'
    next_state: java
  - {state: java, regex: '/^(?:\s+at |\s*\.\.\. \d+ more|Caused by:|\s+Suppressed:)/', next_state: java}
  - {state: start_state, regex: '/^Traceback \(most recent call last\):/', next_state: py}
  - {state: py, regex: '/^\s+\S/', next_state: py}
  - {state: py, regex: '/^(?:[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b.*)/', next_state: end}
  - {state: end, regex: '/^$|^(?:During handling of the above|The above exception was)/', next_state: chain}
  - {state: chain, regex: '/^(?:During handling of the above|The above exception was)|^$/', next_state: chain}
  - {state: chain, regex: '/^Traceback \(most recent call last\):/', next_state: py}
  - {state: start_state, regex: '/^(?:panic: |fatal error: )/', next_state: go}
  - state: go
    regex: '/^$|^goroutine \d+ \[|^\[signal |^\s+\S|^[\w.\/()*\[\]{}-]+\(.*\)$|^created by |^exit status/'
    next_state: go
""")
"""Rules that ran in Fluent Bit 5.1.1, with what came out of them below."""

BUILT_IN_JAVA = yaml.safe_load(r"""
name: java
rules:
  - state: start_state, again
    regex: '/(.)(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]/'
    next_state: after
  - {state: after, regex: '/^[\t ]*nested exception is:[\t ]*/', next_state: again}
  - {state: after, regex: '/^[\r\n]*$/', next_state: after}
  - {state: 'after, java', regex: '/^[\t ]+(?:eval )?at /', next_state: java}
  - {state: 'after, java', regex: '/^[\t ]*(?:Caused by|Suppressed):/', next_state: after}
  - {state: 'after, java', regex: '/^[\t ]*... \d+ (?:more|common frames omitted)/', next_state: java}
""")
"""From `src/multiline/flb_ml_parser_java.c` (Apache License 2.0)."""

DOCUMENTED = yaml.safe_load(r"""
name: multiline-regex-test
rules:
  - {state: start_state, regex: '/([a-zA-Z]+ \d+ \d+\:\d+\:\d+)(.*)/', next_state: cont}
  - {state: cont, regex: '/^\s+at.*/', next_state: cont}
""")

JAVA = [
    "java.lang.IllegalStateException: no",
    "\tat com.acme.A.b(A.java:7)",
    "Caused by: java.sql.SQLException: gone",
    "\tat com.acme.Db.q(Db.java:9)",
    "\t... 12 more",
]
PYTHON = ["Traceback (most recent call last):", '  File "a.py", line 1, in f', "    g()", "ValueError: 잘못된 값"]
GO = [
    "panic: runtime error: index out of range [5] with length 3",
    "",
    "goroutine 18 [running]:",
    "main.(*Server).handle(0xc000010000, 0x1)",
    "\t/app/main.go:15 +0x1d",
    "created by main.main in goroutine 1",
    "\t/app/main.go:9 +0x2a",
]
CHAINED = [*PYTHON, "", "During handling of the above exception, another exception occurred:", "", *PYTHON]


def _run(engine: Any, parser: dict[str, Any], lines: list[str]) -> list[str]:
    multiline = engine.Multiline(engine.rules_of(parser))
    events = [engine.Event("2026-11-21T10:00:00.5Z", {"stream": "stdout", "log": line}) for line in lines]
    ended = [event for one in events for event in multiline.append(one)]
    return [event.record["log"] for event in (*ended, *multiline.tick())]


def test_traces_that_were_seen_whole_are_whole(engine: Any) -> None:
    """Java, Python, a Go panic, and a chained traceback: one record each; the plain lines around them stay apart."""
    for trace in (JAVA, PYTHON, GO, CHAINED):
        assert ["one", "\n".join(trace), "two", "three"] == _run(engine, SEEN, ["one", *trace, "two", "three"])


def test_the_built_in_java_parser_leaves_the_header_behind(engine: Any) -> None:
    """As it was seen: `ERROR [main] ... failed` is a record of its own, and the trace begins at the exception."""
    assert ["ERROR [main] order failed", "\n".join(JAVA)] == _run(
        engine, BUILT_IN_JAVA, ["ERROR [main] order failed", *JAVA]
    )


def test_the_example_of_the_documentation(engine: Any) -> None:
    """Three lines in front, in and behind, as docs.fluentbit.io prints the outcome."""
    trace = [
        'Dec 14 06:41:08 Exception in thread "main" java.lang.RuntimeException: Something has gone wrong, aborting!',
        "    at com.myproject.module.MyProject.badMethod(MyProject.java:22)",
        "    at com.myproject.module.MyProject.main(MyProject.java:6)",
    ]

    lines = ["single line...", *trace, "another line..."]

    assert ["single line...", "\n".join(trace), "another line..."] == _run(engine, DOCUMENTED, lines)


def test_lines_that_the_runtime_split_are_joined_again(engine: Any) -> None:
    """Parts may begin inside a character; the time is that of the first part."""
    whole = "가나다".encode()
    raw = b"2026-11-21T10:00:00.000000001Z stdout P " + whole[:4] + b"\n"
    raw += b"2026-11-21T10:00:00.000000002Z stdout F " + whole[4:] + b"\n"

    assert [("2026-11-21T10:00:00.000000001Z", "가나다", "P")] == [
        (event.time, event.record["log"], event.record["_p"]) for event in engine.cri(raw)
    ]


def test_a_line_beyond_the_buffer_is_skipped(engine: Any) -> None:
    """700 kB in one physical line never arrive; the lines around it do."""
    lines = [b"2026-11-21T10:00:00.000000001Z stdout F " + text + b"\n" for text in (b"a", b"x" * 700_000, b"b")]

    assert ["a", "b"] == [event.record["log"] for event in engine.cri(b"".join(lines))]


def test_the_wire_record_is_the_one_that_was_seen(engine: Any) -> None:
    r"""JSON in the order of the keys, `\uXXXX`, the time key last, a newline."""
    event = engine.Event("2026-11-21T21:12:27.540123456Z", {"log": "실패\n", "service": "pay"})

    assert (
        rb'{"log":"\uc2e4\ud328\n","service":"pay","@timestamp":"2026-11-21T21:12:27.540Z"}' + b"\n"
    ) == engine.wire(event, "@timestamp")


@pytest.mark.parametrize(("field", "wrong"), [("state", "other"), ("next_state", "nowhere")])
def test_rules_that_fluent_bit_refuses_are_refused(engine: Any, field: str, wrong: str) -> None:
    """A first rule without `start_state`, or a next state that no rule has."""
    first, *rest = DOCUMENTED["rules"]

    with pytest.raises(ValueError, match="Fluent Bit would not start"):
        engine.rules_of({"name": "bad", "rules": [{**first, field: wrong}, *rest]})


@pytest.mark.parametrize("pattern", [r"/\h+/", r"/(?m)a/", r"/a\Z/"])
def test_a_pattern_that_python_reads_differently_is_refused(engine: Any, pattern: str) -> None:
    r"""`\h` is a hexadecimal digit in Ruby, `(?m)` means another thing, and so does `\Z`."""
    with pytest.raises(ValueError, match="differs between Onigmo and Python"):
        engine.ruby(pattern)
