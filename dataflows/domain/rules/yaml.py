"""Reads the YAML of a rules file: plain mappings, lists and texts with their lines. No surprises of YAML get through.

Every scalar is a text (`no` is not false, `0123` is not 83), duplicate keys, aliases and tags are refused, and depth is
bounded. So a file costs at most its size: 1 MB takes about 0.3 s (libyaml).
"""

from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

Tree = dict[str, "Tree"] | list["Tree"] | str | None
Place = tuple[str | int, ...]
"""Keys and list positions from the root."""

MAX_BYTES: Final = 1_000_000
"""Of a rules file: as much as a ConfigMap holds (1 MiB, https://kubernetes.io/docs/concepts/configuration/configmap/)."""
MAX_DEPTH: Final = 8
"""Of collections in collections. The deepest rule needs 5."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is in every wheel, ten times as fast
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_ALIAS: Final = (
    "in YAML `*` begins an alias, and aliases are not taken: put quotes around a pattern that begins with it, "
    'such as "*-api"'
)


class YamlError(ValueError):
    """The text is not YAML, or not YAML that is taken; `problems` has (line from 1 or 0, what is wrong)."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(problem for _, problem in problems))
        self.problems = problems


def read_yaml(text: str) -> tuple[Tree, dict[Place, int]]:
    """Read one document; its tree, and the line (from 1) of every key and list item.

    Raises:
        YamlError: with every duplicate key, or the first problem of another kind.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise YamlError([(0, f"it is larger than {MAX_BYTES:,} bytes, as much as a ConfigMap holds: shorten it")])
    if strange := Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        raise YamlError([(line, f"the character U+{ord(strange[0]):04X} cannot stand in YAML: remove it")])
    reader = _Reader(text)
    try:
        tree = reader.document()
    except yaml.MarkedYAMLError as err:
        raise YamlError([_syntax(err, text)]) from err
    if reader.problems:
        raise YamlError(reader.problems)
    return tree, reader.lines


class _Reader:
    """Builds the tree from the events of one document."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self.lines: dict[Place, int] = {}
        self.problems: list[tuple[int, str]] = []

    def document(self) -> Tree:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        tree = self._node(next(self._events), ())
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _refused(after, "a second document begins here: keep one, without `---` in between")
        return tree

    def _node(self, event: Any, place: Place) -> Tree:  # noqa: ANN401 - the stubs of yaml name no common event
        if isinstance(event, yaml.AliasEvent):
            raise _refused(event, _ALIAS)
        if event.tag is not None and event.tag != "tag:yaml.org,2002:str":
            raise _refused(event, f"tags such as {event.tag!r} are not taken: put quotes around a value with `!`")
        if isinstance(event, yaml.ScalarEvent):
            return None if event.implicit[0] and event.value in _NULLS else str(event.value)
        if len(place) >= MAX_DEPTH:
            raise _refused(event, f"more than {MAX_DEPTH} levels deep: no rule is")
        return self._list(place) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(place)

    def _list(self, place: Place) -> list[Tree]:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            at = (*place, len(items))
            self.lines[at] = event.start_mark.line + 1
            items.append(self._node(event, at))
        return items

    def _mapping(self, place: Place) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                raise _refused(event, _ALIAS if isinstance(event, yaml.AliasEvent) else "a key must be a word")
            line, at = event.start_mark.line + 1, (*place, key)
            if key in found:
                self.problems.append((line, f"the key {key[:80]!r} is there already (line {self.lines[at]}): keep one"))
            self.lines.setdefault(at, line)
            found[key] = self._node(next(self._events), at)
        return found


def _refused(event: Any, problem: str) -> YamlError:  # noqa: ANN401 - as above
    return YamlError([(event.start_mark.line + 1, problem)])


def _syntax(err: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """What the parser says, with advice for what people get wrong most."""
    mark = err.problem_mark or err.context_mark
    line = mark.line + 1 if mark else 0
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return line, "a tab in the indentation: use spaces"
    if "alias" in (err.context or ""):
        return line, _ALIAS
    advice = "; put quotes around a value with a special character" if "token" in (err.problem or "") else ""
    return line, f"not YAML: {err.problem}{advice}"
