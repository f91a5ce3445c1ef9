"""The brake: at the limit, below it, once a minute, whatever the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.about_cali import MINUTE_S
from dataflows.domain.alerts import Alert
from dataflows.domain.brake import FINGERPRINT, Brake, DlqLimit

T0 = 1_763_764_860.0
LIMIT = DlqLimit(share=0.5, minimum=100)


@pytest.mark.parametrize(
    ("records", "bad", "told"),
    [(200, 100, True), (201, 100, False), (200, 99, False), (99, 99, False), (100, 100, True), (10**6, 10**5, False)],
)
def test_share_and_minimum(records: int, bad: int, told: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Told exactly from the share on, and from the minimum on."""
    brake = Brake(None, LIMIT)
    brake.see(T0, records, {"not_json": bad})
    assert told == (brake.close(T0 + MINUTE_S) is not None)


def test_the_alert_says_what_to_do() -> None:
    """It is loud, names the counts and the reasons, and has an id that a replay makes again."""
    brake = Brake(None, LIMIT)
    brake.see(T0 + 20, 400, {"not_json": 300, "bad_utf8": 20})
    alert = brake.close(T0 + MINUTE_S)
    assert alert is not None
    assert set(Alert.__required_keys__) == set(alert)
    assert (f"{FINGERPRINT}:cali:1763764860+60:first", "first", "critical", "FATAL", 320) == (
        alert["id"],
        alert["reason"],
        alert["severity"],
        alert["level"],
        alert["count"],
    )
    assert "320 of 400 records (80 %) were rejected within a minute: 300 not_json, 20 bad_utf8." in alert["text"]


def test_a_minute_ends_on_the_clock() -> None:
    """Nothing is told before its end, then once; the next minute counts from nothing, and an idle one is not due."""
    brake = Brake(None, LIMIT)
    assert (None, None) == (brake.due, brake.close(T0))
    assert brake.see(T0 + 59.9, 100, {"empty": 100}) is None
    assert (T0 + MINUTE_S, None) == (brake.due, brake.close(T0 + 59.99))
    later = brake.see(T0 + MINUTE_S, 1, {})
    assert later is not None
    assert (T0, None) == (later["window_start"], brake.close(T0 + 2 * MINUTE_S))


def test_a_crash_forgets_nothing() -> None:
    """Counts of the minute are in the state, and the state is a copy."""
    brake = Brake(None, LIMIT)
    brake.see(T0, 60, {"empty": 60})
    state = brake.state()
    brake.see(T0, 1_000, {})
    resumed = Brake(state, LIMIT)
    resumed.see(T0 + 1, 60, {"empty": 60})
    alert = resumed.close(T0 + MINUTE_S)
    assert alert is not None
    assert 120 == alert["count"]


@given(st.lists(st.tuples(st.floats(0, 600), st.integers(0, 50), st.integers(0, 50)), max_size=60))
def test_at_most_one_alert_a_minute(seen: list[tuple[float, int, int]]) -> None:
    """Whatever comes, however the clock jumps forward: ids of alerts are all different, and none is before its end."""
    brake, ids = Brake(None, DlqLimit(0.5, 10)), []
    for offset, records, bad in sorted(seen):
        now = T0 + offset
        alert = brake.see(now, records, {"empty": bad} if bad else {})
        if alert is not None:
            assert alert["window_end"] <= now
            ids.append(alert["id"])
    assert len(ids) == len(set(ids))


def test_a_clock_that_is_set_back_ends_the_minute() -> None:
    """What was counted is told, and the brake does not wait a day for the end of a minute that is in the future."""
    brake = Brake(None, LIMIT)
    brake.see(T0, 100, {"empty": 100})
    told = brake.see(T0 - 86_400, 1, {})

    assert told is not None
    assert T0 - 86_400 + MINUTE_S == brake.due
