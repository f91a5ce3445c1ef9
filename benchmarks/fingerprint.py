"""CPU and memory of a fingerprint, beside drain3; and what each group of rules does.

    python benchmarks/fingerprint.py [--quick] [--out FOLDER] [--repeats 3]      on generated logs
    python benchmarks/fingerprint.py --logs FOLDER [--ablation]                  on labelled logs

Labelled logs are `*.jsonl` of {"message","truth"}, one file a system. Each of CALI, drain3 and drain3 with masks learns
the first half of the messages of a kind, then is timed on the second: what a day costs that is like yesterday.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import measuring
import rival
from fingerprint_rules import Rows, ablation, accuracy, score

from dataflows.domain.fingerprint import Fingerprinter
from dataflows.domain.records import parse
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator

Case = tuple[str, list[str], list[str]]
"""Name, what is learnt before, and what is timed."""
OURS, PLAIN, MASKED = "CALI", "drain3", "drain3 with masks"
GOAL = 1.3
_START_TS = 1_700_000_000
_SYLLABLES = "ka le mi no pu ra se ti vo zu gu hy jo lo wi".split()  # noqa: SIM905 - a list of syllables


def generated(records: int) -> list[str]:
    """Messages at WARN and above among so many records, as triage meets them."""
    made = itertools.islice(LogGenerator(seed=7, rate=500, start_ts=_START_TS), records)
    pieces = (wire.render(entry) for entry in made if entry.level in {"WARN", "ERROR", "FATAL"})
    return [parse(piece, float(_START_TS))[0].message for piece in pieces]


def cases(messages: Sequence[str]) -> list[Case]:
    """The kinds of message: as they come, every message once, and all of them for the second time."""
    lines = [message for message in messages if "\n" not in message]
    traces = [message for message in messages if "\n" in message]
    kinds = {
        "all": list(messages),
        "lines of 150 to 250 characters": [line for line in lines if 150 <= len(line) <= 250],
        "traces of 1.5 to 2.5 kB": [trace for trace in traces if 1_500 <= len(trace) <= 2_500],
    }
    found: list[Case] = []
    for name, chosen in kinds.items():
        once = list(dict.fromkeys(chosen))
        half, half_once = len(chosen) // 2, len(once) // 2
        found += [
            (name, chosen[:half], chosen[half:]),
            (f"{name}, none twice", once[:half_once], once[half_once:]),
            (f"{name}, seen before", once, once),
        ]
    return [case for case in found if case[1]]


def ours(asked: Sequence[Case]) -> Mapping[str, float]:
    """Microseconds a message, by case."""
    told: dict[str, float] = {}
    for name, before, messages in asked:
        of = Fingerprinter()
        for message in before:
            of(message, "s")
        begun = time.process_time()
        for message in messages:
            of(message, "s")
        told[name] = 1e6 * (time.process_time() - begun) / max(1, len(messages))
    return told


def variants(asked: Sequence[Case], folder: Path) -> dict[str, measuring.Work]:
    """Who groups the messages, by name; drain3 is left out where it is not installed."""
    found: dict[str, measuring.Work] = {OURS: lambda: ours(asked)}
    if rival.installed():
        path = folder / "cases.json"
        path.write_text(json.dumps(asked), encoding="utf-8")
        found[PLAIN] = lambda: rival.ask("drain3_miner.py", str(path), "default")
        found[MASKED] = lambda: rival.ask("drain3_miner.py", str(path), "masked")
    return found


def speed(asked: Sequence[Case], repeats: int, folder: Path) -> measuring.Table:
    """Microseconds a message of each kind."""
    costs = measuring.interleaved(variants(asked, folder), repeats)
    rows = []
    for name, before, messages in asked:
        us = {who: [cost.seen[name] for cost in part] for who, part in costs.items()}
        middle = {who: statistics.median(part) for who, part in us.items()}
        cells = [measuring.Spread.of(us[who]) if who in us else rival.NOT_INSTALLED for who in (OURS, PLAIN, MASKED)]
        times = [f"{middle[who] / middle[OURS]:.2f}" if who in middle else "" for who in (PLAIN, MASKED)]
        mean = statistics.mean(map(len, [*before, *messages]))
        rows.append([name, len(messages), f"{mean:.0f}", *cells, *times])
    note = (
        f"CPU µs a message, median (lowest-highest) of {repeats} runs in turn, each in a process of its own that has "
        'learnt as many messages before. "None twice": every message occurs once, so no memory of whole ones helps. '
        '"Seen before": the same messages for the second time, as in a storm of equal ones. '
        f"Goal: {GOAL} times as fast as drain3 without masks. drain3 counts its clusters in each process by itself, in "
        "order of appearance; CALI's fingerprint is the same in every process and order."
    )
    columns = ("messages", "timed", "mean characters", OURS, PLAIN, MASKED, "drain3 / CALI", "masked / CALI")
    return measuring.Table("CPU of a message", columns, rows, note)


def memory(messages: Sequence[str], folder: Path) -> measuring.Table:
    """What each holds after some messages and after all, every one once; and where every message is a fault."""
    once = list(dict.fromkeys(messages))
    chance = Random(7)  # noqa: S311 - words that mean nothing
    faults = [" ".join("".join(chance.choices(_SYLLABLES, k=3)) for _ in range(12)) for _ in range(len(once) // 2)]
    fed = [(f"{count:,} generated", once[:count]) for count in (len(once) // 8, len(once) // 2, len(once))]
    fed += [(f"{count:,} of 12 random words", faults[:count]) for count in (len(faults) // 4, len(faults))]
    rows: list[list[object]] = []
    for name, part in fed:
        costs = measuring.interleaved(variants([("fed", part, [])], folder), 1)
        peaks = {who: cost[0].seen.get("peak_mib", cost[0].peak_mib) for who, cost in costs.items()}
        rows.append([name, *(f"{peaks[w]:.1f}" if w in peaks else rival.NOT_INSTALLED for w in (OURS, PLAIN, MASKED))])
    note = (
        "MiB beyond what the process had before its first message, one run. CALI remembers words, lines, messages and "
        "hashes, each up to a bound. drain3 remembers its clusters, without a bound by default: few for generated "
        "logs, one a message where every message is a fault of its own."
    )
    return measuring.Table("Memory", ("messages, none twice", OURS, PLAIN, MASKED), rows, note)


def labelled(systems: Mapping[str, Rows], repeats: int, folder: Path) -> list[measuring.Table]:
    """Speed and grouping accuracy by system."""
    texts = {name: [message for message, _ in rows] for name, rows in systems.items()}
    halved = [(name, part[: len(part) // 2], part[len(part) // 2 :]) for name, part in texts.items()]
    grouped: dict[str, dict[str, list[int]]] = {}
    if rival.installed():
        path = folder / "whole.json"
        path.write_text(json.dumps([(name, part, []) for name, part in texts.items()]), encoding="utf-8")
        for who, config in ((PLAIN, "default"), (MASKED, "masked")):
            found = folder / f"{config}.json"
            rival.ask("drain3_miner.py", str(path), config, "--groups", str(found))
            grouped[who] = json.loads(found.read_text(encoding="utf-8"))
    scores: dict[str, list[tuple[float, float]]] = {OURS: [score(rows) for rows in systems.values()]}
    for who, groups in grouped.items():
        scores[who] = [accuracy(groups[name], [truth for _, truth in rows]) for name, rows in systems.items()]
    rows = [[name, *(_pair(part[i]) for part in scores.values())] for i, name in enumerate(systems)]
    means = [[statistics.mean(values) for values in zip(*part, strict=True)] for part in scores.values()]
    rows.append(["mean", *map(_pair, means)])
    note = "Grouping accuracy and its F1 over groups (LogPAI's definitions), one setting for all systems."
    return [speed(halved, repeats, folder), measuring.Table("Accuracy", ("system", *scores), rows, note)]


def _pair(score_: Sequence[float]) -> str:
    return f"{score_[0]:.3f}, {score_[1]:.3f}"


def main() -> None:
    """Measure what the options ask for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="twice, with few messages")
    options.add_argument("--out", type=Path, default=measuring.RESULTS)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--logs", type=Path, help="folder of *.jsonl with message and truth")
    options.add_argument("--ablation", action="store_true")
    given = options.parse_args()
    systems: dict[str, Rows] = {}
    for path in sorted(given.logs.glob("*.jsonl")) if given.logs else []:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        systems[path.stem] = [(line["message"], line["truth"]) for line in lines]
    if given.logs and not systems:
        options.error(f"--logs {given.logs}: no *.jsonl in it")
    if given.ablation:
        if len(systems) < 2:
            options.error("--ablation needs --logs FOLDER with two or more systems")
        ablation(systems)
        return
    repeats = min(2, given.repeats) if given.quick else given.repeats
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if systems:
            tables = labelled(systems, repeats, folder)
            measuring.report("fingerprint_labelled", "Fingerprints of labelled logs", tables, given.out)
        else:
            messages = generated(12_000 if given.quick else 40_000)
            tables = [speed(cases(messages), repeats, folder), memory(messages, folder)]
            measuring.report("fingerprint", "Fingerprints", tables, given.out)


if __name__ == "__main__":
    main()
