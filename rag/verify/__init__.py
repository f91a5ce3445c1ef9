"""Keeps of a model's answer only what a retrieved runbook says: checked in code, whatever the model was told.

The model is not trusted: a log or a runbook can carry orders for it. A claim survives if its runbook was retrieved, its
quotation stands there, and its text says no more than the quotation: see `claims.supported` for the rules.
"""

from rag.verify.claims import MAX_TEXT, Bounds, harmless, inert, supported
from rag.verify.grades import risk_of, severity_within
from rag.verify.legible import folded
from rag.verify.quotes import MIN_QUOTE

__all__ = [
    "MAX_TEXT",
    "MIN_QUOTE",
    "Bounds",
    "folded",
    "harmless",
    "inert",
    "risk_of",
    "severity_within",
    "supported",
]
