"""Tests a subject against the match of a rule, in time linear in the subject whatever the pattern."""

from collections.abc import Callable, Sequence
from typing import Final

import re2  # type: ignore[import-untyped] # it ships no types

from dataflows.domain.redaction.lists import Linear
from dataflows.domain.rules.model import Match
from dataflows.domain.rules.terms import Subject

_WILD: Final = frozenset("*?")
_Test = Callable[[str], bool]


class Matcher:
    """One match, compiled. Every key that is given must fit."""

    def __init__(self, match: Match) -> None:
        given = match.given()
        self._levels = frozenset(given.pop("level", ()))
        self._prefixes = given.pop("fingerprint", ())
        self._severities = frozenset(given.pop("severity", ()))
        self._searches = [Linear(expression) for expression in given.pop("template_re", ())]
        self._globs = {name: _any_of(patterns) for name, patterns in given.items()}

    def fits(self, subject: Subject, severity: str = "", team: str = "") -> bool:
        """Tell whether it is about this subject; `severity` and `team` count for routes and silences."""
        if self._levels and subject.level not in self._levels:
            return False
        if self._severities and severity not in self._severities:
            return False
        if self._prefixes and not subject.fingerprint.startswith(self._prefixes):
            return False
        if not all(self._glob_fits(name, test, subject, team) for name, test in self._globs.items()):
            return False
        return not self._searches or any(search.search(subject.template) for search in self._searches)

    @staticmethod
    def _glob_fits(name: str, test: _Test, subject: Subject, team: str) -> bool:
        if name == "type":
            return any(map(test, subject.types))
        return test(team if name == "team" else getattr(subject, name))


def _any_of(patterns: Sequence[str]) -> _Test:
    """A test for values that one of the patterns fits: all patterns are one RE2 expression."""
    plain = frozenset(pattern for pattern in patterns if not _WILD & set(pattern))
    wild = [pattern for pattern in patterns if _WILD & set(pattern)]
    if not wild:
        return plain.__contains__
    expression = Linear(f"(?s:{'|'.join(map(_expression, wild))})")
    return lambda value: value in plain or expression.fits(value)


def _expression(pattern: str) -> str:
    return "".join(".*" if char == "*" else "." if char == "?" else re2.escape(char) for char in pattern)
