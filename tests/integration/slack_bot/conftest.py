"""A Slack of one's own, with a clock that a test sets; `bot_scene` is made importable."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflows.demo.slack_stand_in import SlackStandIn

sys.path.insert(0, str(Path(__file__).parent))

from bot_scene import Clock


@pytest.fixture
def clock() -> Clock:
    """The stand-in's clock."""
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[SlackStandIn]:
    """A Slack of one's own."""
    with SlackStandIn(clock=clock) as stand_in:
        yield stand_in
