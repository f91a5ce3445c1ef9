"""Reading stack traces of several languages."""

import pytest

from dataflows.domain.normalise import MAX_LINES, normalise
from dataflows.domain.trace import MAX_RAISED, TraceReader

JAVA = """java.lang.RuntimeException: outer
\tat shop.Api.call(Api.java:1)
\tSuppressed: java.io.IOException: closing
\t\tat shop.Pool.close(Pool.java:2)
Caused by: shop.Inner
\tat shop.Db.query(Db.java:3)
\tat shop.Db.query(Db.java:3)
\t... 3 common frames omitted"""

PYTHON_GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/app/shop/tasks.py", line 3, in run
  |     async with TaskGroup():
  | ExceptionGroup: unhandled errors (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/shop/tasks.py", line 9, in fetch
    |     raise ValueError(1)
    | ValueError: 1
    +------------------------------------"""

RUBY = """app/models/cart.rb:12:in `total': undefined method `+' for nil (NoMethodError)
\tfrom app/controllers/carts.rb:5:in `show'"""

PHP = """PHP Fatal error:  Uncaught TypeError: bad argument in /srv/cart.php:5
Stack trace:
#0 /srv/cart.php(9): total(NULL)
#1 {main}
  thrown in /srv/cart.php on line 5"""


def chain(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Types with their frames."""
    return [(raised.type, raised.frames) for raised in TraceReader().read(normalise(text))]


def test_java_chain_is_outermost_first() -> None:
    """Causes and suppressed exceptions follow the outer one; repeated frames count once."""
    assert [
        ("java.lang.RuntimeException", ("shop.Api.call",)),
        ("java.io.IOException", ("shop.Pool.close",)),
        ("shop.Inner", ("shop.Db.query",)),
    ] == chain(JAVA)


def test_python_last_printed_is_outermost() -> None:
    """Python prints the cause first and calls outermost first: both are turned round."""
    text = (
        'Traceback (most recent call last):\n  File "/app/a.py", line 1, in inner\n    x\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/app/a.py", line 5, in main\n    y\n'
        '  File "/app/b.py", line 6, in work\n    z\nshop.Failed: no'
    )
    assert [("shop.Failed", ("app/b.py:work", "app/a.py:main")), ("KeyError", ("app/a.py:inner",))] == chain(text)


def test_python_exception_group() -> None:
    """The exceptions of a group are read through its frame of bars."""
    assert [("ExceptionGroup", ("shop/tasks.py:run",)), ("ValueError", ("shop/tasks.py:fetch",))] == chain(PYTHON_GROUP)


def test_go_keeps_the_class_of_a_runtime_error() -> None:
    """Go has no exception types: the class of a runtime error stands for one, without its numbers."""
    text = "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\n"
    text += "main.f(0x1)\n\t/src/a.go:3 +0x1"
    assert [("panic", "runtime error: index out of range", ("main.f",))] == [
        (raised.type, raised.detail, raised.frames) for raised in TraceReader().read(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RUBY, [("NoMethodError", ("models/cart.rb:total", "controllers/carts.rb:show"))]),
        (PHP, [("TypeError", ("srv/cart.php:total", "{main}"))]),
        ("Error: x\n    at f (/app/a.js:1:2)\n    at /app/b.js:3:4", [("Error", ("f@app/a.js", "@app/b.js"))]),
        ("Unhandled exception:\nBad state: no\n#0      f (file:///a.dart:1:2)", [("StateError", ("f",))]),
    ],
    ids=["ruby", "php", "node", "dart"],
)
def test_other_languages(text: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    """Ruby, PHP, JavaScript and Dart traces give a type where they print one, and frames."""
    assert expected == chain(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one line",
        "look at the table (it is\nbroken)",
        "we met\nat noon (sharp)\nat home",
        "java.io.IOException: x\nno frames",
    ],
)
def test_prose_is_no_trace(text: str) -> None:
    """Prose with `at`, and a header without frames, are no traces."""
    assert [] == chain(text)


def test_frameless_header_is_found_behind_a_logger_prefix() -> None:
    """The exception type is found behind the logger's class name."""
    text = "Jul 09, 2015 3:23:29 PM shop.feeder.MakeLog: RuntimeException: boom\n  at shop.Feeder.run(Feeder.java:5)"
    assert [("RuntimeException", ("shop.Feeder.run",))] == chain(text)


@pytest.mark.parametrize(
    ("numbered", "plain"),
    [
        ("A$$EnhancerBySpringCGLIB$$1a2b", "A"),
        ("A$$SpringCGLIB$$0", "A"),
        ("A$1", "A$"),
        ("A$2", "A$"),
        ("lambda_method3", "lambda_method"),
    ],
)
def test_numbers_of_compilers_and_proxies_vanish(numbered: str, plain: str) -> None:
    """Proxies and anonymous classes keep their name from build to build."""
    assert [("E.Exception", (f"shop.{plain}.run",))] == chain(f"E.Exception: x\n\tat shop.{numbered}.run(A.java:1)")


def test_only_framework_frames_still_identify() -> None:
    """Without any in-app frame the first frames count."""
    assert [("x.YException", ("java.lang.Thread.run",))] == chain(
        "x.YException\n\tat java.base/java.lang.Thread.run(Thread.java:1)"
    )


def test_long_chain_is_cut() -> None:
    """At most `MAX_RAISED` exceptions of a chain are kept."""
    text = "\n".join(f"Caused by: a.B{number}Exception: x\n\tat a.B.c(B.java:1)" for number in range(50))
    assert MAX_RAISED == len(chain(text))


def test_normalise_caps_lines() -> None:
    """No more than `MAX_LINES` lines are read."""
    assert MAX_LINES == len(normalise("x\n" * 5_000).split("\n"))
