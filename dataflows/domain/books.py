"""The books: what goes in on one side must come out on the other, minute by minute, or CALI says so. Pure.

Every account of a batch is booked under one minute that all of them can tell: that in which the last record of the
batch arrived. So an identity needs no clock and no order, and what is read twice after a crash is booked twice on both
sides, in the books of a new process, which begin empty.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from dataflows.domain.about_cali import MINUTE_S, alert_about_cali, fingerprint_of
from dataflows.domain.alerts import Alert

PAGES: Final = 4096
"""Pages of the books. Minutes that far apart (2.8 days) share one, which bounds the memory; identities stay exact."""
QUIET_LOOKS: Final = 3
"""Looks in a row that find nothing new on an unbalanced page, before it is drift. At one look a minute that is two to
three minutes after the last entry; the slowest hand-over inside a process is a snapshot of some seconds. Our choice."""
TELL_S: Final = 3600.0
"""Seconds between two alerts for one identity: a loss that goes on is one fault. Our choice."""
LOOK_S: Final = 60.0
"""Seconds between two looks. The grace follows from it, see `QUIET_LOOKS`."""


class Account(StrEnum):
    """What is counted."""

    READ = "read"
    """Records that the source gave to the dataflow."""
    ARCHIVED = "archived"
    """Records written to the spool of the archive: durable with the commit of their epoch."""
    UNPACKED = "unpacked"
    """Pieces."""
    ALARMING = "alarming"
    BELOW = "below level"
    """Pieces below WARN, CALI's own, and copies."""
    REJECTED = "rejected"
    """Pieces that cannot be read."""
    LOST = "gaps"
    """Notes on gaps in the stream: no pieces, but dead letters."""
    DEAD = "dead letters"
    """Dead letters written to their spool, or already in one that is replayed."""
    TAKEN = "taken by the index"
    """Alarming pieces that the sink for OpenSearch took over, into memory or its spool."""


class Identity(StrEnum):
    """What must be equal."""

    ARCHIVE = "archive"
    TRIAGE = "triage"
    DEAD_LETTERS = "dead_letters"
    INDEX = "index"
    SEARCH = "search"
    """At any instant, not by minute: documents taken = acknowledged + refused + replaced + waiting."""
    HISTORY = "history"
    """The same of the documents about alerts."""


_SIDES: Final[Mapping[Identity, tuple[tuple[Account, ...], tuple[Account, ...]]]] = {
    Identity.ARCHIVE: ((Account.READ,), (Account.ARCHIVED,)),
    Identity.TRIAGE: ((Account.UNPACKED,), (Account.ALARMING, Account.BELOW, Account.REJECTED)),
    Identity.DEAD_LETTERS: ((Account.REJECTED, Account.LOST), (Account.DEAD,)),
    Identity.INDEX: ((Account.ALARMING,), (Account.TAKEN,)),
}
BY_MINUTE: Final = tuple(_SIDES)

_AGAIN: Final = "`cali replay` on the archive of that hour, which doubles nothing, brings them back"
_ADVICE: Final[Mapping[Identity, str]] = {
    Identity.ARCHIVE: "What is not archived is in Kinesis until its retention ends: keep it longer now.",
    Identity.TRIAGE: f"Records may be without alert and document: {_AGAIN}.",
    Identity.DEAD_LETTERS: "Rejected records may be in the archive only.",
    Identity.INDEX: f"Records may be missing in OpenSearch: {_AGAIN}.",
    Identity.SEARCH: f"Records may be missing in OpenSearch: {_AGAIN}.",
    Identity.HISTORY: "What became of an alert may be missing in OpenSearch; messages to Slack do not depend on it.",
}

Entries = tuple[tuple[Account, int], ...]
Standing = Callable[[], tuple[int, int]]
"""Both sides of an identity that holds at any instant."""


class Drift(NamedTuple):
    """An identity that does not hold."""

    identity: Identity
    minute: int
    """Of arrival, in minutes since the epoch; 0: no record of it has an arrival time."""
    left: int
    right: int
    terms: str
    """Both sides, with the figure of each account."""

    def alert(self, now: float) -> Alert:
        """The alert about it, found at `now`; it says what to do."""
        start = self.minute * MINUTE_S or int(now // MINUTE_S) * MINUTE_S
        when = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M UTC")
        text = (
            f"CALI's books do not balance ({self.identity}): {self.terms}, in the minute of arrival {when}. "
            f"{_ADVICE[self.identity]} Keep CALI's own log and its spool, and see docs/books.md."
        )
        template = f"CALI's books do not balance ({self.identity}): <*> against <*>"
        fingerprint = fingerprint_of(f"books:{self.identity}")
        return alert_about_cali(fingerprint, template, text, start, abs(self.left - self.right))


class Look(NamedTuple):
    """What a look at the books found."""

    balanced: int
    """Minutes that were closed since all their identities hold."""
    drifted: int
    """Minutes that were given up."""
    drifts: list[Drift]
    """At most one of each identity and minute, ever; a minute that comes again is a new one."""


@dataclass(slots=True)
class _Page:
    minute: int
    counts: dict[Account, int] = field(default_factory=dict)
    quiet: int = 0
    """Looks since the last entry."""


class Books:
    """Counts by account and minute. Thread-safe: workers and threads of a process share one.

    Only one process may keep them: a batch that is read here and archived in another balances in neither. Without
    identities nothing is kept.
    """

    def __init__(self, identities: Iterable[Identity] = (), look_s: float = LOOK_S) -> None:
        """`look_s` is for whoever looks: seconds between two looks."""
        self.look_s = look_s
        self._identities = tuple(identities)
        self._standing: dict[Identity, Standing] = {}
        self._differences: dict[Identity, int] = {}
        self._pages: dict[int, _Page] = {}
        self._lock = threading.Lock()

    @property
    def kept(self) -> bool:
        """Whether there is anything that can drift."""
        return bool(self._identities)

    def stand(self, identity: Identity, figures: Standing) -> None:
        """Look at another identity as well, whose sides are equal at any instant."""
        self._standing[identity] = figures

    def enter(self, minute: int, entries: Entries) -> None:
        """Book counts of one batch; what precedes must be booked first. The cost is that of a batch, not of records."""
        if not self._identities:
            return
        with self._lock:
            page = self._pages.get(minute % PAGES)
            if page is None:
                page = self._pages[minute % PAGES] = _Page(minute)
            page.minute = max(page.minute, minute)
            page.quiet = 0
            for account, count in entries:
                page.counts[account] = page.counts.get(account, 0) + count

    def look(self) -> Look:
        """Close what is balanced and quiet, and give up what is not balanced and has been quiet for long."""
        with self._lock:
            ripe = [number for number, page in self._pages.items() if page.quiet]
            for page in self._pages.values():
                page.quiet += 1
            found = [self._close(number) for number in ripe]
        return self._told(found)

    def close(self) -> Look:
        """Close everything: what is not balanced now never will be."""
        with self._lock:
            for page in self._pages.values():
                page.quiet = QUIET_LOOKS
            found = [self._close(number) for number in list(self._pages)]
        return self._told(found)

    def _close(self, number: int) -> list[Drift] | None:
        """None: the page stays open. Otherwise it is forgotten."""
        page = self._pages[number]
        drifts = [drift for identity in self._identities if (drift := _drift(identity, page)) is not None]
        if drifts and page.quiet < QUIET_LOOKS:
            return None
        del self._pages[number]
        return drifts

    def _told(self, found: Sequence[list[Drift] | None]) -> Look:
        closed = [drifts for drifts in found if drifts is not None]
        drifts = [drift for drifts in closed for drift in drifts]
        for identity, figures in self._standing.items():
            left, right = figures()
            if left - right != self._differences.get(identity, 0):
                drifts.append(Drift(identity, 0, left, right, f"{left} taken, {right} accounted for"))
            self._differences[identity] = left - right
        drifted = sum(map(bool, closed))
        return Look(len(closed) - drifted, drifted, drifts)


def _drift(identity: Identity, page: _Page) -> Drift | None:
    sides = [[(account, page.counts.get(account, 0)) for account in side] for side in _SIDES[identity]]
    left, right = (sum(count for _, count in side) for side in sides)
    if left == right:
        return None
    terms = ", but ".join(" + ".join(f"{count} {account}" for account, count in side) for side in sides)
    return Drift(identity, page.minute, left, right, terms)


def minute_of(arrivals: Sequence[float]) -> int:
    """The minute of a batch, by the arrivals of its records: that of the last; 0 without records."""
    return int(arrivals[-1] // MINUTE_S) if arrivals else 0


def due(told: Mapping[str, float], identity: Identity, now: float) -> bool:
    """Whether an identity may be told at `now`, after the times at which identities were told last."""
    return now - told.get(identity, float("-inf")) >= TELL_S
