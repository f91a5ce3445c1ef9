"""What throttling keeps: bounded, small, plain data that a crash and a resume do not change."""

import pickle
from collections.abc import Callable

from fault_life import END, HOUR, LENGTH, POLICY, Life, Make, W

from dataflows.domain.alerts import MAX_PLACES


def test_places_are_listed_once_and_bounded(life: Life, make_sighting: Make) -> None:
    """Pods are listed in order of appearance, each once, at most `MAX_PLACES`, and never an empty name."""
    pods = ["", *(f"api-{n % 15}" for n in range(30))]
    life.see(*(make_sighting(W, pod=pod, node="") for pod in pods))
    life.pass_to(END)
    place = life.alerts[-1]["place"]
    assert ([f"api-{n}" for n in range(MAX_PLACES)], ["1.0"], []) == (place["pods"], place["versions"], place["nodes"])


def test_too_many_faults_cut_the_oldest_short(make_sighting: Make) -> None:
    """Beyond the bound the fault that is due next is told, counted and remembered: it does not come as new."""
    life = Life(POLICY._replace(max_live=2, max_gone=2))
    life.see(make_sighting(W, fault="a:api"), make_sighting(W, fault="a:api"))
    life.see(make_sighting(W + 1.5, fault="b:api"), now=W + 2)
    assert [("summary", 1), ("first", 1)] == life.see(make_sighting(W + 2, fault="c:api"))
    assert (2, 1) == (len(life.bucket), life.evicted)
    assert [] == life.see(make_sighting(W + 3, fault="a:api"))
    assert [("regressed", 1)] == life.see(make_sighting(W + LENGTH, fault="a:api"))[-1:]


def test_a_crash_and_a_resume_change_nothing(
    life: Life, make_sighting: Make, assert_plain: Callable[[object], None]
) -> None:
    """State round-trips through pickle as plain data; the resumed bucket goes on as the first would."""
    life.see(make_sighting(W), make_sighting(W + 1, pod="api-2"), make_sighting(W, fault="g:api"))
    life.pass_to(W + HOUR)
    life.see(make_sighting(W + HOUR))
    state = life.bucket.state()
    assert_plain(state)
    resumed = Life(state=pickle.loads(pickle.dumps(state)))  # noqa: S301 - our own bytes
    assert life.bucket.next_due == resumed.bucket.next_due
    for each in (life, resumed):
        each.alerts = []
        each.see(make_sighting(W + HOUR + 2), make_sighting(W + HOUR + 3, fault="g:api"))
        each.pass_to(W + 2 * HOUR)
    assert life.alerts == resumed.alerts
    assert life.bucket.state() == resumed.bucket.state()


def test_a_snapshot_is_a_copy(life: Life, make_sighting: Make) -> None:
    """The snapshot is pickled later: what happens meanwhile must not be in it."""
    life.see(make_sighting(W))
    state = life.bucket.state()
    before = pickle.dumps(state)
    life.see(make_sighting(W, pod="api-2", version="2"), make_sighting(W, fault="new:api"))
    life.pass_to(W + HOUR)
    assert before == pickle.dumps(state)


def test_a_fault_is_small(make_sighting: Make) -> None:
    """A live fault with full places and a long past takes at most 400 bytes of state on average; a resolved one 80."""
    life = Life(POLICY._replace(max_live=5_000, max_gone=5_000))
    for n in range(2_000):
        name = f"{n:016x}:checkout-service"
        template = f"Failed to reserve stock for order <*>: upstream inventory answered <*> after <*> ms, attempt {n}"
        seen = make_sighting(
            W, fault=name, pod=f"checkout-service-7d9f{n % 50}", node=f"ip-10-0-{n % 9}.ec2", template=template
        )
        life.see(*(seen._replace(event_ts=W + window * LENGTH, pod=f"{seen.pod}-{window}") for window in range(2)))
    live = len(pickle.dumps(life.bucket.state())) / 2_000
    life.pass_to(W + 4 * HOUR)
    gone = len(pickle.dumps(life.bucket.state())) / 2_000
    assert (True, True) == (live <= 400, gone <= 80), (live, gone)
