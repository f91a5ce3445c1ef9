"""The unit of work: one hour of arrivals, in UTC."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dataflows.render.archive import hour_path

HOUR_S = 3600
DAY_HOURS = 24
WEEK_DAYS = 7
_FIRST_YEAR, _LAST_YEAR = 2013, 9998
"""Kinesis is of 2013; the hours around an hour must be of the calendar, too."""


class Hour(NamedTuple):
    """An hour of arrivals, by its start."""

    start: int
    """Seconds since the epoch, a multiple of 3,600."""

    @property
    def text(self) -> str:
        """`2026-11-21T09`, as the command line takes it."""
        return datetime.fromtimestamp(self.start, UTC).strftime("%Y-%m-%dT%H")

    def folder(self, kind: str) -> str:
        """Hive-style folder below a kind, with a slash at its end."""
        return f"{hour_path(kind, self.start)}/"

    def before(self, hours: int) -> "Hour":
        """So many hours earlier."""
        return Hour(self.start - hours * HOUR_S)

    @property
    def day(self) -> str:
        """`2026-11-21`."""
        return self.text[:10]


def parse_hour(text: str) -> Hour:
    """An hour as ISO 8601 with at least the hour, such as `2026-11-21T09`; without a zone it is UTC.

    Raises:
        ValueError: it is none, or does not lie on the hour.
    """
    try:
        parsed = datetime.fromisoformat(text)
        utc = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as err:  # the zone may lead out of the calendar
        msg = f"{text!r} is no hour: write it as 2026-11-21T09, in UTC"
        raise ValueError(msg) from err
    _in_bounds(utc, text)
    if len(text) <= len("2026-11-21") or utc.timestamp() % HOUR_S:
        msg = f"{text!r} does not begin an hour: write it as 2026-11-21T09, in UTC"
        raise ValueError(msg)
    return Hour(int(utc.timestamp()))


def _in_bounds(time: datetime, text: str) -> None:
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        msg = f"{text!r} is of no archive: write a year from {_FIRST_YEAR} to {_LAST_YEAR}, such as 2026-11-21"
        raise ValueError(msg)


def parse_day(text: str) -> list[Hour]:
    """The 24 hours of a day, such as `2026-11-21`, in UTC.

    Raises:
        ValueError: it is none.
    """
    try:
        start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as err:
        msg = f"{text!r} is no day: write it as 2026-11-21"
        raise ValueError(msg) from err
    _in_bounds(start, text)
    return [Hour(int((start + timedelta(hours=n)).timestamp())) for n in range(DAY_HOURS)]
