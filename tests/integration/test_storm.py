"""A storm through the public command, in small; `benchmarks/storm.py` has the million."""

import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).parents[2] / "benchmarks" / "storm.py"


@pytest.mark.slow
def test_a_storm_names_each_fault_once_in_few_messages(tmp_path: Path) -> None:
    """20,000 errors of 40 faults over 50 pods in ten minutes: at most 60 messages, all 40 faults new exactly once."""
    done = subprocess.run(
        [sys.executable, str(STORM), "--records", "20000"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    printed = done.stdout.splitlines()

    assert (0, "") == (done.returncode, done.stderr)
    assert "20000 records read; 20000 pieces: 20000 alarming, 0 below WARN, 0 rejected" == printed[2]
    assert "faults named as new exactly once: 40 of 40" == printed[4]
    assert int(printed[1].partition(" ")[0]) <= 60
