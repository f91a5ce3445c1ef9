"""One pipeline for one state folder."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from dataflows.settings import SettingsError
from dataflows.sole import FILE, occupy

ALONE: tuple[str, ...] = ()
OF_TWO = ("-i", "0", "-a", "127.0.0.1:1;127.0.0.1:2")
HOLD = (
    "import sys; from pathlib import Path; from dataflows.sole import occupy;"
    "occupy(Path(sys.argv[1]), sys.argv[2:], {}); print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def another(state: Path, arguments: Sequence[str]) -> Iterator[None]:
    """A process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(state), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert b"held\n" == process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize(("first", "second"), [(ALONE, ALONE), (ALONE, OF_TWO), (OF_TWO, ALONE)])
def test_a_second_pipeline_does_not_start(tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...]) -> None:
    """It would remove the spool files of the first; the message names the folder."""
    with another(tmp_path / "state", first), pytest.raises(SettingsError, match="another running pipeline") as told:
        occupy(tmp_path / "state", second, {})
    assert repr(str(tmp_path / "state")) in str(told.value)


@pytest.mark.parametrize("option", ["-a", "--addresses", "--addr"])
def test_processes_of_a_cluster_share_it(tmp_path: Path, option: str) -> None:
    """Bytewax deals the slots out among them, by whatever form of its option."""
    of_two = ("-i", "0", option, "127.0.0.1:1;127.0.0.1:2")
    with another(tmp_path, of_two):
        assert None is occupy(tmp_path, of_two, {})  # type: ignore[func-returns-value] # it does not raise


def test_a_lock_that_cannot_be_taken_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pipeline starts all the same."""
    (tmp_path / FILE).mkdir()
    occupy(tmp_path, ALONE, {})
    assert "state.not_locked" in capsys.readouterr().out


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """The kernel lets go, so that a restart after a crash waits for nobody."""
    with another(tmp_path, ALONE):
        pass
    assert None is occupy(tmp_path, ALONE, {})  # type: ignore[func-returns-value] # it does not raise
