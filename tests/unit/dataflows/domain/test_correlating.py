"""Across faults: silences, cascades, a channel's bounds, and digests that name everything."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.domain.alerts import Alert
from dataflows.domain.correlating import Correlator, Guard
from dataflows.domain.rules import NO_RULES, Silence

Make = Callable[..., Alert]
NOW = 1_000_020.0
"""The start of a minute."""
WEBHOOK = Guard(per_minute=3, gather_s=10.0, digest_lines=4, fold=True, threads=False, tell_resolved=True)
BOT = WEBHOOK._replace(threads=True)
END = float("inf")
IDS = {"trace_id": "4bf92f3577b3"}


class Silenced:
    """Rules with one silence, over service `web`, until a time."""

    def __init__(self, until: float) -> None:
        self.until = until

    def silenced(self, subject: Any, verdict: Any, now: float) -> Silence | None:
        """By service and time."""
        del verdict
        return Silence("s1", self.until, "jiho", "deploy") if subject.service == "web" and now < self.until else None


@pytest.fixture
def board() -> Correlator:
    """Nothing seen; three messages a minute."""
    return Correlator(None, WEBHOOK)


def see(board: Correlator, *alerts: Alert, now: float = NOW, rules: Any = NO_RULES) -> list[Alert]:
    """What comes out at once."""
    return [out for alert in alerts for out in board.see(alert, now, rules)]


def short(alerts: list[Alert]) -> list[tuple[str, str]]:
    """Fault and what it is told as."""
    return [(f"{a['fingerprint']}:{a['service']}", a["held"] or a["reason"]) for a in alerts]


def test_news_passes_at_once(board: Correlator, make_told: Make) -> None:
    """An opening and an escalation go out as they come."""
    out = see(board, make_told("a:api"), make_told("b:api", "escalated"))
    assert [("a:api", "first"), ("b:api", "escalated")] == short(out)
    assert None is board.next_due


def test_a_storm_becomes_a_digest_that_names_all(board: Correlator, make_told: Make) -> None:
    """Beyond the bound of the minute openings are held, and told together as the next minute begins; none is hidden."""
    out = see(board, *(make_told(f"{n:02d}:api") for n in range(9)), now=NOW + 1)
    assert ["first"] * 3 + ["held_storm"] * 6 == [reason for _, reason in short(out)]
    assert NOW + 60 == board.next_due
    assert [] == board.release(NOW + 59.9)
    digests = board.release(NOW + 60)
    assert [4, 2] == [len(digest["lines"]) for digest in digests]
    assert [f"{n:02d}" for n in range(3, 9)] == [line["fingerprint"] for digest in digests for line in digest["lines"]]
    assert {("digest", "", True)} == {(d["reason"], d["text"], d["explained"]) for d in digests}
    assert None is board.next_due


def test_one_that_waited_alone_is_a_card(board: Correlator, make_told: Make) -> None:
    """A digest of one would say less than the card of its alert."""
    see(board, *(make_told(f"{n}:api") for n in range(4)))
    (only,) = board.release(NOW + 60)
    assert ([("3:api", "first")], "boom 7") == (short([only]), only["text"])


def test_the_bound_is_each_channels_own(board: Correlator, make_told: Make) -> None:
    """A storm in one channel holds nothing in another; a new minute has new room."""
    out = see(board, *(make_told(f"{n}:api", channel="#a") for n in range(4)), make_told("x:api", channel="#b"))
    assert ["first", "first", "first", "held_storm", "first"] == [reason for _, reason in short(out)]
    assert [("y:api", "first")] == short(see(board, make_told("y:api", channel="#a"), now=NOW + 60))


def test_summaries_that_come_together_are_one_digest(board: Correlator, make_told: Make) -> None:
    """Windows close together: one message, the gravest first; a summary by itself stays a card of its own."""
    summaries = [make_told(f"{n}:api", "summary", count=n) for n in range(1, 4)]
    grave = make_told("f:pay", "summary", severity="critical")
    assert [] == see(board, *summaries, grave)
    *held, digest = board.release(NOW + 10)
    assert ["held_storm"] * 4 == [reason for _, reason in short(held)]
    assert ["f", "3", "2", "1"] == [line["fingerprint"] for line in digest["lines"]]
    assert (7, digest["id"]) == (digest["count"], f"digest::{digest['id'].rsplit(':', 1)[1]}")
    assert [] == see(board, summaries[0], now=NOW + 60)
    assert [("1:api", "summary")] == short(board.release(NOW + 70))


def test_the_same_alerts_make_the_same_digest(make_told: Make) -> None:
    """In whatever order they come: the ledger knows a digest by its id."""
    summaries = [make_told(f"{n}:api", "summary") for n in range(3)]
    ids = []
    for order in (summaries, summaries[::-1]):
        board = Correlator(None, WEBHOOK)
        see(board, *order)
        ids.append(board.release(NOW + 10)[-1]["id"])
    assert ids[0] == ids[1]


def test_with_threads_summaries_pass(make_told: Make) -> None:
    """They go under their card, which makes no message; those of a fault that a digest announced have no card."""
    board = Correlator(None, BOT)
    see(board, make_told("a:api"))
    assert [("a:api", "summary")] == short(see(board, make_told("a:api", "summary")))
    see(board, *(make_told(f"{n}:api") for n in range(6)))
    board.release(NOW + 60)
    assert [] == see(board, make_told("5:api", "summary", now=0), now=NOW + 300)
    assert [("5:api", "summary")] == short(board.release(NOW + 310))


def test_what_is_silenced_is_held_until_the_silence_ends(board: Correlator, make_told: Make) -> None:
    """A silence holds everything of the faults it covers, in the history only; after it they are told."""
    rules = Silenced(NOW + 5)
    out = see(board, make_told("a:web"), make_told("a:web", "escalated"), make_told("a:api"), rules=rules)
    assert [("a:web", "held_silenced")] * 2 + [("a:api", "first")] == short(out)
    assert {True} == {alert["explained"] for alert in out[:2]}
    assert [("a:web", "escalated")] == short(see(board, make_told("a:web", "escalated"), now=NOW + 5, rules=rules))


def test_a_known_fault_that_follows_from_another_joins_it(make_told: Make) -> None:
    """The second fault of a trace is told in the first one's thread; so is what it says later."""
    board = Correlator(None, BOT)
    root = make_told("root:stock", trace_id="4bf92f3577b3", template="stock is gone")
    child = make_told("child:cart", "regressed", trace_id="4bf92f3577b3")
    out = see(board, root, child, make_told("child:cart", "summary", opening=child["opening"]))
    assert ["", root["id"], root["id"]] == [alert["parent"] for alert in out]
    assert "stock: stock is gone" == out[1]["follows"]


def test_with_a_webhook_what_follows_is_a_line(board: Correlator, make_told: Make) -> None:
    """Without threads a known fault that follows is a line of the next digest, and held by itself."""
    out = see(
        board,
        make_told("root:stock", trace_id="4bf92f3577b3"),
        make_told("child:cart", "regressed", trace_id="4bf92f3577b3"),
    )
    assert [("root:stock", "first"), ("child:cart", "held_cascade")] == short(out)
    see(board, make_told("other:api", "summary"))
    assert {"child", "other"} == {line["fingerprint"] for line in board.release(NOW + 10)[-1]["lines"]}


def test_a_fault_never_seen_before_is_always_told_by_itself(board: Correlator, make_told: Make) -> None:
    """It says what it seems to follow from, and hides nowhere."""
    root, child = make_told("root:stock", request_id="req-81a7c2"), make_told("child:cart", request_id="req-81a7c2")
    out = see(board, root, child)
    assert [("root:stock", "first"), ("child:cart", "first")] == short(out)
    assert ("", root["opening"]) == (out[0]["parent"], out[1]["parent"])


def test_a_cascade_joins_its_first_fault(board: Correlator, make_told: Make) -> None:
    """Of four services that share a trace all point to the first, not to each other."""
    services = ("db-proxy", "inventory", "checkout", "gateway")
    out = see(board, *(make_told(f"f:{name}", trace_id="4bf92f3577b3") for name in services[:3]), now=NOW)
    out += see(board, make_told("f:gateway", trace_id="4bf92f3577b3"), now=NOW + 60)
    assert ["", *[out[0]["opening"]] * 3] == [alert["parent"] for alert in out]


def test_a_trace_is_no_relation_for_ever(board: Correlator, make_told: Make) -> None:
    """After a minute the same id relates nothing: some systems give one to a whole job."""
    see(board, make_told("root:stock", trace_id="4bf92f3577b3"))
    (alone,) = see(board, make_told("child:cart", trace_id="4bf92f3577b3"), now=NOW + 61)
    assert "" == alone["parent"]


@pytest.mark.parametrize("name", ["-", "null", "N/A", "unknown", "00000000000000000000000000000000", "--------"])
def test_a_placeholder_relates_nothing(board: Correlator, make_told: Make, name: str) -> None:
    """Where there is no id a library writes the same word into every record."""
    out = see(board, make_told("a:stock", trace_id=name), make_told("b:cart", trace_id=name))
    assert ["", ""] == [alert["parent"] for alert in out]


def test_a_cascade_stays_in_its_channel(board: Correlator, make_told: Make) -> None:
    """Another team's channel must not be where a fault is told."""
    ids = {"trace_id": "4bf92f3577b3"}
    out = see(board, make_told("a:x", channel="#a", **ids), make_told("b:y", "regressed", channel="#b", **ids))
    assert [("a:x", "first"), ("b:y", "regressed")] == short(out)


def test_a_fault_with_a_card_of_its_own_keeps_to_it(make_told: Make) -> None:
    """A later window of a known fault is told under its own card, not under another fault's."""
    board = Correlator(None, BOT)
    ids = {"trace_id": "4bf92f3577b3"}
    out = see(board, make_told("root:stock", **ids), make_told("own:cart", "new_window", **ids))
    assert ["", ""] == [alert["parent"] for alert in out]


def test_children_of_a_fault_without_a_card_pass_the_guard(make_told: Make) -> None:
    """Their thread does not exist: they would be messages of their own, as many as they are."""
    board = Correlator(None, BOT)
    ids = {"trace_id": "4bf92f3577b3"}
    see(board, *(make_told(f"{n}:api") for n in range(3)), make_told("root:stock", **ids))
    out = see(board, *(make_told(f"c{n}:cart", "regressed", **ids) for n in range(20)))
    assert {"held_cascade"} == {reason for _, reason in short(out)}


def test_a_critical_fault_has_room(board: Correlator, make_told: Make) -> None:
    """Warnings fill the minute; what is critical still goes out at once, up to twice the bound."""
    see(board, *(make_told(f"{n}:api", severity="warning") for n in range(3)))
    out = see(board, *(make_told(f"c{n}:api", severity="critical") for n in range(4)))
    assert ["first", "first", "first", "held_storm"] == [reason for _, reason in short(out)]


def test_a_clock_that_is_set_back_holds_nothing(board: Correlator, make_told: Make) -> None:
    """The minute that was full is another one now."""
    see(board, *(make_told(f"{n}:api") for n in range(4)))
    assert [("x:api", "first")] == short(see(board, make_told("x:api"), now=NOW - 7_200))


def test_folding_can_be_off(make_told: Make) -> None:
    """Then nothing is related."""
    board = Correlator(None, WEBHOOK._replace(fold=False))
    out = see(
        board,
        make_told("root:stock", trace_id="4bf92f3577b3"),
        make_told("child:cart", "regressed", trace_id="4bf92f3577b3"),
    )
    assert ["", ""] == [alert["parent"] for alert in out]


def place(*versions: str) -> dict[str, Any]:
    """Versions that a fault was seen in."""
    return {"place": {"pods": [], "versions": list(versions), "nodes": []}}


def test_a_new_fault_is_told_to_have_come_with_a_new_version(board: Correlator, make_told: Make) -> None:
    """Only if the service was known with another version, and this one appeared shortly before."""
    see(board, make_told("a:api", **place("1.0")))
    (new,) = see(board, make_told("b:api", **place("1.1")), now=NOW + 3_600)
    (later,) = see(board, make_told("c:api", **place("1.1")), now=NOW + 3_600 + 7_200)
    (old,) = see(board, make_told("d:api", **place("1.0")), now=NOW + 3_700)
    (other,) = see(board, make_told("e:web", **place("7")), now=NOW + 3_700)
    assert ["1.1", "", "", ""] == [alert["started_with"] for alert in (new, later, old, other)]


def test_resolutions_may_be_untold(make_told: Make) -> None:
    """By setting; but one that has something untold is told."""
    board = Correlator(None, BOT._replace(tell_resolved=False))
    see(board, make_told("b:api"))
    out = see(board, make_told("a:api", "resolved", count=0), make_told("b:api", "resolved", count=2))
    assert ["held_quiet", "resolved"] == [reason for _, reason in short(out)]


def test_a_crash_and_a_resume_change_nothing(make_told: Make, assert_plain: Callable[[object], None]) -> None:
    """State is plain, a copy, and the resumed one goes on as the first would."""
    board = Correlator(None, WEBHOOK)
    see(board, *(make_told(f"{n}:api", trace_id=f"4bf92f35{n}", **place("1")) for n in range(6)))
    state = board.state()
    assert_plain(state)
    frozen = pickle.dumps(state)
    resumed = Correlator(pickle.loads(frozen), WEBHOOK)  # noqa: S301 - our own bytes
    outs = []
    for each in (board, resumed):
        out = see(each, make_told("z:api", "regressed", trace_id="4bf92f350"), now=NOW + 30)
        outs.append([*out, *each.release(NOW + 60)])
    assert (outs[0], frozen) == (outs[1], pickle.dumps(state))
    assert board.state() == resumed.state()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["first", "summary", "resolved", "escalated"]))),
    st.integers(1, 5),
)
def test_every_alert_is_named_once(make_told: Make, events: list[tuple[int, str]], per_minute: int) -> None:
    """Whatever comes, each alert is a message of its own or a line of exactly one digest."""
    board = Correlator(None, WEBHOOK._replace(per_minute=per_minute))
    out, now, given_ids = [], NOW, []
    for n, (pause, reason) in enumerate(events):
        now += pause
        out += board.release(now)
        alert = make_told(f"{n}:api", reason, count=1)
        given_ids.append(alert["id"])
        out += board.see(alert, now, NO_RULES)
    out += board.release(END)
    told = [line["id"] for alert in out for line in alert["lines"]]
    told += [alert["id"] for alert in out if not alert["held"] and alert["reason"] != "digest"]
    assert sorted(given_ids) == sorted(told)


@pytest.mark.parametrize(("back_s", "due"), [(0.0, NOW + 60), (10.0, NOW + 50), (86_400.0, NOW - 86_400 + 60)])
def test_a_clock_that_was_set_back_holds_no_digest_for_a_day(make_told: Make, back_s: float, due: float) -> None:
    """What waits for the minute's end waits a minute at most by the clock as it is now."""
    board = Correlator(None, WEBHOOK)
    see(board, *(make_told(f"{n}:api") for n in range(6)))
    resumed = Correlator(board.state(), WEBHOOK, NOW - back_s)

    assert due == resumed.next_due
    assert ["digest"] == [reason for _, reason in short(resumed.release(due)) if reason != "held_storm"]
