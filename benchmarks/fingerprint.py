"""CPU of a fingerprint, beside drain3 where that is installed, and the effect of each group of rules.

    python benchmarks/fingerprint.py [--repeats 5]                    speed, on generated logs
    python benchmarks/fingerprint.py --logs FOLDER [--ablation]       on labelled logs: *.jsonl of {"message","truth"}

Process time, best of the repeats: compare the rows of one run. The ablation removes one group of rules at a time; with
"leave one out" a group counts for a system only if it helps the seven others, so that no system chooses its own rules.
"""

import argparse
import importlib.util
import itertools
import json
import platform
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from dataflows.domain import fingerprint, tokens, tokens_codes
from dataflows.domain.fingerprint import Fingerprinter
from dataflows.domain.records import parse
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator

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
    "host names, ports, packages": {"_HOST": _NEVER, "_HOST_PORT": _NEVER, "_PACKAGE": _NEVER},
    "words of 8+ hex digits": {"_HEX": _NEVER},
    "digits within names": {"_CAMEL": _NEVER},
    "true, false, null": {"_WORDS_IN_VALUE": frozenset()},
}
Rows = list[tuple[str, str]]


@contextmanager
def without(group: str) -> Iterator[None]:
    """Take one group of rules out of `tokens` and `tokens_codes`."""
    before = _get(GROUPS[group])
    try:
        _set(GROUPS[group])
        yield
    finally:
        _set(before)


def _get(names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(_home(name), name) for name in names}


def _home(name: str) -> ModuleType:
    return tokens if hasattr(tokens, name) else tokens_codes


def _set(values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(_home(name), name, value)
    tokens._kinds.clear()  # noqa: SLF001 - it holds what the rules said; a new Fingerprinter has no other memory


def score(rows: Rows) -> tuple[float, float]:
    """Grouping accuracy and its F1 over groups, as LogPAI defines them."""
    of = Fingerprinter()
    groups: dict[str, list[str]] = defaultdict(list)
    for message, truth in rows:
        groups[of(message, "s").fingerprint].append(truth)
    sizes = Counter(truth for _, truth in rows)
    right = [group for group in groups.values() if len(set(group)) == 1 and sizes[group[0]] == len(group)]
    precision, recall = len(right) / len(groups), len(right) / len(sizes)
    return sum(map(len, right)) / len(rows), 2 * precision * recall / ((precision + recall) or 1)


def cpu(messages: Sequence[str], ask: Callable[[str], object], repeats: int) -> float:
    """Microseconds a message; the first round warms the memories."""
    best = float("inf")
    for _ in range(repeats + 1):
        started = time.process_time()
        for message in messages:
            ask(message)
        best = min(best, (time.process_time() - started) / len(messages))
    return best * 1e6


def _generated() -> list[str]:
    """Messages at WARN and above, as triage meets them."""
    made = itertools.islice(LogGenerator(seed=7, rate=500, start_ts=1_700_000_000), 60_000)
    pieces = [wire.render(entry) for entry in made if entry.level in {"WARN", "ERROR", "FATAL"}]
    return [parse(piece, 1_700_000_000.0)[0].message for piece in pieces]


def speed(messages: list[str], repeats: int) -> None:
    """Print microseconds a message, by size, each with and without the memory of whole messages."""
    print(f"Python {platform.python_version()}, process time, best of {repeats}")
    print(
        "| messages | number | mean characters | CALI µs | CALI µs, no message twice | drain3 µs |\n"
        "|---|---|---|---|---|---|"
    )
    lines = [message for message in messages if "\n" not in message]
    traces = [message for message in messages if "\n" in message]
    sizes = {
        "all": messages,
        "150 to 250 characters, no trace": [line for line in lines if 150 <= len(line) <= 250],
        "traces of 1.5 to 2.5 kB": [trace for trace in traces if 1_500 <= len(trace) <= 2_500],
    }
    for name, chosen in sizes.items():
        if chosen:
            of, before = Fingerprinter(), fingerprint._MAX_SEEN_CHARS  # noqa: SLF001 - put back below
            given = cpu(chosen, lambda message, of=of: of(message, "s"), repeats)
            fingerprint._MAX_SEEN_CHARS = -1  # noqa: SLF001 - as if no message came twice
            new = Fingerprinter()
            fresh = cpu(chosen, lambda message, new=new: new(message, "s"), repeats)
            fingerprint._MAX_SEEN_CHARS = before  # noqa: SLF001
            drain = _drain3(chosen, repeats)
            mean = statistics.mean(map(len, chosen))
            print(f"| {name} | {len(chosen)} | {mean:.0f} | {given:.1f} | {fresh:.1f} | {drain} |")


def _drain3(messages: Sequence[str], repeats: int) -> str:
    if importlib.util.find_spec("drain3") is None:
        return "not installed"
    from drain3 import TemplateMiner  # noqa: PLC0415 - not a dependency
    from drain3.template_miner_config import TemplateMinerConfig  # noqa: PLC0415 - likewise

    miner = TemplateMiner(config=TemplateMinerConfig())
    return f"{cpu(messages, miner.add_log_message, repeats):.1f}"


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
    return statistics.mean(pair[index] for pair in scores)


def _pair(scores: tuple[float, float]) -> str:
    return f"{scores[0]:.3f}, {scores[1]:.3f}"


def main() -> None:
    """Measure what the options ask for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--logs", type=Path, help="folder of *.jsonl with message and truth")
    options.add_argument("--ablation", action="store_true")
    given = options.parse_args()
    systems: dict[str, Rows] = {}
    for path in sorted(given.logs.glob("*.jsonl")) if given.logs else []:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        systems[path.stem] = [(row["message"], row["truth"]) for row in rows]
    if given.ablation:
        if len(systems) < 2:
            options.error("--ablation needs --logs FOLDER with two or more systems")
        ablation(systems)
    else:
        labelled = [message for rows in systems.values() for message, _ in rows]
        speed(labelled or _generated(), given.repeats)


if __name__ == "__main__":
    main()
