"""A step that was resumed says nothing by itself before its first snapshot."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows.domain.correlating import Guard
from dataflows.domain.rules import NO_RULES, Rules
from dataflows.steps.correlate import _CorrelateLogic
from dataflows.steps.first_epoch import FirstEpoch

NOW = 1_000_000.0


class NoRules:
    """No rules, for ever."""

    def current(self) -> Rules:
        """None."""
        return NO_RULES


def test_a_fresh_step_is_in_no_first_epoch() -> None:
    """Without state there is nothing behind it that could be lost."""
    assert not FirstEpoch(None)


@pytest.mark.parametrize("state", [{}, {"a": 1}])
def test_a_resumed_step_is_until_its_snapshot(state: dict[str, int]) -> None:
    """An empty state is a state: the steps behind have theirs."""
    epoch = FirstEpoch(state)
    before = bool(epoch)
    epoch.end()
    assert (True, False) == (before, bool(epoch))


def test_it_is_looked_at_again_soon() -> None:
    """The wake-up makes Bytewax take a snapshot of the step at the end of the epoch."""
    assert timedelta(0) < FirstEpoch.look_again() - datetime.now(UTC) < timedelta(seconds=1)


def test_a_resumed_step_holds_what_its_timer_would_say(clock: Any, make_alert: Any) -> None:
    """A digest that is due at once waits for the end of the first epoch, and comes then."""
    guard = Guard(15, 10.0, 40, fold=True, threads=False, tell_resolved=True)
    before = _CorrelateLogic(guard, clock, NoRules(), False, None)
    before.on_batch([make_alert("f:api:1:summary", reason="summary", explained=True)])
    after = _CorrelateLogic(guard, clock, NoRules(), False, before.snapshot())
    clock.time = NOW + 3_600
    held = list(after.on_notify()[0])
    after.snapshot()
    assert ([], ["f:api:1:summary"]) == (held, [alert["id"] for alert in after.on_notify()[0]])
