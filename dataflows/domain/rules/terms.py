"""The words of the rules: what a rule may look at, and what the rules say of it."""

from enum import StrEnum
from typing import Final, NamedTuple


class Severity(StrEnum):
    """How much it matters to people. The level is what the program wrote; the severity is what the team makes of it."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


SEVERITY_OF_LEVEL: Final = {"FATAL": Severity.CRITICAL, "ERROR": Severity.ERROR, "WARN": Severity.WARNING}
"""Where no rule says otherwise; any other level is `info`."""

WORST_FIRST: Final = tuple(Severity)
"""Severities in order, as `mention_from` compares them."""


class Subject(NamedTuple):
    """What a rule may look at. Everything in it is redacted."""

    fingerprint: str
    service: str
    namespace: str
    """Empty if the record has none."""
    level: str
    """`WARN`, `ERROR` or `FATAL`."""
    types: tuple[str, ...]
    """Exception types, outermost first."""
    template: str


class Verdict(NamedTuple):
    """Everything the rules say of a subject that does not depend on time."""

    admitted: bool
    """False: below the minimum level, or dropped by a filter; nobody is told."""
    window_s: float | None
    """Seconds of its windows; None: the default of the settings."""
    severity: str
    """A `Severity`."""
    team: str
    """Empty if no rule names one."""
    channel: str
    """Empty: the default channel."""
    mention: str
    """Empty, `here`, `channel`, a user id (`U...`, `W...`) or a user group id (`S...`)."""


class Silence(NamedTuple):
    """A time in which nobody is told of what it covers."""

    id: str
    until_ts: float
    """Seconds since the epoch; it covers what comes before."""
    author: str
    reason: str
