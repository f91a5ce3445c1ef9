"""What the benchmarks lean on: a canned Kinesis that gives what it says, right figures, runbooks that repeat."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from connectors.kinesis import fast_parser

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def _module(name: str) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        before = set(sys.modules)
        yield importlib.import_module(name)
        for added in set(sys.modules) - before:
            if str(BENCHMARKS) in str(getattr(sys.modules[added], "__file__", None)):
                del sys.modules[added]


@pytest.fixture(scope="module")
def canned() -> Iterator[ModuleType]:
    """The canned Kinesis, as a module; it lies in no package."""
    yield from _module("kinesis_canned")


@pytest.fixture(scope="module")
def rules() -> Iterator[ModuleType]:
    """The measure of grouping."""
    yield from _module("fingerprint_rules")


@pytest.fixture(scope="module")
def rival() -> Iterator[ModuleType]:
    """The line between a rival and its table."""
    yield from _module("rival")


@pytest.fixture(scope="module")
def knowledge() -> Iterator[ModuleType]:
    """The knowledge bases."""
    pytest.importorskip("faker", reason="needs the extra 'demo'")
    yield from _module("knowledge")


@pytest.mark.parametrize("size", [400, 1000])
def test_canned_kinesis_gives_every_record_once(canned: ModuleType, size: int) -> None:
    """All pages of a shard hold its records in order, each of the size asked for; then answers are empty."""
    server = canned.Canned(2 * canned.SHARDS * canned.PAGE, size)
    iterator = json.loads(b"".join(server.answer("getsharditerator", {"ShardId": "shardId-000000000003"})))
    sequences: list[int] = []
    sizes = set()
    following, answers = iterator["ShardIterator"], []
    for _ in range(3):
        body = b"".join(server.answer("getrecords", {"ShardIterator": following}))
        answer = fast_parser._decode(body)
        sequences += [int(record.sequence_number) for record in answer.records]
        sizes |= {len(record.data) for record in answer.records}
        following = answer.next_shard_iterator
        answers.append((len(answer.records), answer.millis_behind_latest))
    assert [(canned.PAGE, 1000), (canned.PAGE, 0), (0, 0)] == answers
    assert sorted(set(sequences)) == sequences
    assert {size} == sizes


def test_accuracy_is_as_logpai_defines_it(rules: ModuleType) -> None:
    """A line is right if its group holds all lines of its truth and no other; F1 is over groups."""
    truths = ["a", "a", "b", "b", "c"]
    assert (1.0, 1.0) == rules.accuracy([1, 1, 2, 2, 3], truths)
    grouping, f1 = rules.accuracy([1, 1, 2, 4, 3], truths)
    assert 3 / 5 == grouping
    assert 2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3) == pytest.approx(f1)


def test_quantiles_are_of_the_sorted_figures_in_milliseconds(rival: ModuleType) -> None:
    """The median of 1 to 100 ms is 51 ms (the upper of two), the 95th percentile 96 ms."""
    taken = [{"cpu_s": n / 1000, "wall_s": n / 100} for n in range(100, 0, -1)]
    told = rival.quantiles(taken)
    expected = {"cpu_ms_p50": 51.0, "cpu_ms_p95": 96.0, "wall_ms_p50": 510.0, "wall_ms_p95": 960.0}
    assert expected == pytest.approx(told)


def test_enlarged_knowledge_base_repeats_and_has_no_id_twice(knowledge: ModuleType) -> None:
    """The samples come first, then variations, until there are enough sections; the same every time."""
    made = knowledge.enlarged(300)
    assert knowledge.enlarged(300) == made
    samples = knowledge.samples()
    assert samples == made[: len(samples)]
    assert 300 <= knowledge.sections(made) < 320
    assert len(made) == len({document.doc_id for document in made})


def test_rival_that_fails_says_why(rival: ModuleType) -> None:
    """The end of its error is in ours."""
    with pytest.raises(RuntimeError, match=r"no_such\.py failed: .*No such file"):
        rival.ask("no_such.py", python=sys.executable)
