"""What one deployment adds to the rules, or takes from them: allow and deny lists."""

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import re2  # type: ignore[import-untyped] # it ships no types

from dataflows.domain.redaction.names import canonical
from dataflows.domain.redaction.rule import Rule, rule
from dataflows.domain.redaction.shapes import SEPARATOR, VALUE

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False


class Lists(NamedTuple):
    """Expressions in RE2's syntax (https://github.com/google/re2/wiki/Syntax): linear in the text."""

    allow: tuple[str, ...] = ()
    """A value that one of these fits as a whole is not masked, whatever its class; under a telling field it is."""
    deny: tuple[str, ...] = ()
    """What one of these matches within a line is masked as `[DENIED]`."""
    deny_fields: tuple[str, ...] = ()
    """What stands behind such a key, and in such a field, is masked as `[FIELD]`. Case and separators do not count:
    `my_field`, `myField` and `my-field` are one name."""


NO_LISTS: Final = Lists()


class Linear:
    """An RE2 expression with the two methods that redaction uses. Half of a surrogate pair counts as `?`."""

    groupindex: Final[dict[str, int]] = {}

    def __init__(self, expression: str) -> None:
        self._compiled = re2.compile(expression, _OPTIONS)

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Find the first match at or behind `start`."""
        found: re.Match[str] | None = self._compiled.search(_encodable(text), start)
        return found

    def fits(self, value: str) -> bool:
        """Tell whether the whole value matches."""
        return self._compiled.fullmatch(_encodable(value)) is not None


def problem_of(expression: str) -> str:
    """Say what is wrong with an expression of a list, or nothing."""
    try:
        compiled = Linear(expression)
    except re2.error as err:
        reason = err.args[0].decode() if isinstance(err.args[0], bytes) else str(err.args[0])
        return f"is no RE2 expression ({reason})"
    return "matches the empty text, so it would match everywhere" if compiled.search("") else ""


def allowed_by(lists: Lists) -> Callable[[str], bool] | None:
    """Make the test for values that stay; None where the list is empty."""
    if not lists.allow:
        return None
    expressions = [Linear(expression) for expression in lists.allow]
    return lambda value: any(expression.fits(value) for expression in expressions)


def squeezed(name: str) -> str:
    """Write a name without case and separators."""
    return canonical(name).replace("_", "")


def denied_by(lists: Lists) -> frozenset[str]:
    """Return the denied names of fields, squeezed."""
    return frozenset(filter(None, map(squeezed, lists.deny_fields)))


def rules_of(lists: Lists) -> Sequence[Rule]:
    """Make the rules that come before all others."""
    rules = [Rule("DENIED", _gate_of(expression), Linear(expression)) for expression in lists.deny]
    parts = [[part for part in canonical(name).split("_") if part] for name in lists.deny_fields if squeezed(name)]
    if parts:
        names = "|".join("[_ .-]?".join(map(re.escape, words)) for words in parts)
        gate = "|".join("[_ .-]?".join(map(re2.escape, words)) for words in parts)
        rules.append(
            rule("FIELD", rf"(?i:{gate}){SEPARATOR}\S", rf"(?<![a-z0-9])(?:{names}){SEPARATOR}{VALUE}", lower=True)
        )
    return rules


def _gate_of(expression: str) -> str:
    r"""Make an expression that occurs in several lines wherever the given one does in one of them.

    `^` and `$` are the ends of a line there; what asks for the ends of the whole text is always tried.
    """
    return "" if r"\A" in expression or r"\z" in expression else f"(?m:{expression})"


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
