"""The header of a line becomes fields: what is surely a level, a service, a time; the text is whole in any case."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from dataflows.domain.levels import Level
from dataflows.domain.records import parse

SPRING = "2026-11-21T10:00:00.123+09:00 ERROR 1 --- {} k.c.m.Checkout : no"
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "spring boot": (
        SPRING.format("[checkout] [nio-8080-exec-1]"),
        {"timestamp": "2026-11-21T10:00:00.123+09:00", "level": "ERROR", "service": "checkout"},
    ),
    "spring boot without a name": (
        SPRING.format("[nio-8080-exec-1] [4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7]"),
        {"timestamp": "2026-11-21T10:00:00.123+09:00", "level": "ERROR"},
    ),
    "spring boot 2": (
        SPRING.format("[           main]"),
        {"timestamp": "2026-11-21T10:00:00.123+09:00", "level": "ERROR"},
    ),
    "pipes": ("2026-11-21 10:00:00,123 | ERROR    | auth | app.api.login | no", {"level": "ERROR", "service": "auth"}),
    "loguru": ("2026-11-21 10:00:00.123 | WARNING  | app.api:login:42 - no", {"level": "WARNING"}),
    "logfmt": (
        'time=2026-11-21T10:00:00.123Z level=error msg="no" service=payment',
        {"timestamp": "2026-11-21T10:00:00.123Z", "level": "error", "service": "payment"},
    ),
    "logback": ("2026-11-21 10:00:00.123 [http-nio-1] ERROR c.a.Orders - no", {"level": "ERROR"}),
    "log4j": ("2026-11-21 10:00:00,123 ERROR [payment] [exec-3] kr.co.Pg trace_id=1 - no", {"level": "ERROR"}),
    "python": ("2026-11-21 10:00:00,123 - app.worker - CRITICAL - no", {"level": "CRITICAL"}),
    "gunicorn": (
        "[2026-11-21 10:00:00 +0000] [7] [ERROR] no",
        {"timestamp": "2026-11-21 10:00:00 +0000", "level": "ERROR"},
    ),
    "zap": (
        "2026-11-21T10:00:00.123Z\tERROR\tcart/store.go:15\tno",
        {"timestamp": "2026-11-21T10:00:00.123Z", "level": "ERROR"},
    ),
}


def _sent(engine: Any, pipeline: Any, text: str) -> bytes:
    lines = b"".join(b"2026-11-21T01:00:00.123456789Z stdout F " + line.encode() + b"\n" for line in text.split("\n"))
    tag = f"kube.var.log.containers.web-1_shop_web-{'0' * 64}.log"
    (record,) = [*pipeline.feed(tag, engine.cri(lines)), *pipeline.tick()]
    sent: bytes = record
    return sent


@pytest.mark.parametrize(("text", "fields"), CASES.values(), ids=CASES)
def test_a_header_becomes_fields(engine: Any, shipped: Callable[..., Any], text: str, fields: dict[str, str]) -> None:
    """Level, service and time where they are sure; a thread is never a service; the original is `log_content`."""
    text += "\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)"
    record = json.loads(_sent(engine, shipped(), text))

    assert {**fields, "log_content": text} == {
        name: record[name] for name in ("timestamp", "level", "service", "log_content", "log") if name in record
    }


@pytest.mark.parametrize(("text", "fields"), CASES.values(), ids=CASES)
def test_cali_reads_the_record(engine: Any, shipped: Callable[..., Any], text: str, fields: dict[str, str]) -> None:
    """Level and text as they were; service and time of the header, else of the container and its runtime."""
    record = parse(_sent(engine, shipped(), text), 0.0).record

    assert (text, fields.get("service", "web")) == (record.message, record.service)
    assert record.level >= Level.WARN
    said = datetime.fromisoformat(fields.get("timestamp", "2026-11-21T01:00:00.123456789Z"))
    assert said.timestamp() == pytest.approx(record.event_ts)
    assert ("shop", "web-1") == (record.kubernetes.namespace_name, record.kubernetes.pod_name)


@pytest.mark.parametrize(
    "text", ["GET /orders 200", "ERROR: no time", "2026-11-21 10:00:00 ERRORS were found", "결제 실패"]
)
def test_what_has_no_header_stays_as_it_is(engine: Any, shipped: Callable[..., Any], text: str) -> None:
    """`log`, as the container printed it."""
    record = json.loads(_sent(engine, shipped(), text))

    assert (text, "prod") == (record["log"], record["cluster"])
    assert not {"level", "log_content", "_p"} & record.keys()


def test_json_becomes_fields(engine: Any, shipped: Callable[..., Any]) -> None:
    """A line of JSON is under `log_json`, in place of `log`; the nanoseconds by which copies are known stay."""
    record = json.loads(_sent(engine, shipped(), '{"level":"error","message":"no"}'))

    assert ({"level": "error", "message": "no"}, "2026-11-21T01:00:00.123456789Z") == (
        record["log_json"],
        record["time"],
    )
    assert "log" not in record
