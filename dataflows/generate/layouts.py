"""Log layouts: how each service's framework prints one entry, and what Fluent Bit makes of it.

A layout returns the fields that the entry adds to a wire record, in one of the three shapes:

* text: `log`, the entry with its trailing newline;
* parsed fields: `timestamp`, `level`, `service`, `log_content` (the full original);
* merged JSON: `log_json`.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple


class Entry(NamedTuple):
    """One log entry before it is printed."""

    event_us: int
    """When it happened, microseconds since the epoch."""
    service: str
    version: str
    level: str
    """`DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`; a layout turns it into its framework's word."""
    logger: str
    thread: str
    trace_id: str
    span_id: str
    request_id: str
    message: str
    trace: str
    """Stack trace without a final newline, or empty."""


Fields = dict[str, object]
Layout = Callable[[Entry], Fields]

_KST_SECONDS = 9 * 3600
_PYTHON_LEVELS = {"DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARNING", "ERROR": "ERROR", "FATAL": "CRITICAL"}
_LOGBACK_VALUES = {"DEBUG": 10_000, "INFO": 20_000, "WARN": 30_000, "ERROR": 40_000, "FATAL": 40_000}
"""`level_value` of logstash-logback-encoder; logback has no FATAL."""


def spring_boot(entry: Entry) -> Fields:
    """Spring Boot's default pattern in Korean time, as text."""
    head = (
        f"{_stamp(entry.event_us, 'T', '.', _KST_SECONDS)}+09:00 {entry.level:>5} 1 --- [{entry.service}] "
        f"[{entry.thread[-15:]:>15}] [{entry.trace_id}-{entry.span_id}] {_abbreviated(entry.logger):<40} : "
    )
    return {"log": _with_trace(head, entry) + "\n"}


def logback(entry: Entry) -> Fields:
    """A common logback pattern with packaging data in the trace, as text."""
    head = (
        f"{_stamp(entry.event_us, ' ', '.')} {entry.level:<5} [{entry.thread}] {_abbreviated(entry.logger)} "
        f"[traceId={entry.trace_id} requestId={entry.request_id}] - "
    )
    return {"log": _with_trace(head, entry) + "\n"}


def python_logging(entry: Entry) -> Fields:
    """A `logging.Formatter` line, as text."""
    head = (
        f"{_stamp(entry.event_us, ' ', ',')} {_PYTHON_LEVELS[entry.level]} [{entry.logger}] "
        f"[trace={entry.trace_id} request={entry.request_id}] "
    )
    return {"log": _with_trace(head, entry) + "\n"}


def log4j_fields(entry: Entry) -> Fields:
    """A log4j2 pattern that a Fluent Bit parser has split into fields."""
    stamp = _stamp(entry.event_us, " ", ",")
    head = (
        f"{stamp} {entry.level:<5} [{entry.service}] [{entry.thread}] {entry.logger} "
        f"trace_id={entry.trace_id} span_id={entry.span_id} - "
    )
    return _parsed(entry, stamp, entry.level, head)


def python_fields(entry: Entry) -> Fields:
    """A pipe-separated Python line that a Fluent Bit parser has split into fields."""
    stamp = _stamp(entry.event_us, " ", ",")
    level = _PYTHON_LEVELS[entry.level]
    head = f"{stamp} | {level:<8} | {entry.service} | {entry.logger} | trace={entry.trace_id} | "
    return _parsed(entry, stamp, level, head)


def logstash(entry: Entry) -> Fields:
    """logstash-logback-encoder's JSON."""
    document: Fields = {
        "@timestamp": f"{_stamp(entry.event_us, 'T', '.')}Z",
        "@version": "1",
        "message": entry.message,
        "logger_name": entry.logger,
        "thread_name": entry.thread,
        "level": entry.level,
        "level_value": _LOGBACK_VALUES[entry.level],
        "traceId": entry.trace_id,
        "spanId": entry.span_id,
        "requestId": entry.request_id,
    }
    if entry.trace:
        document["stack_trace"] = entry.trace + "\n"
    return {"log_json": document}


def structlog(entry: Entry) -> Fields:
    """Structlog's JSON, level names in lower case."""
    document: Fields = {
        "level": _PYTHON_LEVELS[entry.level].lower(),
        "timestamp": f"{_stamp(entry.event_us, 'T', '.')}Z",
        "logger_name": entry.logger,
        "message": entry.message,
        "trace_id": entry.trace_id,
        "request_id": entry.request_id,
        "version": entry.version,
    }
    if entry.trace:
        document["exc_info"] = entry.trace
    return {"log_json": document}


def _parsed(entry: Entry, stamp: str, level: str, head: str) -> Fields:
    content = _with_trace(head, entry)
    return {"timestamp": stamp, "level": level, "service": entry.service, "log_content": content}


def _with_trace(head: str, entry: Entry) -> str:
    first = head + entry.message
    return f"{first}\n{entry.trace}" if entry.trace else first


def _stamp(event_us: int, between: str, before_ms: str, offset: int = 0) -> str:
    """`YYYY-MM-DD<between>HH:MM:SS<before_ms>mmm` at `offset` seconds east of UTC."""
    seconds, micros = divmod(event_us, 1_000_000)
    return f"{_second(seconds + offset, between)}{before_ms}{micros // 1000:03d}"


@lru_cache(maxsize=64)
def _second(seconds: int, between: str) -> str:
    return time.strftime(f"%Y-%m-%d{between}%H:%M:%S", time.gmtime(seconds))


@lru_cache(maxsize=256)
def _abbreviated(logger: str) -> str:
    """`kr.co.moamall.checkout.CheckoutService` as logback prints it: `k.c.m.checkout.CheckoutService`."""
    parts = logger.split(".")
    return ".".join([*(part[0] for part in parts[:-2]), *parts[-2:]])
