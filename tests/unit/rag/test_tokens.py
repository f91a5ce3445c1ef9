"""Search words: the same for logs and runbooks, without what differs in every occurrence."""

import pytest

from rag.tokens import headlines_first, masked, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HikariPool", ["hikaripool", "hikari", "pool"]),
        ("max_poll_records", ["max", "poll", "record"]),
        ("java.net.SocketTimeoutException", ["sockettimeoutexception", "socket", "timeout"]),
        ("connections refused", ["connection", "refus"]),
        ("exit code 137", ["exit", "code", "137"]),
        ("", []),
    ],
)
def test_identifiers_give_themselves_and_their_parts(text: str, expected: list[str]) -> None:
    """Code words are split at case, dots and underscores, stop words of logs vanish, endings go."""
    assert expected == words(text)


def test_korean_words_lose_their_particle_and_give_pairs() -> None:
    """`인증서가` is found by `인증서`, and a compound by its parts."""
    assert words("인증서가") == ["인증서", "인증", "증서"]
    assert words("인증서") == words("인증서를")


@pytest.mark.parametrize(
    "variable",
    [
        "2026-11-21T10:15:32.101Z",
        "10.1.2.3:8080",
        "3f2b8c1e-0000-4000-8000-1234567890ab",
        "0x7f3a21",
        "9f86d081884c",
        "123456789",
        "<EMAIL>",
        "<IP:3f9a>",
        "[REDACTED:token]",
    ],
)
def test_what_differs_in_each_occurrence_is_masked(variable: str) -> None:
    """Times, addresses, ids and redaction placeholders leave no trace in a query."""
    assert masked(f"failed {variable} again").split() == ["failed", "again"]


def test_codes_that_name_a_fault_stay() -> None:
    """Exit codes, HTTP statuses and SQL states are what people search by."""
    assert masked("exit 137, HTTP 429, SQLSTATE 40001") == "exit 137, HTTP 429, SQLSTATE 40001"


def test_the_exception_of_a_python_trace_comes_before_its_frames() -> None:
    """Python names the exception last; a model that reads the beginning must see it."""
    trace = 'Traceback (most recent call last):\n  File "/a.py", line 3, in f\n    x["k"]\n    ~^^^^^\nKeyError: \'k\''
    assert headlines_first(trace).splitlines() == [
        "KeyError: 'k'",
        "Traceback (most recent call last):",
        'File "/a.py", line 3, in f',
        'x["k"]',
        "~^^^^^",
    ]


def test_the_causes_of_a_java_trace_come_before_its_frames() -> None:
    """Every `Caused by` moves up; nothing is lost."""
    trace = "A: one\n\tat x.Y.z(Y.java:1)\nCaused by: B: two\n\tat x.Y.w(Y.java:2)\n\t... 3 more"
    lines = headlines_first(trace).splitlines()
    assert lines[:2] == ["A: one", "Caused by: B: two"]
    assert sorted(lines) == sorted(line.strip() for line in trace.splitlines())
