"""Processes of the demo: started, watched, and none left behind."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflows.demo.children import ChildError, Children

_SPAWNS = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """Children in a folder of their own."""
    with Children(tmp_path, {"PATH": os.environ["PATH"], "SEEN": "here"}) as children:
        yield children


def _wait_until_written(log: Path) -> str:
    deadline = time.monotonic() + 20
    while not (text := log.read_text()).endswith("\n"):
        assert time.monotonic() < deadline, text
    return text.strip()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_stop_ends_grandchildren_too(children: Children) -> None:
    """What a child has started in turn is in its group and ends with it, even if it ignores SIGTERM."""
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    log = children.start("a", [sys.executable, "-c", f"{ignore}{_SPAWNS}print(p.pid, flush=True); time.sleep(60)"])
    grandchild = int(_wait_until_written(log))

    children.stop()

    assert not _alive(grandchild)
    assert -9 == children.status("a")


def test_a_child_has_exactly_the_given_environment(children: Children) -> None:
    """Nothing of this process's environment reaches a child, but what it is given does."""
    show = "import os; print(sorted(n for n in os.environ if n in {'SEEN', 'MORE', 'HOME'}), flush=True)"
    log = children.start("a", [sys.executable, "-c", show], extra={"MORE": "1"})

    assert "['MORE', 'SEEN']" == _wait_until_written(log)


def test_a_failure_is_told_with_the_end_of_the_log(children: Children) -> None:
    """The message has the exit status and the child's last words."""
    children.start("a", [sys.executable, "-c", "import sys; sys.exit('no port left')"])

    deadline = time.monotonic() + 20
    while children.status("a") is None:
        assert time.monotonic() < deadline
    with pytest.raises(ChildError) as raised:
        children.check()

    assert "a ended with exit status 1; the end of its log:\n  no port left" == str(raised.value)


def test_a_child_that_was_asked_to_end_has_not_failed(children: Children) -> None:
    """SIGTERM on request is no failure, however the child takes it."""
    children.start("a", [sys.executable, "-c", "import time; time.sleep(60)"])

    children.ask_to_end("a")
    deadline = time.monotonic() + 20
    while children.status("a") is None:
        assert time.monotonic() < deadline
    children.check()

    assert -15 == children.status("a")


def test_a_program_that_is_not_there_is_named(children: Children) -> None:
    """Not being able to start is told like a failure."""
    with pytest.raises(ChildError, match=r"^a cannot be started: '/nowhere/program': No such file or directory$"):
        children.start("a", ["/nowhere/program"])
