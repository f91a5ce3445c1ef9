"""The page's clock can be set, for the page alone, and nothing but its wall clock."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.clock import PageClock

from dataflows.steps.clock_watch import SET_BACK_S, SET_BACK_STATUS

_DAY_S = 86_400.0
_ASKS = """
import sys, time
for _ in sys.stdin:
    print(time.time(), time.monotonic(), flush=True)
"""
_WATCHES = """
import sys, time
from dataflows.steps import clock_watch
clock_watch.watch()
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
"""
_LIVES_S = {SET_BACK_STATUS: "60", 0: "4"}
"""By the status that is expected. It looks each second: four are enough for two looks after the jump; a minute is not
lived out, however long a busy machine takes to set the clock."""


@pytest.mark.parametrize("jump_s", [_DAY_S, -_DAY_S, 3.0])
def test_a_jump_is_seen_at_once_and_by_the_wall_clock_only(tmp_path: Path, jump_s: float) -> None:
    """A process that runs sees its wall clock jump, forward or back; its monotonic clock goes on."""
    clock = PageClock(tmp_path)
    if clock.absent:
        pytest.skip(f"no clock that can be set: {clock.absent}")
    with subprocess.Popen(
        [sys.executable, "-S", "-c", _ASKS],
        env=clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None

        def times() -> tuple[float, float]:
            print(file=asked.stdin, flush=True)
            wall, steady = asked.stdout.readline().split()
            return float(wall), float(steady)

        wall, steady = times()
        clock.move(jump_s)
        wall_after, steady_after = times()
        asked.stdin.close()

    assert 0.0 <= steady_after - steady < 5.0
    assert jump_s == pytest.approx((wall_after - wall) - (steady_after - steady), abs=0.1)


@pytest.mark.parametrize(
    ("jump_s", "status"),
    [(-SET_BACK_S - 1, SET_BACK_STATUS), (-_DAY_S, SET_BACK_STATUS), (-SET_BACK_S + 1, 0), (_DAY_S, 0)],
)
def test_a_process_that_was_set_back_ends(tmp_path: Path, jump_s: float, status: int) -> None:
    """Set back by more than Bytewax can wait, a process ends with its own status; any other jump it outlives."""
    clock = PageClock(tmp_path)
    if clock.absent:
        pytest.skip(f"no clock that can be set: {clock.absent}")
    with subprocess.Popen(
        [sys.executable, "-c", _WATCHES, _LIVES_S[status]],
        env={**os.environ, **clock.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as watched:
        assert watched.stdout is not None
        ready = watched.stdout.readline()
        clock.move(jump_s)
        ended = watched.wait(90.0)

    assert ("ready\n", status) == (ready, ended)
