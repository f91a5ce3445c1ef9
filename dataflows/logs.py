"""CALI's own logs: one JSON object a line on standard error, dotted event names, no record bodies."""

import logging
import sys
from pathlib import PurePath

import structlog
from structlog.typing import EventDict, WrappedLogger

_SHOWN_PARTS = 3
"""Of a path: package, folder and file tell where it is; the rest tells about the machine."""


def configure(level: str) -> None:
    """Send structlog's events of `level` and above to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            name_exception,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def name_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put an exception's type and the place of its last frame for `exc_info`: `exception` and `at` (file:line).

    Never its message, its arguments or the frames' values: they may hold a log line or a secret.
    """
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given[1] if isinstance(given, tuple) else given if isinstance(given, BaseException) else sys.exception()
    if error is None:
        return event
    kind = type(error)
    event["exception"] = (
        kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    )
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        path = PurePath(trace.tb_frame.f_code.co_filename)
        event["at"] = f"{'/'.join(path.parts[-_SHOWN_PARTS:])}:{trace.tb_lineno}"
    return event
