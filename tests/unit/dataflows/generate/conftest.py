"""One default run, made once: building the value pools takes longer than most tests."""

from itertools import islice

import pytest

from dataflows.generate.generator import Emitted, LogGenerator

START_TS = 1_790_000_000.25


@pytest.fixture(scope="session")
def entries() -> list[Emitted]:
    """The first 20,000 entries of a run with default settings."""
    return list(islice(LogGenerator(seed=42, rate=400, start_ts=START_TS), 20_000))
