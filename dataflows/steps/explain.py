"""`explain`: each alert at once, and again when it is explained. A model that is slow or down delays nothing."""

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, Protocol, cast

import bytewax.operators as op
import structlog
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from dataflows import metrics
from dataflows.domain.alerts import Alert, ExplanationView
from dataflows.steps.first_epoch import FirstEpoch
from rag.models import Explanation, Query

log = structlog.get_logger(__name__)

KEY = "explain-0"
MAX_PENDING = 256
"""Alerts waiting for an explanation: beyond that they go out unexplained rather than late."""
_POLL = timedelta(milliseconds=50)
_THREADS = 3


class Explainer(Protocol):
    """Answers a query. Blocking, with time-outs of its own; does not raise for a dependency that is down."""

    def explain(self, query: Query) -> Explanation:
        """The answer; called from several threads."""
        ...


@dataclass(frozen=True)
class Explaining:
    """How alerts are explained."""

    explainer: Explainer
    language: Literal["en", "ko"] = "en"
    finish_s: float = 0.0
    """How long the end of the input waits for explanations in flight: 0 live, since they resume from the state."""


class _ExplainLogic(StatefulBatchLogic[Alert, Alert, dict[str, Alert]]):
    """Runs the explainer in threads. State: the alerts in flight, which are submitted again at a resume."""

    def __init__(self, how: Explaining, resume: dict[str, Alert] | None) -> None:
        self._how = how
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="explain")
        self._pending: dict[str, Alert] = {}
        self._futures: dict[str, Future[Explanation]] = {}
        self._first_epoch = FirstEpoch(resume)
        for alert in (resume or {}).values():
            self._submit(alert)

    def on_batch(self, values: list[Alert]) -> tuple[Iterable[Alert], bool]:
        out = self._reap()
        for alert in values:
            out.append(alert)
            if alert["explained"] or alert["id"] in self._pending:
                continue
            if len(self._pending) < MAX_PENDING:
                self._submit(alert)
            else:
                metrics.EXPLAIN_OVERFLOW.inc()
                out.append(_unexplained(alert))
        return out, False

    def on_notify(self) -> tuple[Iterable[Alert], bool]:
        return ([] if self._first_epoch else self._reap()), False

    def on_eof(self) -> tuple[Iterable[Alert], bool]:
        out = [] if self._first_epoch else self._reap()
        deadline = time.monotonic() + self._how.finish_s
        while self._futures and (left := deadline - time.monotonic()) > 0:
            wait(self._futures.values(), left, FIRST_COMPLETED)
            out += self._reap()
        # Python waits for threads as it ends: what has not begun must not. It stays in the state.
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._futures = {key: future for key, future in self._futures.items() if not future.cancelled()}
        if self._how.finish_s:
            out += [_unexplained(alert) for alert in self._pending.values()]
            self._pending, self._futures = {}, {}
        return out, False

    def notify_at(self) -> datetime | None:
        if self._first_epoch:
            return self._first_epoch.look_again()
        return datetime.now(UTC) + _POLL if self._pending else None

    def snapshot(self) -> dict[str, Alert]:
        self._first_epoch.end()
        return dict(self._pending)

    def _submit(self, alert: Alert) -> None:
        query = Query(
            alert["text"], alert["service"], alert["fingerprint"], self._how.language, severity=alert["severity"]
        )
        self._pending[alert["id"]] = alert
        self._futures[alert["id"]] = self._pool.submit(self._how.explainer.explain, query)

    def _reap(self) -> list[Alert]:
        out = []
        for alert_id in [key for key, future in self._futures.items() if future.done()]:
            future = self._futures.pop(alert_id)
            if not isinstance(future.exception(), CancelledError):  # else the process ends: it stays in the state
                out.append(_explained(self._pending.pop(alert_id), future))
        return out


def _unexplained(alert: Alert) -> Alert:
    told = alert.copy()
    told["explained"] = True
    return told


def _explained(alert: Alert, future: "Future[Explanation]") -> Alert:
    told = _unexplained(alert)
    if (err := future.exception()) is not None:
        metrics.EXPLAIN_FAILED.inc()
        log.error("explain.failed", fingerprint=alert["fingerprint"], error=type(err).__name__)
        return told
    answer = future.result()
    metrics.EXPLANATIONS.labels(answer["source"], answer["verdict"]).inc()
    told["explanation"] = cast("ExplanationView", dict(answer))
    return told


def _same_key(_: Alert) -> str:
    return KEY


@operator
def explain(step_id: str, alerts: Stream[Alert], how: Explaining) -> Stream[Alert]:
    """Pass every alert on at once; a first alert comes a second time, explained, whenever that is done.

    Never blocks the worker, never raises for a model or a database that is down.
    """
    keyed = op.key_on("gather", alerts, _same_key)
    return op.key_rm("release", op.stateful_batch("offload", keyed, partial(_ExplainLogic, how)))
