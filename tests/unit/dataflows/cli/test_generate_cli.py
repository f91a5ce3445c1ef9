"""What `cali generate` says to arguments that are none."""

import pytest

from dataflows.cli import generate


def test_a_time_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The message quotes what was given and shows the form."""
    status = generate.run(1.0, 1, 1, "stdout", "yesterday")
    help_ = "give one such as 2026-11-21T09:00:00+09:00"
    assert (2, f"cali generate: --start 'yesterday' is no time: {help_}\n") == (status, capsys.readouterr().err)
