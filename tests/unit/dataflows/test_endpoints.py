"""The ends of the page: what cannot work is told in one line before anything starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataflows.endpoints import open_ledger
from dataflows.settings import SettingsError

ADVICE = "point it at a writable folder of the recovery volume"


def _problem(state: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        open_ledger(state, state / "spool")
    return str(caught.value)


def test_the_state_folder_is_made(tmp_path: Path) -> None:
    """Folder, spool and ledger are there afterwards, and nothing else."""
    state = tmp_path / "deep" / "state"
    open_ledger(state, state / "spool").close()
    assert ["ledger.sqlite3", "spool"] == sorted(path.name for path in state.iterdir())
    assert [] == list((state / "spool").iterdir())


def test_a_state_folder_below_a_file_is_one_line(tmp_path: Path) -> None:
    """The line names the setting, its value and what to do."""
    state = Path(os.devnull) / "x"
    spool = state / "spool"
    expected = f"CALI_STATE__DIR is '{state}': '{spool}' cannot be made or written (Not a directory): {ADVICE}"
    assert expected == _problem(state)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only folder")
def test_a_read_only_state_folder_is_one_line(tmp_path: Path) -> None:
    """A spool that is there and cannot be written is told as well as one that cannot be made."""
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o500)
    expected = f"CALI_STATE__DIR is '{tmp_path}': '{spool}' cannot be made or written (Permission denied): {ADVICE}"
    assert expected == _problem(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_takes_no_files_is_one_line() -> None:
    """As on a volume that is mounted read-only: the folder is there, and files cannot be made in it."""
    state = Path("/proc/self")
    with pytest.raises(SettingsError) as caught:
        open_ledger(state, state)
    assert f"CALI_STATE__DIR is '{state}': '{state}' cannot be made or written (" in str(caught.value)
    assert str(caught.value).endswith(ADVICE)


def test_a_ledger_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """A ledger that is a folder names the setting too."""
    (tmp_path / "ledger.sqlite3").mkdir()
    line = _problem(tmp_path)
    assert line.startswith(f"CALI_STATE__DIR is '{tmp_path}': the Slack ledger '{tmp_path / 'ledger.sqlite3'}' cannot")
    assert 1 == len(line.splitlines())


@pytest.mark.slow
def test_the_pipeline_ends_with_that_line(tmp_path: Path) -> None:
    """`python -m bytewax.run` prints it and nothing else, and fails."""
    state = Path(os.devnull) / "x"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CALI_")}
    root = str(Path(__file__).parents[3])
    ended = subprocess.run(
        [sys.executable, "-m", "bytewax.run", "dataflows.log_intelligence"],
        cwd=tmp_path,
        env=kept | {"CALI_STATE__DIR": str(state), "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    line = f"CALI_STATE__DIR is '{state}': '{state / 'spool'}' cannot be made or written (Not a directory): {ADVICE}"
    assert (1, "", f"{line}\n") == (ended.returncode, ended.stdout, ended.stderr)
