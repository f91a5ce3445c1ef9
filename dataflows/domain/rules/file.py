"""Reads a rules file, or says everything that is wrong with it."""

from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from dataflows.domain.rules.model import (
    AlertMatch,
    Filter,
    Match,
    MinimumLevel,
    Route,
    RulesFile,
    SeverityRule,
    SilenceRule,
    TeamRule,
    Window,
)
from dataflows.domain.rules.yaml import Place, Tree, YamlError, read_yaml

_SHOWN: Final = 80
"""Characters of a wrong value that are shown."""
_ENTRIES: Final[dict[str, type[BaseModel]]] = {
    "minimum_level": MinimumLevel,
    "filters": Filter,
    "severities": SeverityRule,
    "teams": TeamRule,
    "windows": Window,
    "routes": Route,
    "silences": SilenceRule,
}
_ADVICE: Final = {
    "missing": "is missing",
    "model_type": "give keys and values (`{}` for a match that fits everything)",
    "literal_error": "give 1: this CALI knows no other version",
}


class RulesError(ValueError):
    """Rules that cannot be used; `problems` has a line for each thing that is wrong, and so has the text."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Parsed(NamedTuple):
    """A valid rules file."""

    file: RulesFile
    lines: dict[Place, int]
    """Line of every key and list item, from 1."""


def read_rules_file(text: str) -> Parsed:
    """Read the text of a rules file.

    Raises:
        RulesError: with every problem: its line, its place, the value, and what is allowed.
    """
    try:
        tree, lines = read_yaml(text)
    except YamlError as err:
        raise RulesError([f"line {line}: {problem}" if line else problem for line, problem in err.problems]) from err
    if not isinstance(tree, dict):
        what = "it is empty" if tree is None else "it has no keys"
        raise RulesError([f"{what}: write at least `version: 1`"])
    try:
        return Parsed(RulesFile.model_validate(tree), lines)
    except ValidationError as err:
        raise RulesError([_problem(dict(error), tree, lines) for error in err.errors(include_url=False)]) from err


def written(place: Place) -> str:
    """A place as people write it: `routes[0].channel`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _problem(error: dict[str, Any], tree: Tree, lines: dict[Place, int]) -> str:
    kind, place = error["type"], tuple(error["loc"])
    known = place
    while known and known not in lines:  # a lone value counts as a list of one, and what is missing has no line
        known = known[:-1]
    where = f"line {lines[known]}: " if known else ""
    if kind == "missing":
        return f"{where}{written(place)} is missing"
    if kind == "extra_forbidden":
        return f"{where}{_no_such(place)}"
    named = written(known) or "the file"
    value = _at(tree, known)
    if value is None and kind != "missing":
        return f"{where}{named} is empty: give a value, in quotes if it begins with # (`{{}}` or [] for none)"
    shown = f" {_cut(value)}" if isinstance(value, str) else ""
    return f"{where}{named}{shown}: {_ADVICE.get(kind) or error['msg'].removeprefix('Value error, ')}"


def _no_such(place: Place) -> str:
    name, allowed = str(place[-1]), list(_model_at(place[:-1]).model_fields)
    near = get_close_matches(name, allowed, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{written(place[:-1]) or 'the file'} has no key {_cut(name)}: {meant}allowed are {', '.join(allowed)}"


def _model_at(place: Place) -> type[BaseModel]:
    """The model of the mapping at a place."""
    if not place:
        return RulesFile
    section = str(place[0])
    if len(place) == len(("section", "position")):
        return _ENTRIES[section]
    return AlertMatch if section in {"routes", "silences"} else Match


def _at(tree: Tree, place: Place) -> Tree:
    for part in place:
        if isinstance(tree, dict):
            tree = tree.get(str(part))
        elif isinstance(tree, list) and isinstance(part, int):
            tree = tree[part]
    return tree


def _cut(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")
