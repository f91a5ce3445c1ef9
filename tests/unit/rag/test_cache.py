"""Answers that are kept, and one call for all who ask the same at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag import cache
from rag.cache import Answers, Flights, StateError, StateFile, key_of
from rag.models import Explanation


def answer(summary: str) -> Explanation:
    """An answer of the model."""
    return {
        "verdict": "match",
        "confidence": 0.9,
        "source": "model",
        "summary": summary,
        "causes": [],
        "actions": [],
        "citations": [],
        "missing": [],
        "model": "m",
    }


def test_an_answer_is_given_again_until_it_is_too_old(tmp_path: Path) -> None:
    """Also by the next process, and no longer exactly when its time is over."""
    now = [100.0]
    path = tmp_path / "s.sqlite3"
    Answers(StateFile(path), 60, lambda: now[0]).put("k", answer("한국어"))
    later = Answers(StateFile(path), 60, lambda: now[0])
    now[0] = 159.9
    assert answer("한국어") == later.get("k")
    now[0] = 160.0
    assert later.get("k") is None


@pytest.mark.parametrize("body", ["{", "[]", "null", "[" * 100_000])
def test_a_damaged_answer_is_none(body: str) -> None:
    """It is asked anew, and written over."""
    state = StateFile(None)
    answers = Answers(state, 60, lambda: 1.0)
    answers.put("k", answer("a"))
    with state.begin() as db:
        db.execute("UPDATE answers SET body = ?", (body,)).close()
    assert answers.get("k") is None


def test_the_oldest_answers_go_first() -> None:
    """Beyond the bound the oldest are forgotten."""
    now = [0.0]
    state = StateFile(None)
    answers = Answers(state, 1e9, lambda: now[0])
    answers.put("first", answer("a"))
    with state.begin() as db:
        rows = ((f"k{n}", 1.0 + n, "{}") for n in range(cache.MAX_ANSWERS - 1))
        db.executemany("INSERT INTO answers (key, at, body) VALUES (?, ?, ?)", rows)
    assert answers.get("first") is not None
    now[0] = 1e6
    answers.put("last", answer("b"))
    assert [None, True] == [answers.get("first"), answers.get("k0") is not None]


@pytest.mark.parametrize("part", range(5))
def test_a_key_depends_on_every_part(part: int) -> None:
    """Fault, runbooks, prompt, model and language: another one of each is another answer."""
    parts = ["fp", "kb", "1", "model", "en"]
    other = [*parts[:part], parts[part] + "x", *parts[part + 1 :]]
    assert key_of(*parts) == key_of(*parts)
    assert key_of(*parts) != key_of(*other)
    assert key_of("ab", "c") != key_of("a", "bc")


def test_one_call_for_all_who_ask_at_once() -> None:
    """Of 20 threads one asks; the others wait and get its answer, and know that they did not ask."""
    flights, gate, asked = Flights(), threading.Event(), []

    def ask() -> Explanation:
        asked.append(1)
        assert gate.wait(10)
        return answer("a")

    with ThreadPoolExecutor(20) as pool:
        futures = [pool.submit(flights.fly, "k", ask) for _ in range(20)]
        assert "b" == flights.fly("other", lambda: answer("b"))[0]["summary"]
        gate.set()
        shared = [future.result(10)[1] for future in futures]
    assert len(asked) == shared.count(False)
    assert 1 <= len(asked) <= 20
    assert {"a"} == {future.result()[0]["summary"] for future in futures}


def test_a_failed_call_fails_for_all_and_is_not_remembered() -> None:
    """Who waited gets the error too; the next one asks again."""
    flights = Flights()

    def fail() -> Explanation:
        msg = "no"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="no"):
        flights.fly("k", fail)
    assert ("a", False) == (flights.fly("k", lambda: answer("a"))[0]["summary"], False)


def test_an_error_in_a_transaction_undoes_it() -> None:
    """What a block wrote before it raised is not there."""
    state = StateFile(None)
    answers = Answers(state, 60, lambda: 0.0)
    answers.put("k", answer("a"))

    def write_and_fail() -> None:
        with state.begin() as db:
            db.execute("DELETE FROM answers").close()
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert answers.get("k") is not None


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "in-the-way").mkdir()
    with pytest.raises(StateError, match="in-the-way"):
        Answers(StateFile(tmp_path / "in-the-way"), 60).get("k")
