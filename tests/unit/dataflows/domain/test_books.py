"""The books: balanced in any order, drift when something is missing, memory that is bounded."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.alerts import Alert
from dataflows.domain.books import (
    BY_MINUTE,
    PAGES,
    QUIET_LOOKS,
    TELL_S,
    Account,
    Books,
    Drift,
    Identity,
    due,
    minute_of,
)

MINUTE = 29_916_667
A = Account


def read_whole(books: Books, minute: int, *, archived: int = 10, taken: int = 2, dead: int = 2) -> None:
    """A batch of ten records, as many pieces, two of them alarming, one rejected, after one gap in the stream."""
    books.enter(minute, ((A.READ, 10),))
    books.enter(minute, ((A.UNPACKED, 10), (A.ALARMING, 2), (A.BELOW, 7), (A.REJECTED, 1), (A.LOST, 1)))
    books.enter(minute, ((A.ARCHIVED, archived),))
    books.enter(minute, ((A.TAKEN, taken),))
    books.enter(minute, ((A.DEAD, dead),))


def test_what_balances_is_closed_and_forgotten() -> None:
    """A minute that is balanced and quiet for a look is counted once and takes no memory."""
    books = Books(BY_MINUTE)
    read_whole(books, MINUTE)
    looks = [books.look() for _ in range(4)]
    assert ([0, 1, 0, 0], []) == ([look.balanced for look in looks], [drift for look in looks for drift in look.drifts])
    assert {} == books._pages


@pytest.mark.parametrize(
    ("missing", "identity", "left", "right", "terms"),
    [
        ({"archived": 9}, Identity.ARCHIVE, 10, 9, "10 read, but 9 archived"),
        ({"taken": 0}, Identity.INDEX, 2, 0, "2 alarming, but 0 taken by the index"),
        ({"dead": 1}, Identity.DEAD_LETTERS, 2, 1, "1 rejected + 1 gaps, but 1 dead letters"),
        ({"archived": 11}, Identity.ARCHIVE, 10, 11, "10 read, but 11 archived"),
    ],
)
def test_what_is_missing_is_drift_once(
    missing: dict[str, int], identity: Identity, left: int, right: int, terms: str
) -> None:
    """It is told exactly at the look that ends the grace, with both figures, and never again."""
    books = Books(BY_MINUTE)
    read_whole(books, MINUTE, **missing)
    looks = [books.look() for _ in range(QUIET_LOOKS + 3)]
    expected = [[]] * (QUIET_LOOKS - 1) + [[Drift(identity, MINUTE, left, right, terms)]] + [[]] * 3
    assert expected == [look.drifts for look in looks]
    assert (0, 1) == (sum(look.balanced for look in looks), sum(look.drifted for look in looks))


def test_an_entry_begins_the_grace_anew() -> None:
    """A hand-over that takes long is no drift while anything of its minute still moves."""
    books = Books(BY_MINUTE)
    books.enter(MINUTE, ((A.READ, 3),))
    for _ in range(3):
        assert all(not books.look().drifts for _ in range(QUIET_LOOKS - 1))
        books.enter(MINUTE, ((A.ARCHIVED, 1),))
    looks = [books.look() for _ in range(3)]
    assert (1, []) == (sum(look.balanced for look in looks), [drift for look in looks for drift in look.drifts])


@given(
    st.lists(st.tuples(st.integers(0, 3 * PAGES), st.integers(0, 5), st.integers(0, 5)), max_size=30),
    st.randoms(use_true_random=False),
    st.sets(st.integers(0, 29)),
)
def test_any_order_balances_and_any_loss_is_found(
    batches: list[tuple[int, int, int]], random: object, lost: set[int]
) -> None:
    """Batches in flight at once, looks between their entries, minutes that share a page: what is lost is told exactly.

    Entries of one batch stay in order; between batches any order is possible.
    """
    books = Books(BY_MINUTE)
    queues = []
    for number, (minute, below, alarming) in enumerate(batches):
        pieces = below + alarming
        queue = [((A.READ, pieces),), ((A.UNPACKED, pieces), (A.ALARMING, alarming), (A.BELOW, below))]
        tail = [((A.TAKEN, alarming),), ((A.ARCHIVED, 0 if number in lost else pieces),)]
        queues.append((minute, [*queue, *tail]))
    missing = Counter({"records": sum(b + a for n, (_, b, a) in enumerate(batches) if n in lost)})
    looks = []
    while queues:
        minute, queue = queues[random.randrange(len(queues))]  # type: ignore[attr-defined] # hypothesis gives a Random
        books.enter(minute, queue.pop(0))
        queues = [entry for entry in queues if entry[1]]
        if random.random() < 0.02:  # type: ignore[attr-defined] # likewise; far less often than the grace allows
            looks.append(books.look())
            for page in books._pages.values():
                page.quiet = min(page.quiet, 1)  # the grace is longer than any hand-over
        assert len(books._pages) <= PAGES
    looks.append(books.close())
    drifts = [drift for look in looks for drift in look.drifts]
    assert missing["records"] == sum(drift.left - drift.right for drift in drifts)
    assert {Identity.ARCHIVE} >= {drift.identity for drift in drifts}


def test_a_new_process_begins_with_empty_books() -> None:
    """What a dead process had read and not archived is read again, and booked on both sides by the next one."""
    dead = Books(BY_MINUTE)
    dead.enter(MINUTE, ((A.READ, 10),))
    resumed = Books(BY_MINUTE)
    read_whole(resumed, MINUTE)
    assert [] == resumed.close().drifts


def test_without_identities_nothing_is_kept() -> None:
    """With several processes no single one can balance."""
    books = Books()
    books.enter(MINUTE, ((A.READ, 1),))
    assert ({}, (0, 0, []), False) == (books._pages, tuple(books.close()), books.kept)


def test_what_stands_is_told_when_it_changes() -> None:
    """An identity that holds at any instant is looked at each time; a difference that stays is told once."""
    figures = [(5, 5), (9, 8), (12, 11), (13, 10)]
    seen = iter(figures)
    books = Books()
    books.stand(Identity.SEARCH, lambda: next(seen))
    told = [[(drift.left, drift.right) for drift in books.look().drifts] for _ in figures]
    assert [[], [(9, 8)], [], [(13, 10)]] == told


def test_the_alert_is_about_cali_and_says_what_to_do() -> None:
    """It names the identity, the minute and both figures; its id is that of the minute."""
    drift = Drift(Identity.ARCHIVE, MINUTE, 1000, 900, "1000 read, but 900 archived")
    alert, other = drift.alert(0.0), drift._replace(minute=MINUTE + 1).alert(0.0)
    assert set(Alert.__required_keys__) == set(alert)
    assert ("cali", "critical", "FATAL", 100, MINUTE * 60.0) == (
        alert["service"],
        alert["severity"],
        alert["level"],
        alert["count"],
        alert["window_start"],
    )
    assert "do not balance (archive): 1000 read, but 900 archived, in the minute of arrival 2026-11-18" in alert["text"]
    assert "Kinesis until its retention ends" in alert["text"]
    assert (alert["fingerprint"], False) == (other["fingerprint"], alert["id"] == other["id"])


def test_every_identity_has_an_alert_of_its_own() -> None:
    """Fingerprints differ, so one silence does not hide another; without a minute it is that of the finding."""
    alerts = [Drift(identity, 0, 2, 1, "2 against 1").alert(1_795_000_030.0) for identity in Identity]
    assert (len(Identity), {1_795_000_020.0}) == (
        len({alert["fingerprint"] for alert in alerts}),
        {alert["window_start"] for alert in alerts},
    )


def test_one_alert_an_hour_for_each_identity() -> None:
    """Exactly at the hour it may be told again; another identity is not held back."""
    told: dict[str, float] = {Identity.ARCHIVE.value: 100.0}
    asked = [(Identity.ARCHIVE, 99 + TELL_S), (Identity.ARCHIVE, 100 + TELL_S), (Identity.INDEX, 101.0)]
    assert [False, True, True] == [due(told, identity, now) for identity, now in asked]


def test_the_minute_of_a_batch_is_that_of_its_last_record() -> None:
    """All that is booked of a batch agrees on it; a batch that only tells of a gap has none."""
    assert [MINUTE, MINUTE + 1, 0] == [
        minute_of(arrivals) for arrivals in ([MINUTE * 60.0 + 59.9], [MINUTE * 60.0, MINUTE * 60.0 + 60], [])
    ]


def test_pages_far_apart_are_apart() -> None:
    """Neighbouring minutes never share a page, so a drift names its minute."""
    numbers = [(MINUTE + n) % PAGES for n in range(PAGES)]
    assert (PAGES, True) == (len(set(numbers)), all(a != b for a, b in pairwise(numbers)))
