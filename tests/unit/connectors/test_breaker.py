"""The circuit breaker: opens after failures in a row, rests, lets one call try, and shows its state."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from prometheus_client import REGISTRY

from connectors.breaker import FAILURES, REST_S, TRIAL_S, Breaker, OpenCircuitError, breaker, states
from connectors.errors import TerminalError, TransientError


class Clock:
    """Seconds that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Breaker:
    """A circuit of its own, closed."""
    return Breaker("s3", clock=clock)


def fail(
    circuit: Callable[[], AbstractContextManager[None]], times: int, error: type[Exception] = TransientError
) -> None:
    """Let calls fail."""
    for _ in range(times):
        with pytest.raises(error, match="down"), circuit():
            raise error(*["down"])


def gauge() -> float | None:
    """The state as Prometheus sees it."""
    return REGISTRY.get_sample_value("cali_breaker_state", {"dependency": "s3"})


def test_it_opens_at_the_last_of_the_failures(circuit: Breaker) -> None:
    """One failure less leaves it closed; the error of the call comes out as it is, that of the last one too."""
    fail(circuit, FAILURES - 1)
    assert ("closed", 0) == (circuit.state, gauge())
    fail(circuit, 1)
    assert ("open", 2) == (circuit.state, gauge())


def test_a_success_starts_the_count_anew(circuit: Breaker) -> None:
    """Only failures in a row count."""
    for _ in range(3):
        fail(circuit, FAILURES - 1)
        with circuit():
            pass
    assert "closed" == circuit.state


def test_an_answer_is_no_failure(circuit: Breaker) -> None:
    """A dependency that refuses is alive: its refusals open nothing, and count as successes."""
    fail(circuit, FAILURES - 1)
    fail(circuit, 3 * FAILURES, TerminalError)
    fail(circuit, FAILURES - 1)
    assert "closed" == circuit.state


def test_what_an_answer_is_can_be_said(clock: Clock) -> None:
    """Who has other errors names those that show life."""
    circuit = Breaker("openai", (KeyError,), clock=clock)
    fail(circuit, 2 * FAILURES, KeyError)
    assert "closed" == circuit.state
    fail(circuit, FAILURES, TerminalError)
    assert "open" == circuit.state


def test_an_open_circuit_calls_nothing_and_says_how_long(circuit: Breaker, clock: Clock) -> None:
    """The block is not entered; the error is a transient one with the rest of the wait."""
    fail(circuit, FAILURES)
    clock.now += REST_S - 2.5
    entered = []
    with pytest.raises(OpenCircuitError, match=r"s3 is left alone for 2\.5 s more") as caught, circuit():
        entered.append(1)
    assert ([], 2.5, True) == (entered, caught.value.wait_s, isinstance(caught.value, TransientError))


def test_after_the_rest_one_success_closes_it(circuit: Breaker, clock: Clock) -> None:
    """Exactly at the end of the rest a call is let through; during it the circuit is half-open."""
    fail(circuit, FAILURES)
    clock.now += REST_S
    with circuit():
        assert ("half-open", 1) == (circuit.state, gauge())
    assert ("closed", 0) == (circuit.state, gauge())
    fail(circuit, FAILURES - 1)
    assert "closed" == circuit.state


def test_a_trial_that_fails_opens_it_for_another_rest(circuit: Breaker, clock: Clock) -> None:
    """One failure is enough when half-open, and the rest begins anew."""
    fail(circuit, FAILURES)
    clock.now += REST_S
    fail(circuit, 1)
    assert "open" == circuit.state
    clock.now += REST_S - 0.1
    with pytest.raises(OpenCircuitError), circuit():
        pass
    clock.now += 0.1
    with circuit():
        pass
    assert "closed" == circuit.state


def test_while_one_tries_nobody_else_does(circuit: Breaker, clock: Clock) -> None:
    """Half-open lets exactly one call through; the others are told to come back soon."""
    fail(circuit, FAILURES)
    clock.now += REST_S
    with circuit():
        with pytest.raises(OpenCircuitError) as caught, circuit():
            pass
        assert TRIAL_S == caught.value.wait_s
    with circuit():
        pass


def test_a_trial_that_is_broken_off_blocks_nothing(circuit: Breaker, clock: Clock) -> None:
    """A stop of the program in the middle of a trial says nothing: the next call tries."""
    fail(circuit, FAILURES)
    clock.now += REST_S
    with pytest.raises(KeyboardInterrupt), circuit():
        raise KeyboardInterrupt
    assert "half-open" == circuit.state
    with circuit():
        pass
    assert "closed" == circuit.state


def test_late_news_counts_no_more(circuit: Breaker) -> None:
    """A call that began before the circuit opened changes nothing by ending after it, whichever way."""
    with circuit():
        fail(circuit, FAILURES)
    assert "open" == circuit.state


def test_calls_run_side_by_side(circuit: Breaker) -> None:
    """Two calls are inside at once: no lock is held while a call runs."""
    both = threading.Barrier(2, timeout=10)

    def call() -> None:
        with circuit():
            both.wait()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ("closed", False) == (circuit.state, both.broken)


def test_there_is_one_for_each_dependency_and_address() -> None:
    """Who asks for the same gets the same; `states` names it."""
    one = breaker("opensearch", "http://a.example")
    assert one is breaker("opensearch", "http://a.example")
    assert one is not breaker("opensearch", "http://b.example")
    assert "closed" == states()["opensearch"]
