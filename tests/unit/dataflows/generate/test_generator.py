"""The stream of entries: reproducible, complete, of realistic proportions, and truthful."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import islice

import pytest

from dataflows.generate import wire
from dataflows.generate.faults import FAULTS, SCENARIOS
from dataflows.generate.generator import Emitted, LogGenerator
from dataflows.generate.services import SERVICES

DIGEST = """
import hashlib
from itertools import islice
from dataflows.generate import wire
from dataflows.generate.generator import LogGenerator
run = islice(LogGenerator(seed=7, rate=50, start_ts=1790000000.25), 3000)
print(hashlib.sha256(b"".join(map(wire.render, run))).hexdigest())
"""


def traces(entries: list[Emitted]) -> list[tuple[Emitted, list[str]]]:
    """Each entry that has a stack trace, with the lines of the trace."""
    found = []
    for entry in entries:
        document = entry.fields.get("log_json")
        if isinstance(document, dict):
            trace = document.get("stack_trace") or document.get("exc_info") or ""
            lines = str(trace).removesuffix("\n").split("\n") if trace else []
        else:
            lines = entry.text.split("\n")[1:]
        if lines:
            found.append((entry, lines))
    return found


@pytest.mark.slow
def test_same_arguments_give_the_same_bytes_in_another_process() -> None:
    """A run is a function of its arguments: not of the process, nor of the seed of Python's hashes."""
    run = islice(LogGenerator(seed=7, rate=50, start_ts=1_790_000_000.25), 3000)
    here = hashlib.sha256(b"".join(map(wire.render, run))).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "PYTHONHASHSEED": "11"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_another_seed_gives_other_entries(entries: list[Emitted]) -> None:
    """The seed matters from the first entries on."""
    other = list(islice(LogGenerator(seed=43, rate=400, start_ts=1_790_000_000.25), 20))
    assert [entry.text for entry in other] != [entry.text for entry in entries[:20]]


def test_event_times_advance_at_the_rate(entries: list[Emitted]) -> None:
    """Entry n happens n / rate seconds after the start."""
    assert [entry.event_us for entry in entries[:3]] == [1_790_000_000_250_000 + n * 2_500 for n in range(3)]
    assert entries[-1].event_ts == pytest.approx(1_790_000_000.25 + 19_999 / 400)


def test_all_services_scenarios_and_faults_occur_in_a_default_run(entries: list[Emitted]) -> None:
    """Nothing of the catalogue is missing from the first 20,000 entries."""
    assert {entry.service for entry in entries} == {service.name for service in SERVICES}
    assert {entry.scenario for entry in entries} - {None} == set(SCENARIOS)
    assert {entry.truth for entry in entries} - {None} == {fault.id for fault in FAULTS}


def test_there_are_seven_services_eight_scenarios_and_sixteen_distinct_faults() -> None:
    """The numbers that the documentation states."""
    assert (len(SERVICES), len(SCENARIOS), len({fault.id for fault in FAULTS})) == (7, 8, 16)


def test_injected_counts_what_the_entries_say() -> None:
    """The running truth equals the truth of the entries."""
    run = LogGenerator(seed=1, rate=100, start_ts=0)
    taken = Counter(entry.truth for entry in islice(run, 2_000) if entry.truth)
    assert run.injected == taken


def test_levels_have_realistic_shares(entries: list[Emitted]) -> None:
    """About 3 % errors and 2 % warnings; the rest is INFO and some DEBUG."""
    levels = Counter(entry.level for entry in entries)
    share = {level: count / len(entries) for level, count in levels.items()}
    assert 0.022 <= share["ERROR"] + share["FATAL"] <= 0.038
    assert 0.016 <= share["WARN"] <= 0.024
    assert 0.75 <= share["INFO"] <= 0.90


def test_only_faults_are_errors_and_all_faults_are(entries: list[Emitted]) -> None:
    """Noise is never above WARN, and a fault never below ERROR."""
    assert [e.source for e in entries if (e.truth is not None) != (e.level in {"ERROR", "FATAL"})] == []


def test_traces_have_15_to_30_lines(entries: list[Emitted]) -> None:
    """Thirteen of the sixteen faults have a trace, each of realistic length."""
    found = traces(entries)
    assert {entry.truth for entry, lines in found if not 15 <= len(lines) <= 30} == set()
    assert len({entry.truth for entry, _ in found}) == 13


def test_a_fault_varies_in_everything_but_its_frames(entries: list[Emitted]) -> None:
    """Messages, line numbers and lambda numbers differ; the exception types and frames of a fault do not."""
    texts: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, set[str]] = defaultdict(set)
    frames: dict[str, set[str]] = defaultdict(set)
    for entry, lines in traces(entries):
        if entry.truth is None:
            continue
        texts[entry.truth].add(entry.text)
        own = [line for line in lines if line.lstrip().startswith(("at kr.co.moamall.", 'File "/app/'))]
        numbers[entry.truth].add("\n".join(own))
        frames[entry.truth].add("\n".join(re.sub(r"\$\d+|0x[0-9a-f]+|:\d+\)|line \d+|~\[.*", "", line) for line in own))
    assert {fault: len(seen) for fault, seen in frames.items()} == dict.fromkeys(frames, 1)
    assert {fault for fault, seen in texts.items() if len(seen) < 10} == set()
    assert {fault for fault, seen in numbers.items() if len(seen) > 1} >= {
        "deadlock/inventory",
        "upstream-timeout/payment",
    }


def test_a_cascade_shares_trace_and_request_values(entries: list[Emitted]) -> None:
    """Redis refused in inventory is seen in checkout and the gateway under the same trace id, in that order."""
    chains: dict[str, list[str]] = defaultdict(list)
    for entry in entries[:19_000]:
        if entry.scenario == "redis-refused":
            chains[entry.trace_id].append(entry.service)
    assert {tuple(chain) for chain in chains.values()} == {("inventory", "checkout", "gateway")}


def test_a_fault_of_a_deploy_carries_the_new_version(entries: list[Emitted]) -> None:
    """The KeyError in catalog is never reported by a pod of the version before."""
    versions = {entry.pod.version for entry in entries if entry.truth == "null-after-deploy/catalog"}
    assert versions == {"4.1.0"}
    assert {entry.pod.version for entry in entries if entry.service == "catalog"} == {"4.0.6", "4.1.0"}


def test_planted_values_stand_in_the_text(entries: list[Emitted]) -> None:
    """What an entry claims to have planted can be searched for; alarming entries hold some of it."""
    assert [entry.source for entry in entries if any(value not in entry.text for value in entry.planted)] == []
    assert sum(1 for entry in entries if entry.level in {"WARN", "ERROR", "FATAL"} and entry.planted) > 100


def test_messages_are_english_and_korean(entries: list[Emitted]) -> None:
    """Both languages occur, among errors too."""
    korean = re.compile("[가-힣]")
    assert {bool(korean.search(e.message)) for e in entries if e.level == "ERROR"} == {True, False}


@pytest.mark.parametrize(("rate", "start_ts"), [(0, 0), (-5, 0), (float("nan"), 0), (1, -1), (1, float("inf"))])
def test_unusable_numbers_are_refused(rate: float, start_ts: float) -> None:
    """The error names the argument that is wrong."""
    with pytest.raises(ValueError, match="start_ts is" if rate == 1 else "rate is"):
        LogGenerator(seed=1, rate=rate, start_ts=start_ts)


def test_without_faker_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faker is in an extra; who lacks it learns the command."""
    monkeypatch.setitem(sys.modules, "faker", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'cali[demo]'")):
        LogGenerator(seed=1, rate=1, start_ts=0)
