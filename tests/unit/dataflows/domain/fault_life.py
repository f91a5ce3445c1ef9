"""A fault's life as a test lives it, on a clock that stands at the latest record: what tests of throttling share."""

from collections.abc import Callable
from typing import Any

from dataflows.domain.alerts import Alert, Sighting
from dataflows.domain.rules import NO_RULES
from dataflows.domain.throttling import Bucket, Policy

LENGTH, GRACE, RESOLVE, HOUR = 300.0, 5.0, 900.0, 3_600.0
W = 999_900.0
"""Start of a window of 300 s."""
POLICY = Policy(
    length_s=LENGTH,
    grace_s=GRACE,
    resolve_s=RESOLVE,
    max_repeat_s=HOUR,
    past_s=86_400.0,
    remember_s=7 * 86_400.0,
    max_live=1_000,
    max_gone=1_000,
)
Make = Callable[..., Sighting]
END = float("inf")


class Life:
    """A bucket with a clock that stands at the latest record."""

    def __init__(self, policy: Policy = POLICY, state: Any = None, rules: Any = NO_RULES) -> None:
        self.bucket = Bucket(state, policy)
        self.rules = rules
        self.alerts: list[Alert] = []
        self.held = self.late = self.filtered = self.evicted = 0

    def see(self, *sightings: Sighting, now: float | None = None) -> list[tuple[str, int]]:
        """Let time pass, then count; reason and count of what is told."""
        now = max(s.event_ts for s in sightings) if now is None else now
        told = self.pass_to(now)
        decided = self.bucket.see(sightings, now, self.rules)
        self.alerts += decided.alerts
        self.held += decided.held_repeat
        self.late += decided.held_late
        self.filtered += decided.held_filtered
        self.evicted += decided.evicted
        return told + short(decided.alerts)

    def pass_to(self, now: float) -> list[tuple[str, int]]:
        """Let time pass, as a clock does: every due time is heeded when it comes."""
        told: list[Alert] = []
        while (due := self.bucket.next_due) is not None and due <= now:
            decided = self.bucket.close_due(now if now == END else due, self.rules)
            told += decided.alerts
            self.evicted += decided.evicted
        self.bucket.close_due(now, self.rules)
        self.alerts += told
        return short(told)


def short(alerts: list[Alert]) -> list[tuple[str, int]]:
    """Reason and count."""
    return [(alert["held"] or alert["reason"], alert["count"]) for alert in alerts]
