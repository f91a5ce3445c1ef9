"""The rules of a deployment: who is told of what, where, how often, and of what nobody is told. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Protocol, TypeVar

from dataflows.domain.levels import LEVELS, Level
from dataflows.domain.rules.file import read_rules_file
from dataflows.domain.rules.match import Matcher
from dataflows.domain.rules.model import Match, RulesFile
from dataflows.domain.rules.terms import SEVERITY_OF_LEVEL, WORST_FIRST, Severity, Silence, Subject, Verdict

MAX_REMEMBERED: Final = 50_000
"""Subjects whose verdict is remembered, at most some 25 MB. When they are more, all are forgotten."""


class _HasMatch(Protocol):
    @property
    def match(self) -> Match: ...


_Entry = TypeVar("_Entry", bound=_HasMatch)
_Compiled = list[tuple[Matcher, _Entry]]


class Rules:
    """One version of the rules. Immutable but for its memory, which never changes an answer.

    Workers may share it between threads: each step on the memory is one operation on a dict.
    """

    def __init__(self, file: RulesFile, version: str, remembered: int = MAX_REMEMBERED) -> None:
        self._remembered = remembered
        self.version: Final = version
        """Short hash of the text; empty for `NO_RULES`."""
        self._levels = _compiled(file.minimum_level)
        self._filters = [(Matcher(f.keep or f.drop or Match()), f.keep is not None) for f in file.filters]
        self._severities = _compiled(file.severities)
        self._teams = _compiled(file.teams)
        self._windows = _compiled(file.windows)
        self._routes = _compiled(file.routes)
        self._silences = [
            (Matcher(rule.match), Silence(rule.id, _epoch(rule.until), rule.author, rule.reason))
            for rule in file.silences
        ]
        self._verdicts: dict[Subject, Verdict] = {}
        self._covering: dict[tuple[Subject, str, str], tuple[Silence, ...]] = {}

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Every silence of the file, those that are over as well."""
        return tuple(silence for _, silence in self._silences)

    def judge(self, subject: Subject) -> Verdict:
        """Say what holds for a subject. Remembered: asking again costs a look into a dict."""
        verdict = self._verdicts.get(subject)
        if verdict is None:
            verdict = self._judge(subject)
            if len(self._verdicts) >= self._remembered:
                self._verdicts.clear()
            self._verdicts[subject] = verdict
        return verdict

    def silenced(self, subject: Subject, verdict: Verdict, now: float) -> Silence | None:
        """Return the silence that covers a subject at `now`, seconds since the epoch: of several the longest."""
        if not self._silences:
            return None
        key = (subject, verdict.severity, verdict.team)
        covering = self._covering.get(key)
        if covering is None:
            fitting = [silence for matcher, silence in self._silences if matcher.fits(*key)]
            covering = tuple(sorted(fitting, key=lambda silence: silence.until_ts, reverse=True))
            if len(self._covering) >= self._remembered:
                self._covering.clear()
            self._covering[key] = covering
        return covering[0] if covering and now < covering[0].until_ts else None

    def _judge(self, subject: Subject) -> Verdict:
        level = LEVELS.get(subject.level.upper(), Level.ERROR)
        least = _first(self._levels, subject)
        decided = next((keep for matcher, keep in self._filters if matcher.fits(subject)), True)
        by_rule = _first(self._severities, subject)
        severity = by_rule.severity if by_rule else SEVERITY_OF_LEVEL.get(level.name, Severity.INFO)
        team = owner.team if (owner := _first(self._teams, subject)) else ""
        window = _first(self._windows, subject)
        route = _first(self._routes, subject, severity, team)
        calls = route is not None and WORST_FIRST.index(severity) <= WORST_FIRST.index(route.mention_from)
        return Verdict(
            admitted=decided and level >= (LEVELS[least.level] if least else Level.WARN),
            window_s=window.length if window else None,
            severity=severity.value,
            team=team,
            channel=route.channel if route else "",
            mention=route.mention if route and calls else "",
        )


def parse_rules(text: str) -> Rules:
    """Make rules of the text of a file, whole or not at all.

    Raises:
        RulesError: a line per problem: line and place in the file, the value, what is allowed.
    """
    file = read_rules_file(text).file
    return Rules(file, blake2b(text.encode(), digest_size=6).hexdigest())


def _compiled(entries: Iterable[_Entry]) -> _Compiled[_Entry]:
    return [(Matcher(entry.match), entry) for entry in entries]


def _first(rules: _Compiled[_Entry], subject: Subject, severity: str = "", team: str = "") -> _Entry | None:
    return next((entry for matcher, entry in rules if matcher.fits(subject, severity, team)), None)


def _epoch(at: datetime) -> float:
    return (at - datetime.fromtimestamp(0, UTC)).total_seconds()


NO_RULES: Final = Rules(RulesFile(version=1), "")
"""Everything from WARN up is told, in the default channel; nothing is silenced."""
