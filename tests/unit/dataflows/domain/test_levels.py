"""Level names and numbers of the loggers people use, and the guess where a record names none."""

import pytest

from dataflows.domain.levels import Level, infer, level_of

D, I, W, E, F = Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL  # noqa: E741 - a table in five letters

NAMES: dict[str, dict[str, Level]] = {
    "java.util.logging": {"FINEST": D, "FINER": D, "FINE": D, "CONFIG": D, "INFO": I, "WARNING": W, "SEVERE": E},
    "log4j, logback": {"TRACE": D, "DEBUG": D, "INFO": I, "WARN": W, "ERROR": E, "FATAL": F},
    "python": {"NOTSET": D, "DEBUG": D, "INFO": I, "WARNING": W, "ERROR": E, "CRITICAL": F},
    "loguru": {"TRACE": D, "SUCCESS": I, "CRITICAL": F},
    "zap": {"debug": D, "info": I, "warn": W, "error": E, "dpanic": F, "panic": F, "fatal": F},
    "zerolog console": {"TRC": D, "DBG": D, "INF": I, "WRN": W, "ERR": E, "FTL": F},
    "slog": {"DEBUG": D, "INFO": I, "WARN": W, "ERROR": E},
    "syslog": {"emerg": F, "alert": F, "crit": F, "err": E, "warning": W, "notice": I, "info": I, "debug": D},
    "dotnet": {"Verbose": D, "Information": I, "Warning": W, "Error": E, "Critical": F},
    "winston": {"silly": D, "verbose": D, "http": I, "warn": W, "error": E},
}


@pytest.mark.parametrize("logger", NAMES)
def test_every_logger_s_names_are_known(logger: str) -> None:
    """A level name means the same in any case and with white space around it."""
    names = NAMES[logger]
    for spelt in (str, str.upper, str.lower, " {}\n".format):
        assert names == {name: level_of(spelt(name)) for name in names}


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (0, F),
        (1, F),
        (2, F),
        (3, E),
        (4, W),
        (5, I),
        (6, I),
        (7, D),
        (10, D),
        (20, D),
        (30, I),
        (40, W),
        (50, E),
        (60, F),
    ],
)
def test_syslog_and_pino_numbers(number: int, level: Level) -> None:
    """0 to 7 are syslog severities, multiples of ten are pino's, and a number in a text means the same."""
    assert (level, level) == (level_of(number), level_of(str(number)))


@pytest.mark.parametrize("value", ["", " ", "LOUD", "err0r", "-1", "²", "9" * 5000, 8, 9, 15, 70, -10, 10**30])
def test_what_nobody_knows_is_none(value: str | int) -> None:
    """An unknown name or number is None, however long: never an exception."""
    assert None is level_of(value)


JAVA = "java.lang.IllegalStateException: no\n\tat com.acme.A.b(A.java:7)"
PYTHON = 'boom\nTraceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: x'
GO = "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2026-11-21 10:00:00.123 ERROR 1 --- [nio-8080-exec-1] c.a.Order : failed", E),
        ("2026-11-21 10:00:00,123 - app.orders - WARNING - slow", W),
        ("WARN: disk is nearly full", W),
        ("[FATAL] cannot bind", F),
        ("<3>kernel: no level word", I),
        ("error: file not found", E),
        ("Error: ENOENT", E),
        ("E1121 10:00:00.123456       1 reflector.go:138] failed to list", E),
        ("W1121 10:00:00.123456       1 reflector.go:138] slow", W),
        ("I1121 10:00:00.123456       1 reflector.go:138] an ERROR is only spoken of", I),
        ('time="2026-11-21T10:00:00Z" level=error msg="no"', E),
        ('ts=1 lvl=warn msg="no"', W),
        ("severity: critical, code 7", F),
        ("level=whatever ERROR", E),
        ("결제 승인에 실패했습니다", I),
        ("2026-11-21 ERROR 결제 승인에 실패했습니다", E),
        ("user 7 logged in", I),
        ("the word ERROR, in prose", E),
        ("terrorism and ERRORS are no level words", I),
        ("x" * 200 + " ERROR too late to be a level", I),
        ("", I),
        (JAVA, E),
        (PYTHON, E),
        (GO, F),
        (f"INFO retried\n{JAVA}", I),
    ],
)
def test_the_guess(text: str, level: Level) -> None:
    """A leading level word wins, then a stack trace means ERROR, else INFO; Korean text guesses like any other."""
    assert level == infer(text)
