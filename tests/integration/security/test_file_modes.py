"""Only the user that runs CALI can read what it writes, whatever the umask it was started with."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from planting.records import line

pytestmark = pytest.mark.slow

CALI = str(Path(sys.executable).parent / "cali")


def open_to_others(*folders: Path) -> dict[str, str]:
    """Paths that group or others may do anything with, the folders themselves included, with their modes."""
    found = {path: stat.S_IMODE(path.lstat().st_mode) for folder in folders for path in (folder, *folder.rglob("*"))}
    return {path.name: oct(mode) for path, mode in found.items() if mode & 0o077}


def test_what_the_page_writes_is_private(pipeline: Any, tmp_path: Path, until: Callable[..., None]) -> None:
    """Recovery store with its journals, spool, ledger, last good rules and Bytewax's own file: 0600, folders 0700."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\n", encoding="utf-8")
    nowhere = "http://127.0.0.1:9"
    pipeline.put([line(), line(level="BANANA")])
    before = os.umask(0o022)
    try:
        pipeline.start(
            CALI_RULES__PATH=str(rules),
            CALI_S3__ENDPOINT_URL=nowhere,
            BYTEWAX_DATAFLOW_API_ENABLED="1",
            BYTEWAX_DATAFLOW_API_PORT="0",
            CALI_S3__CLOSE_TIMEOUT_S="0.2",
        )
    finally:
        os.umask(before)
    state, recovery, work = (tmp_path / name for name in ("state", "recovery", "work"))
    spooled = ("state/spool/archive", "state/spool/dead_letters")
    until(
        lambda: (
            all(any(path.is_file() for path in (tmp_path / folder).rglob("*")) for folder in spooled)
            and list(recovery.glob("*-wal"))
        ),
        what="records are in the spool and the store has a journal",
    )

    work.chmod(0o700)  # the test made it
    assert {} == open_to_others(state, recovery, work)
    assert {"ledger.sqlite3", "rules.last-good.yaml", "spool"} <= {path.name for path in state.iterdir()}
    assert 0 == pipeline.stop(), pipeline.log.read_text()[-3000:]
    assert {} == open_to_others(state, recovery, work)


def test_what_commands_write_is_private(tmp_path: Path) -> None:
    """Files of `cali generate`; a rules file that a team shares keeps its mode when a silence is added."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\n", encoding="utf-8")
    rules.chmod(0o664)
    silence = [
        "silence",
        "add",
        "--file",
        str(rules),
        "--match",
        "service=cart",
        "--for",
        "1h",
        "--reason",
        "test",
        "--author",
        "me",
    ]
    for call in (["generate", "--count", "9", "--to", f"dir:{tmp_path / 'logs'}"], silence):
        run = subprocess.run([CALI, *call], cwd=tmp_path, umask=0o022, capture_output=True, text=True, check=False)
        assert 0 == run.returncode, run.stderr

    assert {} == open_to_others(tmp_path / "logs")
    assert "cart" in rules.read_text(encoding="utf-8")
    assert 0o664 == stat.S_IMODE(rules.stat().st_mode)
