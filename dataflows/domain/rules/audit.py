"""Says what a valid rules file holds, and what in it can hardly be meant."""

from collections.abc import Iterator
from typing import Final

from dataflows.domain.rules.file import Parsed, written
from dataflows.domain.rules.model import Filter, Match, RulesFile
from dataflows.domain.rules.yaml import Place

SECTIONS: Final = ("minimum_level", "filters", "severities", "teams", "windows", "routes", "silences")


def summary(file: RulesFile, now: float) -> str:
    """So many of each, and how many silences are over at `now`, seconds since the epoch."""
    over = sum(silence.until.timestamp() <= now for silence in file.silences)
    counts = [f"{name} {len(getattr(file, name))}" for name in SECTIONS]
    return f"{', '.join(counts)} ({over} expired)"


def warnings(parsed: Parsed) -> Iterator[str]:
    """Rules that never decide because an earlier one fits whatever they fit, and routes to no channel."""
    for name in SECTIONS[:-1]:
        matches = [_match(entry) for entry in getattr(parsed.file, name)]
        for position, later in enumerate(matches):
            first = next((n for n, earlier in enumerate(matches[:position]) if _covers(earlier, later)), None)
            if first is not None:
                yield (
                    f"{_where(parsed, (name, position))} never decides: {_where(parsed, (name, first))} fits whatever "
                    "it fits, and comes first; put it above, or remove it"
                )
    for position, route in enumerate(parsed.file.routes):
        if not route.channel:
            yield f"{_where(parsed, ('routes', position))} names no channel: its alerts go to the default channel"


def _match(entry: object) -> Match:
    if isinstance(entry, Filter):
        return entry.keep or entry.drop or Match()
    match = getattr(entry, "match", None)
    return match if isinstance(match, Match) else Match()


def _covers(earlier: Match, later: Match) -> bool:
    """Whether `earlier` surely fits whatever `later` does: each of its keys is there with no further values."""
    narrow = later.given()
    return all(name in narrow and set(narrow[name]) <= set(values) for name, values in earlier.given().items())


def _where(parsed: Parsed, place: Place) -> str:
    return f"{written(place)} (line {parsed.lines[place]})"
