"""`cali demo` with arguments that make no sense."""

import math
import os

import pytest

from dataflows.demo.run import run


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_a_senseless_rate_or_length_is_refused(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    """One line names the option, the value and what is allowed; nothing is started and nothing changed."""
    before = dict(os.environ)

    assert (2, 2) == (run(value, 670, 7), run(30, value, 7))
    assert [
        f"cali demo: --seconds is {value!r}: give a number above 0, at most 3600",
        f"cali demo: --rate is {value!r}: give a number above 0, at most 5000",
    ] == capsys.readouterr().err.splitlines()
    assert before == dict(os.environ)
