"""The orderly end: what a signal asks for, and what sources look at."""

import os
import signal
import threading

import structlog

log = structlog.get_logger(__name__)


class Drain:
    """Turns the first SIGTERM or SIGINT into an orderly end; a second one ends the process at once.

    Sources then end after their last emitted batch, a last snapshot is written, and nothing is replayed.
    """

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        """True once the process should end."""
        return self._asked

    def install(self) -> None:
        """Take over both signals. Only from the main thread, where `bytewax.run` builds the flow."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handle)
            signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, _frame: object) -> None:
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        log.info("drain.started", signal=signal.Signals(number).name)
