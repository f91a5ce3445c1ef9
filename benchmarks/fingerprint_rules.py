"""What each group of the fingerprint's rules does, on labelled logs: `fingerprint.py --logs FOLDER --ablation`.

One group of rules is removed at a time; with "leave one out" a group counts for a system only if it helps the others,
so that no system chooses its own rules.
"""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from dataflows.domain import tokens, tokens_codes, tokens_compound, tokens_kinds
from dataflows.domain.fingerprint import Fingerprinter

_HOMES = (tokens_kinds, tokens_compound, tokens_codes, tokens)
_NEVER = re.compile(r"(?!)")
GROUPS: dict[str, dict[str, Any]] = {
    "units and calendar": {"_UNITS": frozenset(), "_CALENDAR": frozenset()},
    "a name follows (`user kim`)": {"_LEADS": {}, "_NAME_FOLLOWS": frozenset()},
    "codes with a known prefix stay (`ORA-00942`)": {"_KEPT": _NEVER},
    "status codes stay": {"_STATUS": _NEVER},
    "codes behind `errno`, `SQLSTATE`, `error code` stay": {"_CODE": _NEVER, "_NAMED": _NEVER},
    "numbers behind `error` stay": {"_ERROR_NUMBER": _NEVER},
    "types and errno names stay under any key": {"_ERROR_SHAPED": _NEVER},
    "`key:value` is a pair": {"_PAIR": _NEVER, "_PATH_PAIR": _NEVER},
    "fields that say what happened": {"_FIXED_FIELDS": frozenset()},
    "host names, ports, packages": {"_HOST": _NEVER, "HOST_PORT": _NEVER, "_PACKAGE": _NEVER},
    "words of 8+ hex digits": {"_HEX": _NEVER},
    "digits within names": {"_CAMEL": _NEVER},
    "true, false, null": {"WORDS_IN_VALUE": frozenset()},
}
Rows = list[tuple[str, str]]


@contextmanager
def without(group: str) -> Iterator[None]:
    """Take one group of rules out of the modules that hold them."""
    before = _get(GROUPS[group])
    try:
        _set(GROUPS[group])
        yield
    finally:
        _set(before)


def _get(names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(_home(name), name) for name in names}


def _home(name: str) -> ModuleType:
    return next(module for module in _HOMES if hasattr(module, name))


def _set(values: dict[str, Any]) -> None:
    for name, value in values.items():
        for module in _HOMES:
            if hasattr(module, name):
                setattr(module, name, value)
    tokens_kinds._kinds.clear()  # noqa: SLF001 - it holds what the rules said; a new Fingerprinter has no other memory


def accuracy(groups: Sequence[Hashable], truths: Sequence[str]) -> tuple[float, float]:
    """Grouping accuracy and its F1 over groups, as LogPAI defines them, of the group of each line and its truth."""
    members: dict[Hashable, list[str]] = defaultdict(list)
    for group, truth in zip(groups, truths, strict=True):
        members[group].append(truth)
    sizes = Counter(truths)
    right = [part for part in members.values() if len(set(part)) == 1 and sizes[part[0]] == len(part)]
    precision, recall = len(right) / len(members), len(right) / len(sizes)
    return sum(map(len, right)) / len(truths), 2 * precision * recall / ((precision + recall) or 1)


def score(rows: Rows) -> tuple[float, float]:
    """Both, of the fingerprints."""
    of = Fingerprinter()
    return accuracy([of(message, "s").fingerprint for message, _ in rows], [truth for _, truth in rows])


def ablation(systems: dict[str, Rows]) -> None:
    """Print what each group of rules does, and each system's score under the rules that the others choose."""
    full = {name: score(rows) for name, rows in systems.items()}
    drops: dict[str, dict[str, tuple[float, float]]] = {}
    print("| without | mean GA | mean FGA | systems that lose | systems that gain |\n|---|---|---|---|---|")
    print(f"| nothing | {_mean(full.values(), 0):.4f} | {_mean(full.values(), 1):.4f} | | |")
    for group in GROUPS:
        with without(group):
            drops[group] = part = {name: score(rows) for name, rows in systems.items()}
        changes = {name: round(sum(part[name]) - sum(full[name]), 9) for name in systems}
        lose = ", ".join(name for name, change in changes.items() if change < 0)
        gain = ", ".join(name for name, change in changes.items() if change > 0)
        print(f"| {group} | {_mean(part.values(), 0):.4f} | {_mean(part.values(), 1):.4f} | {lose} | {gain} |")
    print("\n| left out | groups that help none of the others | GA, FGA with all | GA, FGA with the others' choice |")
    print("|---|---|---|---|")
    for name, rows in systems.items():
        useless = [
            group
            for group, part in drops.items()
            if all(sum(part[other]) > sum(full[other]) - 1e-9 for other in systems if other != name)
        ]
        before = _get([key for group in useless for key in GROUPS[group]])
        _set({key: value for group in useless for key, value in GROUPS[group].items()})
        chosen = score(rows)
        _set(before)
        print(f"| {name} | {', '.join(useless) or 'none'} | {_pair(full[name])} | {_pair(chosen)} |")


def _mean(scores: Any, index: int) -> float:  # noqa: ANN401 - a view of a dict
    return float(statistics.mean(pair[index] for pair in scores))


def _pair(scores: tuple[float, float]) -> str:
    return f"{scores[0]:.3f}, {scores[1]:.3f}"
