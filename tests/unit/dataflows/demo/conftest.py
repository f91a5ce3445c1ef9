"""A running stand-in for Slack. Makes `slack_calls` importable: tests are no package."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflows.demo.slack_stand_in import SlackStandIn

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    """A stand-in whose clock stands still."""
    with SlackStandIn(channel="#<b>alerts", clock=lambda: 1_763_764_859.0) as stand_in:
        yield stand_in
