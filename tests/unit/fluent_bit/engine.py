"""What Fluent Bit 5.1 does with a pipeline of ours, in Python: the documented semantics, and nothing else.

Read from its documentation and source (`src/multiline/flb_ml_rule.c`, `flb_ml.c`, `flb_regex.c`,
`plugins/filter_parser`, `plugins/out_kinesis_streams`).
Time does not pass here: `Pipeline.tick` is the timer of the multiline filter.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Record = dict[str, Any]

MAX_EVENT_BYTES = 1_048_556
"""`MAX_EVENT_SIZE` of out_kinesis_streams: a record of this size or more is discarded."""

_TAG = re.compile(
    r"(?P<pod_name>[^_]+)_(?P<namespace_name>[^_]+)_(?P<container_name>.+)-(?P<docker_id>[a-z0-9]{64})\.log$"
)
"""The kubernetes filter's own expression for tags of tail."""
_DIFFERS = re.compile(r"\\[hHRXKZ]|\(\?[imx-]")
"""What Onigmo and Python spell or mean differently."""


class Event(NamedTuple):
    """A record and its time, as text in RFC 3339: the runtime's."""

    time: str
    record: Record


def ruby(pattern: str) -> re.Pattern[str]:
    r"""Compile one of Fluent Bit's patterns: Onigmo in Ruby syntax, where `^` and `$` match at every line.

    Raises:
        ValueError: it uses what Python spells or means otherwise, so that a test would prove nothing.
    """
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        pattern = pattern[1:-1].replace(r"\/", "/")
    if odd := _DIFFERS.search(pattern):
        msg = f"{odd[0]!r} in {pattern!r} differs between Onigmo and Python: write it in another way"
        raise ValueError(msg)
    named = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    return re.compile(named.replace(r"\z", r"\Z"), re.MULTILINE | re.ASCII)


class Rule(NamedTuple):
    """One rule of a multiline parser."""

    states: tuple[str, ...]
    pattern: re.Pattern[str]
    to: str

    @property
    def starts(self) -> bool:
        """Whether a record may begin with it."""
        return "start_state" in self.states


def rules_of(parser: dict[str, Any]) -> list[Rule]:
    """Rules of an entry of `multiline_parsers`; the checks are those of `flb_ml_rule_create` and `set_to_state_map`."""
    rules = [
        Rule(tuple(name.strip() for name in rule["state"].split(",")), ruby(rule["regex"]), rule["next_state"])
        for rule in parser["rules"]
    ]
    states = {state for rule in rules for state in rule.states}
    if not rules[0].starts:
        msg = f"the first rule of {parser['name']!r} has no 'start_state': Fluent Bit would not start"
        raise ValueError(msg)
    if unknown := {rule.to for rule in rules} - states:
        msg = f"to_state {sorted(unknown)} of {parser['name']!r} is not registered: Fluent Bit would not start"
        raise ValueError(msg)
    return rules


@dataclass
class _Group:
    """What is pending of one stream of one file (`struct flb_ml_stream_group`)."""

    rule: Rule | None = None
    text: str = ""
    first: Event | None = None


@dataclass
class Multiline:
    """The multiline filter in buffered mode, for one tag."""

    rules: list[Rule]
    key: str = "log"
    group_key: str | None = None
    groups: dict[str, _Group] = field(default_factory=dict)

    def append(self, event: Event) -> Iterator[Event]:
        """Take one line; gives the record that it ends, if any."""
        group = self.groups.setdefault(event.record.get(self.group_key or "", ""), _Group())
        line = event.record[self.key]
        rule = self._continuing(group, line)
        if rule is not None:
            group.text += ("\n" if group.text and not group.text.endswith("\n") else "") + (line or "\n")
        else:
            rule = next((rule for rule in self.rules if rule.starts and rule.pattern.search(line)), None)
            if rule is None or group.text:
                yield from self._flush(group)
            if rule is None:
                yield event
                return
            group.text += line
        group.rule = rule
        group.first = group.first or event

    def tick(self) -> Iterator[Event]:
        """The timer, every `flush_ms`: all that is pending goes, complete or not. The state stays."""
        for group in self.groups.values():
            yield from self._flush(group)

    def _continuing(self, group: _Group, line: str) -> Rule | None:
        if group.rule is None:
            return None
        wanted = group.rule.to
        return next((r for r in self.rules if wanted in r.states and not r.starts and r.pattern.search(line)), None)

    def _flush(self, group: _Group) -> Iterator[Event]:
        if group.first is not None:
            text = {self.key: group.text} if group.text else {}
            yield Event(group.first.time, {**group.first.record, **text})
        group.text, group.first = "", None


def cri(raw: bytes, max_line: int = 512 * 1024) -> Iterator[Event]:
    """Lines of a container log file as tail with `multiline.parser: cri` gives them; longer lines are skipped."""
    held: dict[str, tuple[str, bytes]] = {}
    for line in raw.split(b"\n")[:-1]:
        if len(line) >= max_line:
            continue
        head, part, text = re.split(rb" ([PF]) ", line, maxsplit=1)
        stamp, stream = head.decode().split(" ")
        first, before = held.pop(stream, (stamp, b""))
        if part == b"P":
            held[stream] = (first, before + text)
        else:
            flag, log = "P" if before else "F", (before + text).decode()
            yield Event(first, {"time": first, "stream": stream, "_p": flag, "log": log})


class Pipeline:
    """Filters of a configuration, in its order, over lines of files; `includes` are read beside it."""

    def __init__(self, path: Path, env: dict[str, str], labels: dict[str, dict[str, str]] | None = None) -> None:
        self._env = env
        self._labels = labels or {}
        self.config: dict[str, Any] = yaml.safe_load(path.read_text())
        for name in self.config.get("includes", []):
            self.config |= yaml.safe_load((path.parent / name).read_text())
        self._parsers = {parser["name"]: ruby(parser["regex"]) for parser in self.config["parsers"]}
        self._filters = self.config["pipeline"]["filters"]
        self._joining: dict[str, Multiline] = {}
        self._rules: list[Rule] = []

    def feed(self, tag: str, events: Iterable[Event]) -> Iterator[bytes]:
        """Wire records of what these lines end."""
        joining = self._joining.get(tag) or self._joining.setdefault(tag, self.joining())
        for event in events:
            for joined in joining.append(event):
                yield self._send(tag, joined)

    def tick(self) -> Iterator[bytes]:
        """Wire records of all that is pending."""
        for tag, joining in self._joining.items():
            for joined in joining.tick():
                yield self._send(tag, joined)

    def joining(self) -> Multiline:
        """A multiline filter as it is for one file, with nothing pending."""
        first = self._filters[0]
        if first["name"] != "multiline":
            msg = f"the first filter is {first['name']!r}: joined records would pass those before `multiline` twice"
            raise ValueError(msg)
        parser = {p["name"]: p for p in self.config["multiline_parsers"]}[first["multiline.parser"]]
        self._rules = self._rules or rules_of(parser)
        return Multiline(self._rules, first["multiline.key_content"], parser.get("key_group"))

    def _send(self, tag: str, event: Event) -> bytes:
        record = event.record
        for step in self._filters[1:]:
            record = getattr(self, f"_{step['name']}")(step, tag, record)
        return wire(Event(event.time, record), self.config["pipeline"]["outputs"][0]["time_key"])

    def _kubernetes(self, step: dict[str, Any], tag: str, record: Record) -> Record:
        found = _TAG.match(tag.removeprefix(self._expand(step["kube_tag_prefix"])))
        if step["merge_log"] and record["log"].lstrip().startswith("{"):
            try:
                merged = json.loads(record["log"])
            except ValueError:
                pass
            else:
                kept = record if step["keep_log"] else {k: v for k, v in record.items() if k != "log"}
                record = {**kept, step["merge_log_key"]: merged}
        if found is None:
            return record
        labels = self._labels.get(found["pod_name"])
        return {**record, "kubernetes": found.groupdict() | ({"labels": labels} if labels else {})}

    def _parser(self, step: dict[str, Any], tag: str, record: Record) -> Record:
        text = record.get(step["key_name"])
        for name in step["parser"] if isinstance(text, str) else ():
            if found := self._parsers[name].search(text):
                rest = {k: v for k, v in record.items() if k != step["key_name"]} if step["reserve_data"] else {}
                return {**{k: v for k, v in found.groupdict().items() if v}, **rest}
        return record

    def _record_modifier(self, step: dict[str, Any], tag: str, record: Record) -> Record:
        key, value = self._expand(step["record"]).split(" ", 1)
        return {**{k: v for k, v in record.items() if k != step["remove_key"]}, key: value}

    def _expand(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: self._env[found[1]], text)


def wire(event: Event, time_key: str) -> bytes:
    r"""One Kinesis record: JSON with `\uXXXX` escapes, the time in milliseconds appended, a newline."""
    body = json.dumps(event.record, separators=(",", ":"))
    stamp = f"{event.time[:19]}.{event.time[20:23]:0<3}Z"
    return f'{body[:-1]}{"," if event.record else ""}"{time_key}":"{stamp}"}}\n'.encode("ascii")
