"""What happens next: noise, a fault, or a storm. Decides; renders nothing."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import NamedTuple

from dataflows.generate.faults import ROOTS, Fault
from dataflows.generate.noise import DEBUG, INFO, WARN, Chatter
from dataflows.generate.services import SERVICES

ERROR_SHARE = 0.03
"""Share of ERROR and FATAL records outside storms."""
WARN_SHARE = 0.02
DEBUG_SHARE = 0.12

_MOST_FIRINGS = 5
"""An incident fires 1 to this many times, each for another request."""
_FIRING_GAP = (3, 60)
"""Records between two firings of an incident."""
_FOLLOWER_GAP = (1, 12)
"""Records between the report of a fault and the next service's."""
_STORM_PRESSURE = 0.9
"""Share of the records of a storm that belong to its fault."""

_ROLLOUT_AT = {service.name: service.rollout_at for service in SERVICES}


@dataclass(frozen=True, slots=True)
class Storms:
    """When one fault fires in burst, counted in records.

    By default the first 20,000 records are calm: the shares of levels hold for them.
    """

    first: int = 20_000
    every: int = 100_000
    size: int = 2_500

    def __post_init__(self) -> None:
        if self.first < 0 or not 0 < self.size <= self.every:
            message = f"storms need first >= 0 and 0 < size <= every, got {self}: change the wrong one"
            raise ValueError(message)

    def contains(self, index: int) -> bool:
        """Is the record `index` (from 0) inside a storm?"""
        return index >= self.first and (index - self.first) % self.every < self.size


class Cue(NamedTuple):
    """What the next record is about."""

    source: Fault | Chatter
    story: dict[str, str]
    """Values that the records of one request share; filled as they are drawn."""


@dataclass(order=True, slots=True)
class _Due:
    index: int
    order: int
    fault: Fault = field(compare=False)
    story: dict[str, str] = field(compare=False)


class Script:
    """The sequence of cues. Call `cue` once per record, with 0, 1, 2, ..."""

    def __init__(self, rng: Random, storms: Storms | None) -> None:
        self._rng = rng
        self._storms = storms
        self._due: list[_Due] = []
        self._planned = 0
        self._deck: list[Fault] = []
        self._storm: Fault | None = None
        per_firing = sum(1 + len(root.followers) for root in ROOTS) / len(ROOTS)
        per_incident = per_firing * (1 + _MOST_FIRINGS) / 2
        self._incident_chance = ERROR_SHARE / per_incident
        self._chatter = [_Weighted(kind) for kind in (WARN, DEBUG, INFO)]

    def cue(self, index: int) -> Cue:
        """What record `index` is about."""
        if self._due and self._due[0].index <= index:
            due = heapq.heappop(self._due)
            return Cue(due.fault, due.story)
        if self._storms is not None and self._storms.contains(index):
            self._storm = self._storm or self._next_root(index)
            if self._rng.random() < _STORM_PRESSURE:
                return self._fire(self._storm, index)
        else:
            self._storm = None
        if self._rng.random() < self._incident_chance:
            return self._start_incident(index)
        return self._say()

    def _start_incident(self, index: int) -> Cue:
        root = self._next_root(index)
        later = index
        for _ in range(self._rng.randint(1, _MOST_FIRINGS) - 1):
            later += self._rng.randint(*_FIRING_GAP)
            story: dict[str, str] = {}
            self._plan(later, root, story)
            self._plan_followers(later, root, story)
        return self._fire(root, index)

    def _fire(self, root: Fault, index: int) -> Cue:
        story: dict[str, str] = {}
        self._plan_followers(index, root, story)
        return Cue(root, story)

    def _plan_followers(self, index: int, root: Fault, story: dict[str, str]) -> None:
        for follower in root.followers:
            index += self._rng.randint(*_FOLLOWER_GAP)
            self._plan(index, follower, story)

    def _plan(self, index: int, fault: Fault, story: dict[str, str]) -> None:
        self._planned += 1
        heapq.heappush(self._due, _Due(index, self._planned, fault, story))

    def _next_root(self, index: int) -> Fault:
        """Every root once in random order, then again; a fault of a version that is not out yet is passed over."""
        while True:
            if not self._deck:
                self._deck = self._rng.sample(ROOTS, len(ROOTS))
            root = self._deck.pop()
            if not root.new_version_only or index >= _ROLLOUT_AT[root.service]:
                return root

    def _say(self) -> Cue:
        share = self._rng.random()
        warn, debug, info = self._chatter
        kind = warn if share < WARN_SHARE else debug if share < WARN_SHARE + DEBUG_SHARE else info
        return Cue(kind.draw(self._rng), {})


class _Weighted:
    """Draws by weight; the sums are made once."""

    def __init__(self, statements: Sequence[Chatter]) -> None:
        self._statements = statements
        self._sums = list(accumulate(statement.weight for statement in statements))

    def draw(self, rng: Random) -> Chatter:
        return rng.choices(self._statements, cum_weights=self._sums)[0]
