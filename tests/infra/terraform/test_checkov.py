"""Checkov's rules for AWS."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).parents[3] / "terraform"


@pytest.mark.infra
@pytest.mark.timeout(300)
def test_every_rule_is_kept_or_left_out_with_a_reason(tmp_path: Path) -> None:
    """No check fails; the skips are in the code, each with its sentence (test_layout.py)."""
    checkov = os.environ.get("CALI_CHECKOV") or shutil.which("checkov")
    if not checkov:
        pytest.skip("checkov is not on PATH: install it in a venv of its own (its pins conflict) and set CALI_CHECKOV")
    tree = shutil.copytree(TREE, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform"))
    done = subprocess.run(
        [checkov, "--directory", str(tree), "--framework", "terraform", "--compact", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stdout if "FAILED" in done.stdout else "")
    assert "Failed checks: 0" in done.stdout or not done.stdout.strip()
