"""CALI's own logs: JSON lines that tell of an exception without what it says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from dataflows import logs

SECRET = "hunter" + "2" * 10


@pytest.fixture(autouse=True)
def _unconfigured() -> Iterator[None]:
    """Other tests get structlog as they left it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def _last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return parsed


def _fail(value: str) -> None:
    raise ValueError(value)


def test_an_exception_is_its_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    """`log.exception` gives the type and file:line of the last frame; its message is not in the line."""
    logs.configure("INFO")
    try:
        _fail(SECRET)
    except ValueError:
        structlog.get_logger().exception("it.failed", sink="search")

    event = _last(capsys)
    line = _fail.__code__.co_firstlineno + 1
    assert {
        "event": "it.failed",
        "level": "error",
        "sink": "search",
        "exception": "ValueError",
        "at": f"unit/dataflows/test_logs.py:{line}",
    } == {name: value for name, value in event.items() if name != "timestamp"}
    assert SECRET not in json.dumps(event)


def test_the_type_of_another_module_has_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A type that is no builtin is told with its module, also where the exception itself is given."""
    logs.configure("INFO")
    error = json.JSONDecodeError(SECRET, SECRET, 0)

    structlog.get_logger().error("it.failed", exc_info=error)
    given = _last(capsys)
    structlog.get_logger().error("it.failed", exc_info=(type(error), error, None))
    triple = _last(capsys)

    assert ["json.decoder.JSONDecodeError"] * 2 == [given["exception"], triple["exception"]]
    assert SECRET not in json.dumps([given, triple])


def test_without_an_exception_nothing_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    """`exc_info` never appears, and outside of a handler there is nothing to tell."""
    logs.configure("INFO")
    structlog.get_logger().error("it.failed", exc_info=True)
    assert {"event", "level", "timestamp"} == _last(capsys).keys()
