"""Ends the process when the wall clock was set back by much, so that whoever runs it starts it again.

Bytewax 0.21.1 keeps wall-clock times: of when a source part wants to be asked, when a step wants to be notified and
when an epoch began. Set back by a day, it would read, commit and notify nothing for a day, and no drain would reach its
sources. Nothing can be done about that from inside. So the process ends at once, as in a crash, and resumes from its
last snapshot with timers of the new time. Set forward, everything is due and goes on.
"""

import os
import threading
import time

import structlog

log = structlog.get_logger(__name__)

SET_BACK_S = 10.0
"""Up to so many seconds the process just waits: a start takes about as long, and `-s 10` as well. Our choice."""
SET_BACK_STATUS = os.EX_TEMPFAIL
"""Exit status, 75: of a failure that is over at the next try (sysexits.h)."""
_LOOK_S = 1.0


class SetBack:
    """Tells by how much the wall clock was set back between two looks, from a clock that nobody can set."""

    def __init__(self, wall: float, steady: float) -> None:
        self._ahead = wall - steady

    def since(self, wall: float, steady: float) -> float:
        """Seconds since the last look; less than zero if it was set forward."""
        before, self._ahead = self._ahead, wall - steady
        return before - self._ahead


def watch() -> None:
    """Watch from now on, on a thread of its own. A clock that is slewed, as NTP does, is no matter."""
    threading.Thread(target=_watch, name="clock-watch", daemon=True).start()


def _watch() -> None:
    looks = SetBack(time.time(), time.monotonic())
    while True:
        time.sleep(_LOOK_S)
        back_s = looks.since(time.time(), time.monotonic())
        if back_s < -SET_BACK_S:
            log.warning(
                "clock.set_forward", seconds=round(-back_s, 1), effect="what is due by the new time is done now"
            )
        if back_s > SET_BACK_S:
            log.error("clock.set_back", seconds=round(back_s, 1), effect="the process ends, to be started again")
            os._exit(SET_BACK_STATUS)
