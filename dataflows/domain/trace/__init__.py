"""Stack traces: recognising one in a message, and what its exceptions and frames are. Pure."""

from dataflows.domain.trace.reader import MAX_RAISED, TraceReader

__all__ = ["MAX_RAISED", "TraceReader"]
