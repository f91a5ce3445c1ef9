"""Exception types that are not named like one, wherever their header stands."""

import json

import pytest

from dataflows.domain.fingerprint import fingerprint

FRAMES = "\n\tat shop.Pool.take(Pool.java:{0})\n\tat shop.Api.call(Api.java:{0})"
CARRIERS = {
    "plain": "{}",
    "word before": "failed: {}",
    "thread": 'Exception in thread "main" {}',
    "key": "level=error stack={}",
    "quoted key": 'level=error msg=x stack="{}"',
    "JSON": None,
    "JSON in JSON": None,
}


def _carried(carrier: str, trace: str) -> str:
    if carrier == "JSON":
        return json.dumps({"level": "error", "stack": trace})
    if carrier == "JSON in JSON":
        return json.dumps({"log": _carried("JSON", trace)})
    return str(CARRIERS[carrier]).format(trace)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(("name", "other"), [("shop.PoolDrained", "shop.PoolClosed"), ("PoolDrained", "PoolClosed")])
def test_type_is_found(carrier: str, name: str, other: str) -> None:
    """A type of any name before a frame is the type; values and lines do not count, another type does."""
    one = fingerprint(_carried(carrier, f"{name}: 1 empty" + FRAMES.format(1)), "s")
    same = fingerprint(_carried(carrier, f"{name}: 2 empty" + FRAMES.format(20)), "s")
    different = fingerprint(_carried(carrier, f"{other}: 1 empty" + FRAMES.format(1)), "s")
    assert ((name,), (other,)) == (one.types, different.types)
    assert (True, False) == (one[:2] == same[:2], one.fingerprint == different.fingerprint)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_carrier_does_not_count(carrier: str) -> None:
    """The same trace has one fingerprint, plain or carried."""
    trace = "shop.PoolDrained: 1 empty" + FRAMES.format(1)
    assert fingerprint(trace, "s").fingerprint == fingerprint(_carried(carrier, trace), "s").fingerprint


def test_a_word_alone_is_a_type_at_the_start_of_its_line() -> None:
    """`Drained: no connection` right before a frame names a type."""
    assert ("Drained",) == fingerprint("Drained: no connection" + FRAMES.format(1), "s").types


def test_a_python_type_at_the_end_of_a_json_string() -> None:
    """The quote behind the last line of a traceback is not part of the type."""
    text = json.dumps({"exc": 'Traceback (most recent call last):\n  File "/a/b.py", line 3, in f\n    x\nDrained'})
    assert ("trace", ("Drained",)) == (fingerprint(text, "s").kind, fingerprint(text, "s").types)


@pytest.mark.parametrize("text", ["Meeting: today\nat noon (sharp)", "Level: x\nat home (late)\nDone: y"])
def test_prose_names_no_type(text: str) -> None:
    """A word with a colon before something that looks like a frame without a place is prose."""
    assert "message" == fingerprint(text, "s").kind


def test_the_level_of_a_logger_is_no_type() -> None:
    """A dotted logger or channel in capitals is passed over."""
    text = "production.ERROR: lost (Shop\\Drained(code: 3): no)\n[stacktrace]\n#0 /b.php(1): f()\n#1 {main}"
    assert ("Shop\\Drained",) == fingerprint(text, "s").types


def test_a_line_that_starts_with_a_type_is_the_header() -> None:
    """A type that the log message mentions does not hide the header below it."""
    text = "Payment failed after TimeoutException\nshop.PoolDrained: 1 empty" + FRAMES.format(1)
    assert ("shop.PoolDrained",) == fingerprint(text, "s").types
