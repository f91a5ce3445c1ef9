"""Leave a dependency alone that fails again and again, let one call try whether it is back, and show which it is.

`pybreaker` keeps the states. It was chosen for its tests for threads and its half-open state with one trial call; the
others that PyPI offers have no lock at all (circuitbreaker 2.1, purgatory 3.0, fluxgate 0.9 say or show so) or are for
asyncio (aiobreaker). It holds its lock while a call runs (danielfm/pybreaker#3, #57), which would make the calls of all
threads one queue, so calls run outside of it and only their outcomes are told to it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

import structlog
from pybreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker

from connectors import metrics
from connectors.errors import TerminalError, TransientError

log = structlog.get_logger(__name__)

Dependency = Literal["opensearch", "s3", "milvus", "openai"]
"""What may have a breaker. Kinesis has none: it must be asked until it answers, since everything comes from it."""
State = Literal["closed", "half-open", "open"]

_NUMBERS: Final = {STATE_CLOSED: 0, STATE_HALF_OPEN: 1, STATE_OPEN: 2}

FAILURES: Final = 5
"""Failures in a row that open the circuit: more than one lost connection or one throttled moment makes."""
TRIAL_S: Final = 1.0
"""Seconds after which a call that found another one trying may ask again."""
REST_S: Final = 10.0
"""Seconds that an open circuit rests before one call tries. Short, since one call harms nobody and an outage that is
over must be noticed at once; a dependency that is overloaded gets one call in ten seconds from each process."""


class OpenCircuitError(TransientError):
    """The call was not made: the dependency failed too often. `wait_s`: seconds until one call may try."""

    def __init__(self, dependency: str, wait_s: float) -> None:
        super().__init__(f"{dependency} is left alone for {wait_s:.1f} s more: it failed {FAILURES} times in a row")
        self.wait_s = wait_s


class Breaker:
    """The circuit of one dependency. Threads share it; a `with` around each call is all that is needed.

    Any exception but one of `answers` counts as a failure and is raised as it is. Calls run side by side while the
    circuit is closed; half-open, exactly one runs. What a call that began before the circuit opened says after it
    counts no more.
    """

    def __init__(
        self,
        dependency: Dependency,
        answers: tuple[type[Exception], ...] = (TerminalError,),
        rest_s: float = REST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`answers`: errors by which the dependency shows that it lives. `clock` in seconds; it must not go back."""
        self.dependency = dependency
        self._rest_s = rest_s
        self._clock = clock
        self._lock = threading.Lock()
        # The library's own rest is by the wall clock, which may jump; ours decides, so its own is 0.
        self._circuit = CircuitBreaker(
            fail_max=FAILURES,
            reset_timeout=0,
            exclude=answers,
            name=dependency,
            throw_new_error_on_trip=False,
        )
        self._rests_until = 0.0
        self._trying = False
        metrics.BREAKER_STATE.labels(dependency).set(0)

    @property
    def state(self) -> State:
        """For people and for `cali check`; it may be another one a moment later."""
        return self._circuit.current_state  # type: ignore[return-value] # the library says str

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Guard the calls in the `with` block, whose failure or success is the dependency's.

        Raises:
            OpenCircuitError: instead of entering the block.
        """
        trial = self._admit()
        try:
            yield
        except Exception as err:
            self._tell(err, trial=trial)
            raise
        except BaseException:  # a stop of the program says nothing about the dependency
            self._release(trial=trial)
            raise
        self._tell(None, trial=trial)

    def _admit(self) -> bool:
        """True if this call is the one that tries."""
        with self._lock:
            if self.state == STATE_CLOSED:
                return False
            if self._trying or (wait_s := self._rests_until - self._clock()) > 0:
                raise OpenCircuitError(self.dependency, TRIAL_S if self._trying else wait_s)
            self._trying = True
            self._circuit.half_open()
            self._show()
            return True

    def _tell(self, err: Exception | None, *, trial: bool) -> None:
        def outcome() -> None:
            if err is not None:
                raise err

        with self._lock:
            if not trial and self.state != STATE_CLOSED:
                return
            before = self.state
            try:
                self._circuit.call(outcome)
            except Exception as told:  # the outcome comes back out of the library
                if told is not err:
                    raise
            self._trying = self._trying and not trial
            if self.state == STATE_OPEN:
                self._rests_until = self._clock() + self._rest_s
            if self.state != before:
                self._show()
                level = log.warning if self.state == STATE_OPEN else log.info
                level("breaker.changed", dependency=self.dependency, state=self.state, before=before)

    def _release(self, *, trial: bool) -> None:
        """Let another call try."""
        with self._lock:
            self._trying = self._trying and not trial

    def _show(self) -> None:
        metrics.BREAKER_STATE.labels(self.dependency).set(_NUMBERS[self.state])


_known: dict[tuple[str, str], Breaker] = {}
_known_lock = threading.Lock()


def breaker(
    dependency: Dependency,
    address: str = "",
    *,
    answers: tuple[type[Exception], ...] = (TerminalError,),
    rest_s: float = REST_S,
) -> Breaker:
    """The breaker of a dependency: one for the whole process and each address of it.

    Who asks first says how long it rests and which errors are answers.
    """
    with _known_lock:
        if (dependency, address) not in _known:
            _known[dependency, address] = Breaker(dependency, answers, rest_s)
        return _known[dependency, address]


def states() -> dict[str, State]:
    """Every breaker that this process has made, by dependency; of several addresses the last one made."""
    with _known_lock:
        return {dependency: found.state for (dependency, _), found in _known.items()}
