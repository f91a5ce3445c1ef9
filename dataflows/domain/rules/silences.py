"""Adds a silence to the text of a rules file, or ends one. Every other character of the text stays as it is."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Final, NamedTuple

import yaml

from dataflows.domain.rules.file import RulesError, read_rules_file
from dataflows.domain.rules.model import AlertMatch, RulesFile, SilenceRule

Matches = Mapping[str, Sequence[str]]
"""Keys of a match with their values."""

_BY_HAND: Final = "the file is written in a way that cannot be edited safely: change `silences` by hand"


class NewSilence(NamedTuple):
    """A silence to be added. Nothing is checked yet: the file is, with the silence in it."""

    id: str
    match: Matches
    until: datetime
    author: str
    reason: str


def with_silence(text: str, silence: NewSilence) -> str:
    """Add a silence below those that are there.

    Raises:
        RulesError: the file has problems, or would have with this silence; the problems are told.
    """
    before = read_rules_file(text).file
    match = {key: values[0] if len(values) == 1 else list(values) for key, values in silence.match.items()}
    entry = {**silence._asdict(), "match": match, "until": silence.until.isoformat()}
    new = _inserted(text, entry)
    after = read_rules_file(new).file
    if (
        after.silences[:-1] != before.silences
        or _others(after) != _others(before)
        or after.silences[-1].id != silence.id
    ):
        raise RulesError([_BY_HAND])
    return new


def expired(text: str, name: str, now: datetime) -> str:
    """End the silence `name` at `now`; the entry stays, for whoever asks later.

    Raises:
        RulesError: the file has problems, or there is no such silence, or it is over.
    """
    before = read_rules_file(text).file
    known = {silence.id: silence for silence in before.silences}
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.0)
        advice = f"did you mean {near[0]!r}?" if near else "the file has none"
        raise RulesError([f"no silence has the id {name!r}: {advice}"])
    if known[name].until <= now:
        raise RulesError([f"the silence {name!r} is over since {known[name].until.isoformat()}"])
    node = _child(_silences(text)[1], "id", name)
    value = _value(node, "until") if isinstance(node, yaml.MappingNode) else None
    if not isinstance(value, yaml.ScalarNode):
        raise RulesError([_BY_HAND])
    new = f"{text[: value.start_mark.index]}{_json(now.isoformat())}{text[value.end_mark.index :]}"
    changed = known[name].model_copy(update={"until": now})
    after = read_rules_file(new).file
    if after.silences != tuple(changed if s.id == name else s for s in before.silences) or _others(after) != _others(
        before
    ):
        raise RulesError([_BY_HAND])
    return new


def described(silence: SilenceRule) -> str:
    """What it covers, as `cali silence add` takes it: `service=pay-* team=core`."""
    return " ".join(f"{key}={','.join(values)}" for key, values in silence.match.given().items())


def match_keys() -> tuple[str, ...]:
    """Keys that a silence may match."""
    return tuple(AlertMatch.model_fields)


def _others(file: RulesFile) -> RulesFile:
    return file.model_copy(update={"silences": ()})


def _silences(text: str) -> tuple[yaml.MappingNode, yaml.Node | None]:
    """The root and the value of `silences`, with their places; the text was found valid before."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):  # pragma: no cover - it was read before
        raise RulesError([_BY_HAND])
    return root, _value(root, "silences")


def _value(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if name.value == key), None)


def _child(items: yaml.Node | None, key: str, value: str) -> yaml.Node | None:
    """The mapping of a list that has this value for the key."""
    for item in items.value if isinstance(items, yaml.SequenceNode) else []:
        found = _value(item, key) if isinstance(item, yaml.MappingNode) else None
        if found is not None and found.value == value:
            return item  # type: ignore[no-any-return] # the stubs do not say what a list holds
    return None


def _inserted(text: str, entry: Mapping[str, object]) -> str:
    root, silences = _silences(text)
    end = "\r\n" if "\r\n" in text else "\n"
    if silences is None:
        if root.flow_style:
            raise RulesError([_BY_HAND])
        return _below(text, _end_of(root), f"silences:{end}{_block(entry, '  ', end)}", end)
    if not isinstance(silences, yaml.SequenceNode):
        raise RulesError([_BY_HAND])
    if not silences.flow_style:
        indent = " " * silences.start_mark.column
        return _below(text, _end_of(silences), _block(entry, indent, end), end)
    start, stop = silences.start_mark.index, silences.end_mark.index
    if silences.value:
        return f"{text[: stop - 1]}, {_json(entry)}{text[stop - 1 :]}"
    return _below(f"{text[:start].rstrip(' ')}{text[stop:]}", start - 1, _block(entry, "  ", end), end)


def _end_of(node: yaml.Node) -> int:
    """Position behind the last character of a node: a block's own mark stands at what follows it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _below(text: str, position: int, block: str, end: str) -> str:
    """Put a block behind the line of a position."""
    if text[position - 1 : position] != "\n":  # a block scalar ends behind its line
        found = text.find("\n", position)
        if found < 0:
            return f"{text}{end}{block}"
        position = found + 1
    return f"{text[:position]}{block}{text[position:]}"


def _block(entry: Mapping[str, object], indent: str, end: str) -> str:
    lines = [f"{'- ' if n == 0 else '  '}{key}: {_json(value)}" for n, (key, value) in enumerate(entry.items())]
    return "".join(f"{indent}{line}{end}" for line in lines)


def _json(value: object) -> str:
    """As YAML takes it: JSON with its blanks, so that no text is a number, an alias or a comment."""
    return json.dumps(value, ensure_ascii=False)
