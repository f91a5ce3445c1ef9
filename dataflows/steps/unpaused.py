"""Loads much beside a page that goes on: nothing stops all threads to look for garbage, and locks pass on sooner."""

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
_one = threading.Lock()


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
