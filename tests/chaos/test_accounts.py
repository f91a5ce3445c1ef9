"""The accounting finds what is wrong: a harness that cannot fail proves nothing."""

from collections import Counter

import pytest
from harness.accounts import Evidence, problems
from harness.feeder import Put
from harness.records import Made

PUT = [
    Put("shard", "1", Made(b"info")),
    Put("shard", "2", Made(b"bad", rejected=((0, "cut_off"),))),
    Put("shard", "3", Made(b"two", (0, 1), faults=("AmberAnchor", "DustyAnchor"))),
]


def whole() -> Evidence:
    """What a run without a mistake leaves."""
    return Evidence(
        archived=Counter({(one.shard, one.sequence, one.made.raw): 1 for one in PUT}),
        dead=Counter({(("shard", "2", 0), "cut_off"): 1}),
        indexed=Counter({"shard-3-0": 1, "shard-3-1": 1}),
        said="AmberAnchorException DustyAnchorException",
        told=Counter({"a": 1, "b": 1}),
    )


def test_books_that_balance_have_no_problem() -> None:
    """Everything once: nothing to say."""
    assert [] == problems(PUT, whole(), bot=True)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("archived", Counter({("shard", "1", b"info"): 1}), "archive: 2 missing of 3"),
        ("dead", Counter({(("shard", "2", 0), "cut_off"): 2}), "dead letters: 1 surplus of 1"),
        ("dead", Counter({(("shard", "2", 0), "not_json"): 1}), "dead letters: 1 missing of 1"),
        ("indexed", Counter({"shard-3-0": 2, "shard-3-1": 1}), "index: 1 surplus of 2"),
        ("notes", Counter({"possible_loss": 1}), "possible loss or refusals"),
        ("said", "AmberAnchorException", "faults unannounced: 1: ['DustyAnchor']"),
        ("told", Counter({"a": 2}), "alerts posted twice: 1"),
        ("statuses", Counter({"dead": 1}), "alerts given up: 1"),
        ("refused", ["no_text"], "messages that Slack refused"),
    ],
)
def test_each_mistake_is_told(field: str, value: object, says: str) -> None:
    """A lost, doubled, misjudged, untold or repeated item is found and named."""
    found = whole()
    setattr(found, field, value)

    assert says == problems(PUT, found, bot=True)[0][: len(says)]


def test_a_webhook_may_repeat() -> None:
    """Without a bot token nobody can ask Slack what it took: a repeated message is no mistake."""
    found = whole()
    found.told["a"] = 2

    assert [] == problems(PUT, found, bot=False)


def test_of_two_copies_one_is_enough() -> None:
    """What was sent twice may be in the index once or twice, never not at all."""
    sent = Made(b"timed", (0,), own_time=True)
    put = [Put("shard", "1", sent), Put("shard", "2", sent)]
    archived = Counter({("shard", "1", b"timed"): 1, ("shard", "2", b"timed"): 1})
    indexed = [Counter[str](), Counter({"shard-2-0": 1}), Counter({"shard-1-0": 1, "shard-2-0": 1})]
    found = [len(problems(put, Evidence(archived=archived, indexed=some), bot=True)) for some in indexed]

    assert [1, 0, 0] == found
