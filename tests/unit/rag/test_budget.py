"""Limits on tokens and money: never passed, whatever runs at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rag.budget import DAY_S, HOUR_S, Budget, BudgetError, Taken
from rag.cache import StateError, StateFile
from rag.config import OpenAIConfig
from rag.models import Why

PRICES = {"usd_per_million_input_tokens": 1.0, "usd_per_million_output_tokens": 10.0}


def budget(state: StateFile, now: list[float] | None = None, **limits: Any) -> Budget:
    """A budget with these limits only, at a time that the test sets."""
    moment = now or [0.0]
    free = {"max_tokens_per_hour": 0, "max_tokens_per_day": 0}
    return Budget(OpenAIConfig(**{**free, **limits}), state.begin, lambda: moment[0])


def test_fifty_threads_never_pass_the_limit(tmp_path: Path) -> None:
    """Of 50 threads that ask at once through two budgets on one file, exactly as many as fit are let through."""
    path = tmp_path / "s.sqlite3"
    budgets = [budget(StateFile(path), max_tokens_per_hour=1_000) for _ in range(2)]
    start = threading.Barrier(50)

    def ask(number: int) -> bool:
        start.wait()
        try:
            budgets[number % 2].take(60, 10, 2)
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        let = sum(pool.map(ask, range(50)))
    assert 1_000 // 140 == let


@given(st.lists(st.tuples(st.sampled_from(["take", "settle", "wait"]), st.integers(0, 400)), max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_interleaving_passes_a_limit(steps: list[tuple[str, int]]) -> None:
    """Whatever questions begin, end and overlap: no sliding hour or day holds more used tokens than its limit."""
    now = [0.0]
    state = StateFile(None)
    spender = budget(state, now, max_tokens_per_hour=1_000, max_tokens_per_day=2_500)
    used: list[tuple[float, int]] = []
    flying: list[tuple[float, Taken]] = []
    for step, size in steps:
        if step == "wait":
            now[0] += size * 60.0
        elif step == "take":
            with suppress(BudgetError):
                flying.append((now[0], spender.take(size, 50, 2)))
        elif flying:
            begun, taken = flying.pop(size % len(flying))
            real = min(size, taken.prompt_tokens)
            told = spender.cost(real, 50) if size % 3 else None
            spender.settle(taken, 1 + size % 2, told)
            worst = taken.prompt_tokens + 50
            used.append((begun, (real + 50 if told else worst) + (size % 2) * worst))
        for window_s, limit in ((HOUR_S, 1_000), (DAY_S, 2_500)):
            open_now = sum(2 * (taken.prompt_tokens + 50) for at, taken in flying if at > now[0] - window_s)
            assert sum(tokens for at, tokens in used if at > now[0] - window_s) + open_now <= limit
    state.close()


@pytest.mark.parametrize(
    ("limits", "cap"),
    [
        ({"max_tokens_per_hour": 219}, Why.BUDGET_HOUR_TOKENS),
        ({"max_tokens_per_day": 219}, Why.BUDGET_DAY_TOKENS),
        ({"max_usd_per_hour": 0.000399, **PRICES}, Why.BUDGET_HOUR_USD),
        ({"max_usd_per_day": 0.000399, **PRICES}, Why.BUDGET_DAY_USD),
    ],
)
def test_each_limit_refuses_what_would_pass_it(limits: dict[str, Any], cap: Why) -> None:
    """A worst case of 220 tokens and 0.04 ct is refused one below the limit, by the name of the limit."""
    with pytest.raises(BudgetError) as caught:
        budget(StateFile(None), **limits).take(100, 10, 2)
    assert cap == caught.value.cap


def test_exactly_the_limit_is_let_through() -> None:
    """Up to and including the limit, in tokens and in money."""
    whole = {"max_tokens_per_hour": 220, "max_usd_per_day": 0.0004, **PRICES}
    assert budget(StateFile(None), **whole).take(100, 10, 2).row


def test_what_was_not_used_is_given_back() -> None:
    """After a call only what the server counted is spent, and money by its prices."""
    spender = budget(StateFile(None), max_tokens_per_hour=250)
    taken = spender.take(100, 10, 2)
    with pytest.raises(BudgetError):
        spender.take(10, 10, 2)
    spender.settle(taken, 1, spender.cost(20, 5))
    assert spender.take(100, 10, 2).row


@pytest.mark.parametrize(
    ("billable", "told", "fits"), [(0, None, 440), (1, None, 330), (2, None, 220), (2, (20, 5), 305)]
)
def test_what_nobody_told_stays_at_its_worst_case(billable: int, told: tuple[int, int] | None, fits: int) -> None:
    """Attempts without a count keep their worst case; those that the server refused cost nothing."""
    spender = budget(StateFile(None), max_tokens_per_hour=440)
    taken = spender.take(100, 10, 2)
    spender.settle(taken, billable, spender.cost(*told) if told else None)
    with pytest.raises(BudgetError):
        spender.take(fits, 1, 1)
    assert spender.take(fits, 0, 1).row


def test_a_restart_forgets_nothing_and_a_window_slides(tmp_path: Path) -> None:
    """What was taken counts in the next process too, until exactly an hour after it was taken."""
    now = [1_000.0]
    path = tmp_path / "state" / "s.sqlite3"
    first = StateFile(path)
    budget(first, now, max_tokens_per_hour=200).take(100, 10, 1)
    first.close()
    again = budget(StateFile(path), now, max_tokens_per_hour=200)
    now[0] += HOUR_S - 0.001
    with pytest.raises(BudgetError):
        again.take(100, 10, 1)
    now[0] += 0.001
    assert again.take(100, 10, 1).row
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Damage is an error that names the file and what to do, and nothing is taken."""
    path = tmp_path / "s.sqlite3"
    path.write_bytes(b"no database " * 100)
    with pytest.raises(StateError, match=r"s\.sqlite3.*move it away"):
        budget(StateFile(path), max_tokens_per_hour=1_000).take(1, 1, 1)


def test_a_limit_in_dollars_needs_prices() -> None:
    """Settings with a limit in dollars and an unknown price are refused, and say what to set."""
    with pytest.raises(ValidationError, match=r"max_usd_per_day is 5.*usd_per_million_input_tokens"):
        OpenAIConfig(max_usd_per_day=5, usd_per_million_output_tokens=2)


def test_without_limits_nothing_is_written(tmp_path: Path) -> None:
    """Who sets every limit to 0 needs no file."""
    spender = budget(StateFile(tmp_path / "s.sqlite3"))
    spender.settle(spender.take(10**9, 10**9, 2), 1, spender.cost(5, 5))
    assert [] == list(tmp_path.iterdir())


def test_a_clock_that_is_set_back_does_not_hold_the_budget_for_long() -> None:
    """What was spent while it stood years ahead counts from now on: it is free after the window, not after years."""
    now = [10 * 365 * DAY_S]
    limited = budget(StateFile(None), now, max_tokens_per_hour=100)
    limited.take(90, 10, 1)
    now[0] = 0.0
    with pytest.raises(BudgetError):
        limited.take(1, 0, 1)
    now[0] = HOUR_S
    assert limited.take(90, 10, 1).row
