"""What is loaded beside a running page does not stop it to look for garbage."""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dataflows.steps.unpaused import NEVER, SWITCH_S, YOUNG, collect_rarely, unpaused


@pytest.fixture(autouse=True)
def _nothing_else() -> Iterator[None]:
    """What other tests have made or set does not count: a full look becomes due by how much is there already."""
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # Python's own
    gc.freeze()
    gc.collect()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@contextmanager
def counted() -> Iterator[list[int]]:
    """Which generations were looked through meanwhile."""
    seen: list[int] = []

    def note(phase: str, what: dict[str, int]) -> None:
        if phase == "start":
            seen.append(what["generation"])

    gc.callbacks.append(note)
    try:
        yield seen
    finally:
        gc.callbacks.remove(note)


def kept(count: int) -> list[list[int]]:
    """So many objects that the collector looks at."""
    return [[number] for number in range(count)]


def test_old_objects_are_not_looked_through_meanwhile() -> None:
    """With as many new objects as torch brings they otherwise are, again and again; young ones still are."""
    with counted() as usual:
        kept(500_000)
    with counted() as seen, unpaused():
        kept(500_000)
    assert 2 in usual
    assert {0, 1} == set(seen)


def test_nor_are_they_afterwards() -> None:
    """What has been loaded is no garbage: no later look goes through it, and it is freed when nothing refers to it."""
    with unpaused():
        loaded = kept(100_000)
    assert gc.get_freeze_count() >= len(loaded)
    assert len(gc.get_objects()) < len(loaded)
    frozen = gc.get_freeze_count()
    del loaded
    assert frozen - gc.get_freeze_count() >= 100_000


def test_all_is_as_before_after_a_failure() -> None:
    """Thresholds and switch interval come back, and what had been loaded until then is frozen too."""
    before = gc.get_threshold(), sys.getswitchinterval()
    during = []

    def load() -> None:
        during.append((gc.get_threshold(), sys.getswitchinterval()))
        msg = "no model"
        raise OSError(msg)

    with pytest.raises(OSError, match="no model"), unpaused():
        load()
    assert [((*before[0][:2], NEVER), pytest.approx(SWITCH_S))] == during
    assert before == (gc.get_threshold(), sys.getswitchinterval())
    assert 0 < gc.get_freeze_count()


def test_two_that_load_leave_all_as_it_was() -> None:
    """One waits for the other: else the second would take the settings of the first for the usual ones."""
    before = gc.get_threshold(), sys.getswitchinterval()
    inside, leave = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def load(number: int) -> None:
        with unpaused():
            inside[number].set()
            leave[number].wait()

    threads = [threading.Thread(target=load, args=(number,)) for number in (0, 1)]
    threads[0].start()
    inside[0].wait()
    threads[1].start()
    together = inside[1].wait(0.2)
    for number, thread in enumerate(threads):
        inside[number].wait()
        leave[number].set()
        thread.join()
    assert (False, before) == (together, (gc.get_threshold(), sys.getswitchinterval()))


def test_the_youngest_are_looked_through_less_often() -> None:
    """The first threshold is raised, the others stay as they are."""
    before = gc.get_threshold()
    try:
        collect_rarely()
        assert (YOUNG, *before[1:]) == gc.get_threshold()
    finally:
        gc.set_threshold(*before)
