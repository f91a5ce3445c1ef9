"""How seldom Python looks for garbage beside a page that goes on, and how threads get along while much is loaded."""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.0005
"""After how long a thread that wants the interpreter's lock asks for it, while something is loaded; 0.005 otherwise
(`sys.getswitchinterval`). An alert passes some dozens of points where a thread wants the lock back. Our choice: a
thread that wakes has it after 0.7 instead of 1.1 ms (median); with a fifth of that again, loading takes more CPU."""

NEVER = 2**31 - 1
"""As a threshold: the oldest objects are not looked through. The largest that a C int holds."""
YOUNG = 20_000
"""Objects that may be made beyond those freed before the youngest are looked through: 700 by default in Python 3.11
and 3.12, which some five ERRORs with their documents come to. Their objects are freed when nothing refers to them; to
look for cycles among them took 4 to 7 % of the page's CPU (measured, against 20,000)."""
_one = threading.Lock()


def collect_rarely() -> None:
    """Look for garbage less often, in this process from now on."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


@contextmanager
def unpaused() -> Iterator[None]:
    """Run a block that imports and loads, half a million objects that come to stay, in a thread beside others.

    Python looks through all objects again and again while they become more, and meanwhile no thread runs: six times for
    0.1 to 0.2 s as torch and transformers are imported (up to 1 s on busy cores), and for 0.8 s at any later time. So
    in the block only young objects are looked through, and what is there at its end, however it ends, never is again
    (`gc.freeze`): it is freed as before when nothing refers to it, but for cycles. Of the process, so one at a time:
    a second thread waits.
    """
    with _one:
        thresholds, switch_s = gc.get_threshold(), sys.getswitchinterval()
        gc.set_threshold(*thresholds[:2], NEVER)
        sys.setswitchinterval(SWITCH_S)
        try:
            yield
        finally:
            sys.setswitchinterval(switch_s)
            gc.set_threshold(*thresholds)
            gc.freeze()
