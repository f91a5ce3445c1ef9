"""What a redaction rule is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Searching(Protocol):
    """What redaction uses of a compiled expression: Python's, or RE2's for the lists of a deployment."""

    @property
    def groupindex(self) -> Mapping[str, int]:
        """Names of groups."""
        ...

    def search(self, string: str, pos: int = ..., /) -> re.Match[str] | None:
        """Find the first match at or behind `pos`."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One class of secrets. The group `secret` is replaced; without such a group the whole match is."""

    name: str
    """The class as reported and shown: `[NAME]`."""
    gate: str
    """RE2: occurs wherever `pattern` does."""
    pattern: Searching
    check: Callable[[str], bool] | None = None
    """Looks at the secret once more: a checksum, a shape."""
    named: Callable[[str, str], bool] | None = None
    """Looks at the group `name`, as far as it goes to the left and as it is written, and at the secret."""
    lower: bool = False
    """The pattern is written in lower case and reads a copy in lower case."""
    anchor: str = ""
    """Stands in every match, at most `reach` characters after its start: the search begins there."""
    reach: int = 0


def rule(  # noqa: PLR0913 - the fields of Rule
    name: str,
    gate: str,
    pattern: str,
    check: Callable[[str], bool] | None = None,
    *,
    named: Callable[[str, str], bool] | None = None,
    lower: bool = False,
    anchor: str = "",
    reach: int = 0,
) -> Rule:
    r"""Make a rule. `\w`, `\d` and `\s` mean ASCII: a Korean particle may follow an address without a space."""
    return Rule(name, gate, re.compile(pattern, re.ASCII), check, named, lower, anchor, reach)
