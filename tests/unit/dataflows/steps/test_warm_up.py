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
LONG_S, GIVEN_UP_S = 600.0, 30.0
"""What must not be waited for, and after what time a test that waits for it has failed."""


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
    warm_up = WarmUp(asked, lambda: False, at_latest_s=LONG_S, first_alerts_s=0.0)  # type: ignore[arg-type] # a fake
    warming = warm_up.start()
    asking = threading.Thread(target=warm_up.explain, args=(QUERY,))
    asking.start()
    assert [] == asked.seen
    warm_up.reading()
    asking.join(GIVEN_UP_S)
    warming.join(GIVEN_UP_S)
    assert ["warm", "explain"] == [what for what, _ in asked.seen]


def test_the_first_alerts_go_before_it() -> None:
    """Some time after the first answer nothing is loaded yet."""
    asked = Asked()
    warm_up = WarmUp(asked, lambda: False, first_alerts_s=LONG_S)  # type: ignore[arg-type] # a fake
    warming = warm_up.start()
    warm_up.reading()
    warming.join(0.2)
    seen = [*asked.seen]
    warm_up.start(at_once=True).join(GIVEN_UP_S)
    warming.join(GIVEN_UP_S)
    assert ([], 2) == (seen, len(asked.seen))


def test_a_process_that_ends_begins_no_load() -> None:
    """Whoever stops it in its first seconds does not wait for a model that nobody will ask."""
    asked = Asked()
    warming = WarmUp(asked, lambda: True).start(at_once=True)  # type: ignore[arg-type] # a fake
    warming.join(GIVEN_UP_S)
    assert (False, []) == (warming.is_alive(), asked.seen)


def test_it_is_loaded_without_full_collections() -> None:
    """A look through half a million objects, some of them new, would stop the page for as long as it takes."""
    asked = Asked()
    WarmUp(asked, lambda: False).start(at_once=True).join()  # type: ignore[arg-type] # a fake
    assert [("warm", False)] == asked.seen
    assert NEVER != gc.get_threshold()[2]


def test_a_replay_loads_at_once() -> None:
    """It reads no Kinesis: nothing is waited for, and a question is passed on."""
    asked = Asked()
    warm_up = WarmUp(asked, lambda: False, at_latest_s=LONG_S, first_alerts_s=LONG_S)  # type: ignore[arg-type] # a fake
    warm_up.start(at_once=True).join(GIVEN_UP_S)
    warm_up.explain(QUERY)
    assert [("warm", False), ("explain", True)] == asked.seen


def test_a_question_is_given_up_when_the_process_ends() -> None:
    """Python waits for threads as it ends: a question that waits for the start holds nothing up, and loads no model."""
    asked = Asked()
    with pytest.raises(CancelledError):
        WarmUp(asked, lambda: True).explain(QUERY)  # type: ignore[arg-type] # a fake
    assert [] == asked.seen
