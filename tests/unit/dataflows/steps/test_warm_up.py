"""The explainer's libraries are loaded behind the first records, and its questions wait for that."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from dataflows.steps.unpaused import NEVER
from dataflows.steps.warm_up import WarmUp
from rag.models import Query

QUERY = Query("boom", "api")


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """Garbage of other tests is looked for again."""
    yield
    gc.unfreeze()


class Asked:
    """An explainer that knows nothing; what was done with it, in order, and whether old objects were looked through."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.warmed = threading.Event()

    def warm(self) -> None:
        """Load nothing."""
        self.seen.append(("warm", gc.get_threshold()[2] != NEVER))
        self.warmed.set()

    def explain(self, _: Query) -> None:
        """Wait until it is warm, as the real one does."""
        self.warmed.wait()
        self.seen.append(("explain", gc.get_threshold()[2] != NEVER))


def test_the_explainer_is_loaded_once_records_are_read() -> None:
    """Loading it takes the interpreter's lock for seconds, so the first read goes before it; a question waits, too."""
    asked = Asked()
    warm_up = WarmUp(asked, lambda: False)  # type: ignore[arg-type] # a fake
    warming = warm_up.start()
    asking = threading.Thread(target=warm_up.explain, args=(QUERY,))
    asking.start()
    assert [] == asked.seen
    warm_up.reading()
    asking.join()
    warming.join()

    assert ["warm", "explain"] == [what for what, _ in asked.seen]


def test_it_is_loaded_without_full_collections() -> None:
    """A look through half a million objects, some of them new, would stop the page for as long as it takes."""
    asked = Asked()
    WarmUp(asked, lambda: False).start(at_once=True).join()  # type: ignore[arg-type] # a fake
    assert [("warm", False)] == asked.seen
    assert NEVER != gc.get_threshold()[2]


def test_a_replay_loads_at_once() -> None:
    """It reads no Kinesis: nothing is waited for, and a question is passed on."""
    asked = Asked()
    warm_up = WarmUp(asked, lambda: False)  # type: ignore[arg-type] # a fake
    warm_up.start(at_once=True).join()
    warm_up.explain(QUERY)
    assert [("warm", False), ("explain", True)] == asked.seen


def test_a_question_is_given_up_when_the_process_ends() -> None:
    """Python waits for threads as it ends: a question that waits for the start holds nothing up, and loads no model."""
    asked = Asked()
    with pytest.raises(CancelledError):
        WarmUp(asked, lambda: True).explain(QUERY)  # type: ignore[arg-type] # a fake
    assert [] == asked.seen
