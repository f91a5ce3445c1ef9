"""What a recovery store holds is kept under these names: a change orphans state (docs/decisions/0003)."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from bytewax.outputs import FixedPartitionedSink

from connectors.kinesis import KinesisSource
from connectors.slots import SLOTS
from dataflows import endpoints
from dataflows.log_intelligence import build
from dataflows.replay.page import Collected, unwired
from dataflows.settings import Settings
from dataflows.steps import books, correlate, deliver, explain, throttle

STEPS = [
    "cali.kinesis_in",
    "cali.archive",
    "cali.archive_out",
    "cali.triage",
    "cali.dead_letters",
    "cali.dead_letter_out",
    "cali.documents",
    "cali.search_out",
    "cali.throttle",
    "cali.brake",
    "cali.books",
    "cali.alerts",
    "cali.correlate",
    "cali.explain",
    "cali.slack_out",
    "cali.history",
    "cali.alerts_out",
]

STATEFUL = {
    "cali.kinesis_in": "input",
    "cali.archive_out": "output",
    "cali.dead_letter_out": "output",
    "cali.search_out": "output",
    "cali.throttle.window": "stateful_batch",
    "cali.brake.limit": "stateful_batch",
    "cali.books.look": "stateful_batch",
    "cali.correlate.relate": "stateful_batch",
    "cali.explain.offload": "stateful_batch",
    "cali.slack_out.outbox": "stateful_batch",
    "cali.alerts_out": "output",
}
"""Operators that keep state, by id. A sink writes under its output's id; a step that frames data keeps nothing."""

SINKS = ("archive", "dead_letters", "search", "history")


def _page() -> Any:
    settings = Settings.model_construct()
    return build(settings, unwired(settings, iter(()), Collected(settings.language)))


def _all(operators: Sequence[Any]) -> Iterator[Any]:
    for operator in operators:
        yield operator
        yield from _all(operator.substeps)


def test_steps_of_the_page_are_frozen() -> None:
    """The steps have the names that dashboards, documents and state know, in this order."""
    assert [operator.step_id for operator in _page().substeps] == STEPS


def test_state_is_kept_under_frozen_names() -> None:
    """These operators keep state and no other does: a new one needs a line here and in docs/architecture.md."""
    kept = {
        operator.step_id: type(operator).__name__
        for operator in _all(_page().substeps)
        if type(operator).__name__ in {"input", "output"} or "stateful" in type(operator).__name__
    }
    assert kept == STATEFUL


def test_keys_of_state_are_frozen() -> None:
    """64 slots, 64 buckets, and one key for each step that sees alerts."""
    assert tuple(f"slot-{number:02d}" for number in range(64)) == SLOTS
    assert {f"bucket-{number:02d}" for number in range(64)} == {throttle.bucket_of(str(n)) for n in range(2_000)}
    assert throttle.bucket_of("3361fe581f29c0185245e3f98b62a02c:auth") == "bucket-56"
    assert (correlate.KEY, explain.KEY, deliver.KEY, books.KEY) == ("all", "explain-0", "slack", "books")


@pytest.mark.parametrize("sink", SINKS)
def test_live_sinks_take_part_in_the_commit(sink: str) -> None:
    """A `DynamicSink` is outside the commit and loses data at a crash: every live sink is a `FixedPartitionedSink`."""
    assert issubclass(_live_classes()[sink], FixedPartitionedSink)


def test_live_source_has_the_slots_of_the_sinks() -> None:
    """A batch stays in its slot from the source to the sinks, so it never changes worker on the way."""
    assert _live_classes()["source"] is KinesisSource


def _live_classes() -> dict[str, type]:
    """The classes that `live` makes, read from its text: calling it would take signals over and load a model."""
    (function,) = ast.parse(inspect.getsource(endpoints.live)).body
    assert isinstance(function, ast.FunctionDef)
    (made,) = (node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    assert isinstance(made, ast.Call)
    named = {ast.unparse(node.targets[0]): node.value for node in ast.walk(function) if isinstance(node, ast.Assign)}
    ends = {keyword.arg: named.get(ast.unparse(keyword.value), keyword.value) for keyword in made.keywords}
    return {
        name: getattr(endpoints, end.func.id)
        for name, end in ends.items()
        if name and isinstance(end, ast.Call) and isinstance(end.func, ast.Name)
    }
