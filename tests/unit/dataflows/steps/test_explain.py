"""The explain step: at once and again; a model that is slow, broken or flooded delays nothing."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager

import pytest

from dataflows.domain.alerts import Alert
from dataflows.steps.explain import MAX_PENDING, Explaining, _ExplainLogic
from rag.models import Explanation, Query

Make = Callable[..., Alert]
LIMIT_S = 10.0


def answer(summary: str) -> Explanation:
    """An explanation with this summary."""
    return Explanation(
        verdict="none",
        confidence=0.0,
        source="none",
        summary=summary,
        causes=[],
        actions=[],
        citations=[],
        missing=[],
        model="",
    )


class Told:
    """Answers at once, or when `gate` opens; raises for a service called `broken`."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []

    def explain(self, query: Query) -> Explanation:
        """The answer."""
        self.asked.append(query.log)
        assert self.gate.wait(LIMIT_S)
        if query.service == "broken":
            msg = "no"
            raise RuntimeError(msg)
        return answer(f"{query.log} in {query.language}")


@pytest.fixture
def explainer() -> Iterator[Told]:
    """An explainer whose threads end with the test."""
    told = Told()
    yield told
    told.gate.set()


@contextmanager
def running(explainer: Told, resume: dict[str, Alert] | None = None, finish_s: float = 0.0) -> Iterator[_ExplainLogic]:
    """The step's logic; its threads are ended."""
    logic = _ExplainLogic(Explaining(explainer, "ko", finish_s), resume)
    try:
        yield logic
    finally:
        explainer.gate.set()
        logic._pool.shutdown(wait=True, cancel_futures=True)


def settled(logic: _ExplainLogic) -> list[Alert]:
    """What comes out once all that is in flight is answered."""
    wait(logic._futures.values(), LIMIT_S)
    return list(logic.on_notify()[0])


def test_an_alert_comes_at_once_and_again_explained(explainer: Told, make_alert: Make) -> None:
    """The alert leaves unexplained in its own batch, and a second time with its explanation, in the set language."""
    alert = make_alert()
    explainer.gate.clear()
    with running(explainer) as logic:
        assert ([alert], False) == logic.on_batch([alert])
        assert logic.notify_at() is not None
        explainer.gate.set()
        (again,) = settled(logic)
        assert (alert["id"], True, f"{alert['text']} in ko") == (
            again["id"],
            again["explained"],
            again.get("explanation", {}).get("summary"),
        )
        assert (None, {}, False) == (logic.notify_at(), logic.snapshot(), alert["explained"])


def test_a_summary_is_not_asked_about(explainer: Told, make_alert: Make) -> None:
    """What is explained already passes, once."""
    with running(explainer) as logic:
        summary = make_alert(explained=True)
        assert ([summary], []) == (logic.on_batch([summary])[0], explainer.asked)


def test_one_question_per_alert(explainer: Told, make_alert: Make) -> None:
    """An alert that comes again while it is in flight passes, and is asked about once."""
    explainer.gate.clear()
    with running(explainer) as logic:
        alert = make_alert()
        assert [alert, alert] == logic.on_batch([alert, alert])[0]
        explainer.gate.set()
        assert (1, 1) == (len(settled(logic)), len(explainer.asked))


def test_an_explainer_that_raises_costs_only_the_explanation(explainer: Told, make_alert: Make) -> None:
    """A bug in the explainer ends as an alert without an explanation; the next alert is explained."""
    with running(explainer) as logic:
        logic.on_batch([make_alert("a", service="broken"), make_alert("b")])
        out = {alert["id"]: alert for alert in settled(logic)}
        assert ({"a", "b"}, True, False, True) == (
            set(out),
            out["a"]["explained"],
            "explanation" in out["a"],
            "explanation" in out["b"],
        )


def test_a_flood_goes_out_unexplained_rather_than_late(explainer: Told, make_alert: Make) -> None:
    """Beyond the bound an alert comes twice at once, the second time marked as all that will be known."""
    explainer.gate.clear()
    with running(explainer) as logic:
        alerts = [make_alert(str(n)) for n in range(MAX_PENDING + 2)]
        out = list(logic.on_batch(alerts)[0])
        assert (len(alerts) + 2, MAX_PENDING) == (len(out), len(logic.snapshot()))
        assert [str(MAX_PENDING), str(MAX_PENDING + 1)] == [alert["id"] for alert in out if alert["explained"]]


def test_a_resume_asks_again(explainer: Told, make_alert: Make, assert_plain: Callable[[object], None]) -> None:
    """What was in flight at a crash is in the state, as plain data, and is explained after the resume."""
    explainer.gate.clear()
    with running(explainer) as logic:
        logic.on_batch([make_alert("a"), make_alert("b")])
        state = logic.snapshot()
    assert_plain(state)
    explainer.gate.set()
    with running(explainer, pickle.loads(pickle.dumps(state))) as resumed:  # noqa: S301 - our own bytes
        resumed.snapshot()  # the first epoch is over
        assert {"a": True, "b": True} == {alert["id"]: "explanation" in alert for alert in settled(resumed)}
        assert {} == resumed.snapshot()


def test_a_drain_does_not_wait_for_a_model(explainer: Told, make_alert: Make) -> None:
    """Live, the end of the input keeps what is in flight in the state, and starts nothing that still waits."""
    explainer.gate.clear()
    with running(explainer) as logic:
        logic.on_batch([make_alert(str(n)) for n in range(20)])
        assert ([], False) == logic.on_eof()
        assert {str(n) for n in range(20)} == set(logic.snapshot())
        explainer.gate.set()
        logic._pool.shutdown(wait=True)
        assert len(explainer.asked) <= 3
        assert {str(n) for n in range(20)} == set(logic.snapshot())


def test_a_replay_waits_for_its_explanations(explainer: Told, make_alert: Make) -> None:
    """The end of a replay gives every explanation that comes within its time."""
    with running(explainer, finish_s=LIMIT_S) as logic:
        logic.on_batch([make_alert(str(n)) for n in range(20)])
        out = list(logic.on_eof()[0])
        assert ({str(n) for n in range(20)}, {}) == ({alert["id"] for alert in out}, logic.snapshot())


def test_a_replay_does_not_wait_for_ever(explainer: Told, make_alert: Make) -> None:
    """What is not explained in time goes out unexplained: no alert is lost at the end of a replay."""
    explainer.gate.clear()
    with running(explainer, finish_s=0.01) as logic:
        logic.on_batch([make_alert("a")])
        assert [("a", True)] == [(alert["id"], alert["explained"]) for alert in logic.on_eof()[0]]
