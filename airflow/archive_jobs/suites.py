"""What is expected of an hour: five suites for Great Expectations, one for each table of `measures`.

The version goes up with every change of an expectation or a default limit, and is in each result. Ids of checks are in
metrics and in docs/data_quality.md: they are never reused for something else.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from archive_jobs.hours import HOUR_S
from dataflows.domain.levels import Level

VERSION = 3

SECRETS = (
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # AWS access key ids
    r"\bgh[pousr]_[A-Za-z0-9]{36}",  # GitHub
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"\bsk-[A-Za-z0-9_-]{20,}",  # OpenAI and others
    r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",  # JSON web tokens
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"(?i)(?<!\[)\b(?:password|passwd|pwd|secret|api[_-]?key)\s*[=:]\s*[\"']?(?=\S*\d)[^\s\[\"'<*{$]{6,}",
    r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}\b",  # e-mail addresses
    r"\b\d{6}-[1-4]\d{6}\b",  # Korean resident registration numbers
)
"""Shapes of secrets, apart from CALI's own rules on purpose: a rule that fails would not see its own failure."""


class Limits(NamedTuple):
    """What is allowed. Shares are of rows."""

    bad_share: float = 0.01
    """Pieces that are no record, have an unknown level, no service, or a time outside the bounds: for each check."""
    lateness_s: float = 2 * HOUR_S
    """How long before its arrival a record may have happened."""
    ahead_s: float = 300.0
    """How far a record's clock may be ahead of its arrival."""
    dead_letter_share: float = 0.05
    silent_records: float = 100.0
    """Records that a shard's longest silence may have held: an object of 10 s from 10 records a second on."""
    volume_low: float = 0.2
    """Of the usual volume of this hour."""
    volume_high: float = 5.0

    def checked(self) -> "Limits":
        """The same limits.

        Raises:
            ValueError: one cannot be; its option of the command line is named.
        """
        for field, value in self._asdict().items():
            share = field.endswith("share")
            if not 0 <= value <= (1 if share else sys.float_info.max):  # not-a-number is refused as well
                wanted = "0 to 1" if share else "a finite number, 0 or more"
                msg = f"--{field.replace('_', '-')} {value:g} cannot be: it must be {wanted}"
                raise ValueError(msg)
        if self.volume_low > self.volume_high:
            msg = f"--volume-low {self.volume_low:g} is above --volume-high {self.volume_high:g}: nothing could pass"
            raise ValueError(msg)
        return self


@dataclass(frozen=True)
class Check:
    """One expectation."""

    id: str
    table: str
    """A field of `measures.Measures`."""
    expected: str
    """For people, after `expected` or `are not`."""
    make: Callable[[Any], Any]
    """Makes the expectation, given `great_expectations.expectations`."""
    column: str
    mostly: float = 1.0
    number: bool = False
    """The table has one row, and its number is told."""


def _between(column: str, low: float | None, high: float | None, mostly: float = 1.0) -> Callable[[Any], Any]:
    return lambda gx: gx.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, mostly=mostly)


def _null(column: str, mostly: float = 1.0) -> Callable[[Any], Any]:
    return lambda gx: gx.ExpectColumnValuesToBeNull(column=column, mostly=mostly)


def _among(column: str, values: list[str], mostly: float) -> Callable[[Any], Any]:
    return lambda gx: gx.ExpectColumnValuesToBeInSet(column=column, value_set=values, mostly=mostly)


def _not_among(column: str, values: list[str], mostly: float) -> Callable[[Any], Any]:
    return lambda gx: gx.ExpectColumnValuesToNotBeInSet(column=column, value_set=values, mostly=mostly)


def checks(limits: Limits) -> list[Check]:
    """Every check, in the order of the result."""
    good = 1 - limits.bad_share
    levels = [level.name for level in Level]
    zero, number = _zero, _number
    low, high, share = limits.volume_low, limits.volume_high, limits.dead_letter_share
    return [
        Check("schema", "records", "records of CALI's model", _null("unreadable", good), "unreadable", good),
        Check("level", "records", f"one of {', '.join(levels)}", _among("level", levels, good), "level", good),
        Check(
            *("event_time", "records", f"within {limits.lateness_s:g} s before and {limits.ahead_s:g} s after arrival"),
            *(_between("lateness_s", -limits.ahead_s, limits.lateness_s, good), "lateness_s", good),
        ),
        Check(
            *("service", "records", "of a known service", _not_among("service", ["", "unknown"], good)),
            *("service", good),
        ),
        Check("manifest", "objects", "as their manifests say", _null("problem"), "problem"),
        zero("line_form", "objects", "without lines of another form", "unreadable"),
        zero("hour_folder", "objects", "in the folder of their hour", "outside"),
        zero("sequence_order", "objects", "in the order of sequence numbers, each once", "disorder"),
        Check(
            *("sequence_gap", "shards", f"without a silence of more than {limits.silent_records:g} records"),
            *(_between("silent_records", 0, limits.silent_records), "silent_records"),
        ),
        number("dead_letter_share", f"at most {share:g}", None, share),
        number("missing_dead_letters", "0", 0, 0),
        number("stray_dead_letters", "0", 0, 0),
        number("possible_losses", "0", 0, 0),
        number("records", "at least 1", 1, None),
        number("volume_ratio", f"{low:g} to {high:g} of the usual volume of this hour", low, high),
        Check("secrets", "redacted", "free of what looks like a secret", _no_secret, "text"),
    ]


def _zero(name: str, table: str, expected: str, column: str) -> Check:
    return Check(name, table, expected, _between(column, 0, 0), column)


def _number(name: str, expected: str, low: float | None, high: float | None) -> Check:
    return Check(name, "hour", expected, _between(name, low, high), name, number=True)


def _no_secret(gx: Any) -> Any:  # noqa: ANN401 - a module without types
    return gx.ExpectColumnValuesToNotMatchRegexList(column="text", regex_list=list(SECRETS))
