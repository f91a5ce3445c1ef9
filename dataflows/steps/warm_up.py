"""Loads the explainer after the first records, beside the page: reading and first alerts do not wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Protocol

from dataflows.steps.explain import Explainer
from dataflows.steps.unpaused import unpaused
from rag.models import Explanation, Query

AT_LATEST_S = 10.0
"""How long the loading of the explainer waits for the first answer of Kinesis: it takes a core, and most of the
interpreter's lock, for seconds (torch), and the first record should not wait for it. Our choice."""

FIRST_ALERTS_S = 1.0
"""How long it waits further: the alerts of the first read are with Slack 0.2 s after it, 0.8 s if torch is imported
meanwhile (benchmarks/startup.py). Our choice."""

_LOOK_S = 0.1


class Loadable(Explainer, Protocol):
    """An explainer that loads much: at the first question, or when it is told to."""

    def warm(self) -> object:
        """Load now. Blocking, seconds; does not raise for a dependency that is down."""
        ...


class WarmUp:
    """An explainer that is not asked, and so loads nothing, before records are read and first alerts are on their way.

    Thread-safe.
    """

    def __init__(
        self,
        explainer: Loadable,
        stopping: Callable[[], bool],
        *,
        at_latest_s: float = AT_LATEST_S,
        first_alerts_s: float = FIRST_ALERTS_S,
    ) -> None:
        """`stopping`: whether the process is about to end; then nothing is loaded that is not being loaded yet."""
        self._explainer, self._stopping = explainer, stopping
        self._at_latest_s, self._first_alerts_s = at_latest_s, first_alerts_s
        self._reading, self._may_load = threading.Event(), threading.Event()

    def start(self, *, at_once: bool = False) -> threading.Thread:
        """Load in a thread, which ends when that is done; `at_once`: whatever is read."""
        if at_once:
            self._reading.set()
            self._may_load.set()
        thread = threading.Thread(target=self._load, name="explain-warm", daemon=True)
        thread.start()
        return thread

    def reading(self) -> None:
        """Kinesis answers from now on. Cheap: it is called at each answer."""
        self._reading.set()

    def explain(self, query: Query) -> Explanation:
        """The explainer's answer; within the first seconds after the start it is waited for.

        Raises:
            CancelledError: the process ends before that; the question is put again by the next one.
        """
        while not self._may_load.wait(_LOOK_S):
            if self._stopping():
                raise CancelledError
        return self._explainer.explain(query)

    def _load(self) -> None:
        if self._reading.wait(self._at_latest_s):
            self._may_load.wait(self._first_alerts_s)
        if self._stopping():
            return
        with unpaused():
            self._may_load.set()  # within: a question that comes before `warm` loads as well
            self._explainer.warm()
