"""Runs of lines, and plain traces, are read as line by line."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.domain.trace import MAX_RAISED, TraceReader
from dataflows.domain.trace.frames import FRAMEWORKS
from dataflows.domain.trace.headers import cause, header, plain_header
from dataflows.domain.trace.lines import _classified, classify
from dataflows.domain.trace.plain import plain_chain
from dataflows.domain.trace.raised import Raised
from dataflows.domain.trace.reader import _Scan

LINES = """
\tat shop.Api.call(Api.java:1)
\tat java.base/java.lang.Thread.run(Thread.java:1583)
    at charge (/app/pay.js:10:5)
\t... 3 more
Caused by: shop.InnerException: no
Caused by: shop.Inner
\tSuppressed: java.io.IOException: closing
shop.OuterError: panic: why
shop.OuterException: Order 7 failed
a line of a message
Traceback (most recent call last):
  File "/app/shop/tasks.py", line 3, in run
    raise ValueError(1)
ValueError: 1
  | ValueError: 1
  + Exception Group Traceback (most recent call last):
  |   File "/app/shop/tasks.py", line 9, in fetch
    +---------------- 1 ----------------
goroutine 1 [running]:
main.run(0x1)
\t/app/main.go:3 +0x1
panic: runtime error: index out of range
thread 'main' panicked at src/a.rs:3:5:
   4: app::run
             at /app/src/run.rs:7
app/models/cart.rb:12:in `total': undefined method (NoMethodError)
\tfrom app/controllers/carts.rb:5:in `show'
#0 /srv/cart.php(9): total(NULL)
Next TypeError: bad argument
 ---> Shop.InnerException: no
   --- End of inner exception stack trace ---
[cause]: Error: no
Unhandled exception:
at noon (sharp)
  indented: text
""".strip("\n").split("\n")
TEXTS = st.lists(st.sampled_from([*LINES, ""]), min_size=2, max_size=14).map("\n".join)
PLAIN = f"shop.OuterException: why\n{LINES[0]}\n{LINES[1]}\n{LINES[3]}\n{LINES[4]}\n{LINES[0]}\n"


def by_lines(text: str) -> tuple[Raised, ...]:
    """Read a text without the memory, the runs and the plain chain."""
    scan = _Scan(FRAMEWORKS)
    for raw in text.split("\n"):
        scan.take(classify(raw, FRAMEWORKS), raw)
    return scan.result()


@given(st.lists(TEXTS, min_size=1, max_size=3))
@example([PLAIN, PLAIN])
@example(["\n".join(LINES[10:16]), "\n".join(LINES[11:14])])
@example(["\n".join([LINES[8], *[LINES[4], LINES[0]] * (MAX_RAISED + 1)])])
@example(["\n".join([*[LINES[9]] * 40, LINES[0], LINES[1]])])
@example(["\n".join([LINES[23], LINES[24], LINES[25], LINES[25], LINES[0]])])
def test_runs_are_read_as_line_by_line(texts: list[str]) -> None:
    """A trace is read the same whole, in runs that came before, and by one line at a time."""
    reader = TraceReader()
    for text in [*texts, *texts]:
        assert by_lines(text) == reader.read(text)


def test_a_plain_trace_is_read_as_one() -> None:
    """Header, frames and cause need none of the other rules."""
    chain = plain_chain(TraceReader()._parts(PLAIN))
    assert [("shop.OuterException", 1), ("shop.InnerException", 1)] == [
        (one.type, len(one.frames)) for one in chain or ()
    ]


@pytest.mark.parametrize("text", [f"shop.OuterException: why\n{LINES[0]}\nmore\n{LINES[0]}", "\n".join(LINES[10:14])])
def test_any_other_trace_is_left_to_the_rules(text: str) -> None:
    """Text behind the frames, and a traceback, are no plain trace."""
    assert plain_chain(TraceReader()._parts(text)) is None


@given(
    st.sampled_from(["", "Caused by: "]),
    st.from_regex(r"(?:[a-z_]\w{0,3}\.){0,16}[A-Z]\w{0,5}(?:Exception|Error|Failure)", fullmatch=True),
    st.sampled_from([": ", ":", " : ", "; "]),
    st.one_of(st.text(max_size=12), st.sampled_from(LINES)),
)
@example("", "UnhandledPromiseRejectionError", ": ", "shop.InnerException: no")
@example("Caused by: ", "shop.InnerException", ": ", ": (Inner Exception #1) a.BException: c")
def test_a_plain_header_is_what_all_rules_say(before: str, name: str, sep: str, rest: str) -> None:
    """A header of one of the two commonest forms is read as by all rules."""
    text = f"{before}{name}{sep}{rest}".replace("\n", " ").rstrip()
    plain = plain_header(text)
    if plain is not None:
        assert plain == (cause(text) if before else header(text))


_FRAMES = st.lists(
    st.sampled_from(
        [
            *(
                "\tat ",
                "    at ",
                "at ",
                "a",
                "b.C",
                "com.shop.",
                "Order$Inner",
                ".",
                "$$Lambda$7",
                "<init>",
                "java.base/",
            ),
            *(
                "panic",
                "Next ",
                "goroutine ",
                "(",
                ")",
                "C.java",
                "C.kt",
                ":",
                "12",
                ": ",
                "Caused by: ",
                "org.hibernate.",
            ),
            *("(C.java:12)", "(Native Method)", "(panic.scala:1)", " ~[a.jar:1]", "안녕", "\x1c", " "),
        ]
    ),
    max_size=8,
).map("".join)


@given(_FRAMES)
@example("\tat com.shop.Order.find(Order.java:12)")
@example("\tat com.shop.Order$$Lambda$7.run(Order.java:12)  ")
@example(" at org.hibernate.X.y(X.kt:1)")
@example("\x1c at a.b(C.java:1)")
def test_a_plain_frame_is_what_all_rules_say(line: str) -> None:
    """The short look at a frame of the JVM never disagrees with the long one."""
    assert classify(line, FRAMEWORKS) == (plain_header(line.rstrip()) or _classified(line.rstrip(), FRAMEWORKS))
