"""The notebook of past incidents, and when one may be shown for another."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from rag.evals.labels import from_feedback
from rag.incidents import Incident, Notebook, NotebookError
from rag.incidents.likeness import alike, overlap, vocabulary
from rag.incidents.notebook import KEEP_JUDGED_S, KEEP_S, SAME_EPISODE_S

ONE = "1" * 32
TWO = "2" * 32


def incident(fingerprint: str = ONE, at: float = 100.0, **fields: object) -> Incident:
    """A fault as it is noted when it was explained."""
    return Incident(fingerprint, "orders", "pool timed out", at, at, **fields)  # type: ignore[arg-type]


@pytest.fixture
def book(tmp_path: Path) -> Notebook:
    """A notebook in a folder that is not there yet."""
    return Notebook(tmp_path / "state" / "incidents.sqlite3", "default")


def test_an_incident_seen_again_is_one_with_its_first_and_last_time(book: Notebook) -> None:
    """A later episode counts, one within the hour does not; the newest words replace the older ones."""
    book.note(incident(summary="old", cited_doc_id="a"))
    book.note(incident(at=100.0 + SAME_EPISODE_S))
    got = book.note(incident(at=101.0 + 2 * SAME_EPISODE_S, summary="new", cited_doc_id="b", severity="critical"))
    assert (got.first_seen, got.last_seen, got.count) == (100.0, 101.0 + 2 * SAME_EPISODE_S, 2)
    assert (got.summary, got.cited_doc_id, got.severity) == ("new", "b", "critical")
    assert book.all() == [got]


def test_the_file_is_private_and_two_processes_may_share_it(book: Notebook, tmp_path: Path) -> None:
    """Mode 0600; what one connection wrote another reads at once; other tenants see nothing."""
    path = tmp_path / "state" / "incidents.sqlite3"
    book.note(incident())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Notebook(path, "default") as command:
        command.resolve(ONE, "restarted", 200.0)
        command.judge(ONE, "db/pool", helpful=True, note="", now=200.0)
    got = book.get(ONE)
    assert got is not None
    assert (got.resolution, got.feedback) == ("restarted", 1)
    with Notebook(path, "other") as other:
        assert (other.all(), other.get(ONE)) == ([], None)


def test_feedback_is_a_label_and_the_newest_word_on_a_runbook_wins(book: Notebook) -> None:
    """One runbook was called wrong and then right, another wrong: the labels say so, with the incident's log."""
    book.note(incident())
    for doc_id, helpful in (("db/pool", False), ("db/disk", False), ("db/pool", True)):
        book.judge(ONE, doc_id, helpful=helpful, note="", now=float(helpful))
    labels = from_feedback([said.as_item() for said in book.judgements()])
    assert [(label.query.log, label.query.service) for label in labels] == [("pool timed out", "orders")] * 2
    assert {(*label.relevant, *label.wrong, label.complete) for label in labels} == {
        ("db/pool", True),
        ("db/disk", False),
    }


def test_what_people_judged_is_kept_a_year_and_the_rest_three_months(book: Notebook) -> None:
    """Expiry deletes rows, with what was said of them; a day before nothing is deleted."""
    book.note(incident(ONE, 0.0))
    book.note(incident(TWO, 0.0))
    book.judge(TWO, "a", helpful=False, note="", now=0.0)
    assert (book.expire(KEEP_S), book.expire(KEEP_S + 1)) == ([], [ONE])
    assert [i.fingerprint for i in book.all()] == [TWO]
    assert book.expire(KEEP_JUDGED_S + 1) == [TWO]
    assert (book.all(), book.judgements(), sorted(book.dropped())) == ([], [], [ONE, TWO])
    assert incident(resolution="done").expires_at == 100.0 + KEEP_JUDGED_S


def test_memory_is_bounded() -> None:
    """Beyond the most incidents the ones seen longest ago go."""
    book = Notebook(None, "default", most=3)
    for number in range(5):
        book.note(incident(f"{number}" * 32, float(number)))
    assert [name[0] for name in book.expire(10.0)] == ["1", "0"]


def test_what_an_index_lacks_is_pending_until_it_is_saved(book: Notebook) -> None:
    """A change while it was being written leaves it pending; a forgotten one is dropped until the index says so."""
    book.note(incident())
    ((was, changes),) = book.pending(5)
    book.resolve(ONE, "restarted", 200.0)
    book.saved(ONE, changes)
    ((is_now, newer),) = book.pending(5)
    assert (was.resolution, is_now.resolution) == ("", "restarted")
    book.saved(ONE, newer)
    assert book.pending(5) == []
    book.unsave()
    assert len(book.pending(5)) == 1
    book.forget([ONE])
    assert (book.get(ONE), book.pending(5), book.dropped()) == (None, [], [ONE])
    book.undrop([ONE])
    assert book.dropped() == []


def test_a_forgotten_incident_that_comes_again_begins_anew(book: Notebook) -> None:
    """It is not deleted from the index then."""
    book.note(incident())
    book.resolve(ONE, "restarted", 200.0)
    book.forget([ONE])
    assert (book.note(incident(at=9e5)).resolution, book.dropped()) == ("", [])


@pytest.mark.parametrize(("given", "words"), [("111", "is too short"), ("999999", "fits 0"), ("121212", "fits 2")])
def test_a_fingerprint_that_names_no_single_incident_is_refused(book: Notebook, given: str, words: str) -> None:
    """The error names what was given and the command that lists them."""
    for name in (ONE, "121212aa", "121212bb"):
        book.note(incident(name))
    assert book.named("111111").fingerprint == ONE
    with pytest.raises(NotebookError, match=f"'{given}' {words}.*kb incidents ls"):
        book.named(given)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """The error says which file and what is lost by moving it away."""
    path = tmp_path / "incidents.sqlite3"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(NotebookError, match=r"incidents\.sqlite3.*move a damaged file away"):
        Notebook(path, "default").all()


def test_only_what_says_nearly_the_same_is_alike() -> None:
    """Other numbers and ids are the same words; another cause, few words or a low cosine are not alike."""
    log = "SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30001ms"
    mine, twin = vocabulary(log), vocabulary(log.replace("30001", "30442"))
    other = vocabulary("SQLTransientConnectionException: could not open the socket of the database server")
    assert (overlap(mine, twin) > 0.7, alike(mine, twin, 0.95), alike(mine, twin, 0.79)) == (True, True, False)
    assert alike(mine, other, 0.99) is False
    assert alike(vocabulary("connection failed"), vocabulary("connection failed"), 1.0) is False
    assert overlap(frozenset(), frozenset()) == 0.0
    assert replace(incident(), count=2).count == 2
