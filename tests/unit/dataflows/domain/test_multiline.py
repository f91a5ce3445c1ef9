"""Lines of container logs, joined into records."""

from dataflows.domain.multiline import MAX_LINES, join

JAVA = [
    "2026-11-21 ERROR order failed",
    "java.lang.IllegalStateException: no",
    "\tat com.acme.A.b(A.java:7)",
    "Caused by: java.sql.SQLException: gone",
    "\tat com.acme.Db.q(Db.java:9)",
    "\t... 12 more",
]
PYTHON = [
    "ERROR:app:failed",
    "Traceback (most recent call last):",
    '  File "a.py", line 1, in f',
    "KeyError: 'x'",
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "a.py", line 3, in g',
    "app.errors.NotFound: x",
]
GO = [
    "panic: runtime error: index out of range [5] with length 3",
    "",
    "goroutine 18 [running]:",
    "main.(*Server).handle(0xc000010000, 0x1)",
    "\t/app/main.go:15 +0x1d",
    "created by main.main in goroutine 1",
    "\t/app/main.go:9 +0x2a",
]


def test_each_trace_is_one_record_with_the_line_before_it() -> None:
    """Java, Python (chained) and Go traces stay whole, and the next log line starts a record of its own."""
    after = "2026-11-21 INFO next"
    for trace in (JAVA, PYTHON):
        assert ["first", "\n".join(trace), after] == list(join(["first", *trace, after]))
    assert ["\n".join(["first", *GO]), after] == list(join(["first", *GO, after]))


def test_plain_lines_stay_apart() -> None:
    """Lines that continue nothing are records; blank ones are dropped at the ends of records."""
    assert ["one", "two", "three"] == list(join(["one", "", "two", "   ", "three", ""]))


def test_no_lines_no_records() -> None:
    """Nothing in, nothing out; blank lines alone are nothing."""
    assert ([], []) == (list(join([])), list(join(["", " "])))


def test_a_file_that_starts_inside_a_trace_loses_nothing() -> None:
    """An indented first line, with no record to continue, starts one."""
    assert ["\tat com.acme.A.b(A.java:7)\n\tat c.D.e(D.java:1)", "next"] == list(
        join(["\tat com.acme.A.b(A.java:7)", "\tat c.D.e(D.java:1)", "next"])
    )


def test_endless_indentation_is_cut() -> None:
    """A file of indented lines makes records of at most `MAX_LINES` lines, and no line is lost."""
    records = list(join(["head", *["  x"] * (3 * MAX_LINES)]))
    assert 3 * MAX_LINES + 1 == sum(len(record.splitlines()) for record in records)
    assert all(len(record.splitlines()) <= MAX_LINES for record in records)
