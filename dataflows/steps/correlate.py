"""`correlate`: what spans faults. Alerts pass one by one through ONE key, which is cheap: it never sees records."""

from collections.abc import Iterable
from typing import TypedDict

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from dataflows.domain.alerts import Alert

KEY = "all"


class CorrelateState(TypedDict):
    """How many alerts came through since the first start; room for what relates faults to each other."""

    passed: int


class _CorrelateLogic(StatefulBatchLogic[Alert, Alert, CorrelateState]):
    def __init__(self, resume: CorrelateState | None) -> None:
        self._passed = resume["passed"] if resume else 0

    def on_batch(self, values: list[Alert]) -> tuple[Iterable[Alert], bool]:
        self._passed += len(values)
        return values, False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        return [], False

    def snapshot(self) -> CorrelateState:
        return CorrelateState(passed=self._passed)


def _same_key(_: Alert) -> str:
    return KEY


@operator
def correlate(step_id: str, alerts: KeyedStream[Alert]) -> Stream[Alert]:
    """Bring the alerts of all buckets into one place, in order of arrival, unchanged."""
    gathered = op.key_on("gather", op.key_rm("ungroup", alerts), _same_key)
    return op.key_rm("release", op.stateful_batch("relate", gathered, _CorrelateLogic))
