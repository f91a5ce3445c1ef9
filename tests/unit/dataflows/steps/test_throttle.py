"""The throttle as an operator: its clock, its end of input and its state."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import pytest

from dataflows.domain.alerts import Sighting
from dataflows.domain.rules import NO_RULES, Rules
from dataflows.steps.alarming import Alarm
from dataflows.steps.clock import EventClock
from dataflows.steps.throttle import BUCKETS, WindowConfig, _by_bucket, _ThrottleLogic, bucket_of
from dataflows.steps.triage import AlarmingBatch

Make = Callable[..., Sighting]
CONFIG = WindowConfig(length_s=300, grace_s=5)
NOW = 1_000_000.0


class NoRules:
    """No rules, for ever."""

    def current(self) -> Rules:
        """None."""
        return NO_RULES


def test_a_bucket_is_fixed_by_the_fingerprint() -> None:
    """The state key depends on the fingerprint only, is one of 64 and is never Python's own hash."""
    assert {f"bucket-{crc32(b'abc') % 64:02d}"} == {bucket_of("abc:api"), bucket_of("abc:web:2")}
    assert {f"bucket-{n:02d}" for n in range(BUCKETS)} == {bucket_of(f"{n}:s") for n in range(2_000)}


def test_a_batch_is_split_by_bucket(make_sighting: Make) -> None:
    """Sightings of one bucket travel together, in order, and none is lost."""
    seen = [make_sighting(NOW + n, fault=f"{n % 40}:api") for n in range(200)]
    groups = _by_bucket(AlarmingBatch("slot-00", [Alarm(sighting, b"") for sighting in seen]))
    assert sorted(seen) == sorted(sighting for _, group in groups for sighting in group)
    for key, group in groups:
        assert ({key}, sorted(group, key=lambda s: s.event_ts)) == ({bucket_of(s.fault) for s in group}, group)
    assert len(groups) == len({key for key, _ in groups})


def test_first_at_once_and_summary_on_notify(clock: Any, make_sighting: Make) -> None:
    """The first comes out of its own batch; the summary of a quiet fault comes by the clock alone."""
    logic = _ThrottleLogic(CONFIG, clock, NoRules(), False, None)
    out, discard = logic.on_batch([[make_sighting(NOW)], [make_sighting(NOW + 1)]])
    assert (["first"], False) == ([alert["reason"] for alert in out], discard)
    due = logic.notify_at()
    assert datetime.fromtimestamp(NOW + 200 + 5, UTC) == due  # 1,000,000 is 100 s into its window of 300 s
    assert ([], False) == logic.on_notify()  # a stale wake-up
    clock.time = NOW + 205
    out, discard = logic.on_notify()
    assert ([("summary", 1)], False) == ([(alert["reason"], alert["count"]) for alert in out], discard)
    assert datetime.fromtimestamp(NOW + 205 + 900, UTC) == logic.notify_at()  # then it is over


@pytest.mark.parametrize(("finish", "reasons"), [(False, []), (True, ["summary"])])
def test_the_end_of_the_input(clock: Any, make_sighting: Make, finish: bool, reasons: list[str]) -> None:  # noqa: FBT001 - a parameter
    """A drain keeps open windows in the state; the end of a replay closes them."""
    logic = _ThrottleLogic(CONFIG, clock, NoRules(), finish, None)
    logic.on_batch([[make_sighting(NOW), make_sighting(NOW)]])
    out, discard = logic.on_eof()
    left = len(logic.snapshot()["live"])
    assert (reasons, False, 0 if finish else 1) == ([alert["reason"] for alert in out], discard, left)


def test_a_crash_between_two_batches(clock: Any, make_sighting: Make, assert_plain: Callable[[object], None]) -> None:
    """After a resume the fault is not announced again, and its summary counts what came before the crash."""
    before = _ThrottleLogic(CONFIG, clock, NoRules(), False, None)
    before.on_batch([[make_sighting(NOW)] * 3])
    state = before.snapshot()
    assert_plain(state)
    after = _ThrottleLogic(CONFIG, clock, NoRules(), False, pickle.loads(pickle.dumps(state)))  # noqa: S301 - our own bytes
    after.snapshot()  # the first epoch is over
    assert before.notify_at() == after.notify_at()
    out, _ = after.on_batch([[make_sighting(NOW + 1)]])
    assert [] == list(out)
    clock.time = NOW + 10_000
    assert [(3, 4)] == [(alert["count"], alert["total"]) for alert in after.on_notify()[0]]


def test_a_replayed_batch_gives_the_same_alerts(clock: Any, make_sighting: Make) -> None:
    """The same records from the same state make the same alerts, ids and all: the ledger can tell them."""
    batch = [[make_sighting(NOW + n, fault=f"{n % 3}:api") for n in range(20)]]
    runs = [list(_ThrottleLogic(CONFIG, clock, NoRules(), False, None).on_batch(batch)[0]) for _ in range(2)]
    assert runs[0] == runs[1]


def test_in_a_replay_the_day_closes_windows(make_sighting: Make) -> None:
    """On event time a later record of another fault closes a window whose time has passed, whatever the wall says."""
    logic = _ThrottleLogic(CONFIG, EventClock(), NoRules(), True, None)
    logic.on_batch([[make_sighting(NOW), make_sighting(NOW)]])
    out, _ = logic.on_batch([[make_sighting(NOW + 3_600, fault="g:web")]])
    assert [("summary", "f"), ("first", "g")] == [(alert["reason"], alert["fingerprint"]) for alert in out]
