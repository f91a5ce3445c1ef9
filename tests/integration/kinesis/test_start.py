"""The first record does not wait for anything but the list of shards."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def _until(true: Callable[[], bool]) -> bool:
    """Wait for a thread, polling nothing."""
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return true()


def test_the_list_is_asked_for_while_parts_are_built(scripted: Any, reading: Any) -> None:
    """The first part asks, in a thread: no look at a slot is needed for it."""
    stream, url = scripted
    stream.add(0, records=1)
    r = reading(url)
    listed = _until(lambda: stream.count("ListShards") == 1)

    assert (True, []) == (listed, r.batches)


def test_a_slot_looks_again_soon_until_the_first_list_has_come(scripted: Any, reading: Any) -> None:
    """Afterwards one without shards looks once a second: the difference was a second of every start."""
    stream, url = scripted
    stream.add(0, records=1)
    r = reading(url)
    idle = list(r.parts.values())[-1]
    before = idle.next_awake() - datetime.now(UTC)
    assert r.until(lambda: len(r.data) == 1)
    after = idle.next_awake() - datetime.now(UTC)

    assert before <= timedelta(seconds=0.05)
    assert after > timedelta(seconds=0.5)
