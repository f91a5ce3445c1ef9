"""The rules in force follow the file, and never a bad one."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from dataflows.domain.rules import NO_RULES, RulesError, parse_rules
from dataflows.rulebook import Rulebook, read_rules

ONE = "version: 1\nteams: [{team: one}]\n"
TWO = "version: 1\nteams: [{team: two}]\n"
BAD = "version: 1\nteams: [{teem: two}]\n"
NEVER = 3600.0
"""Seconds between looks of a book that the test makes look itself."""


def refused() -> float | None:
    """What the gauge says."""
    return REGISTRY.get_sample_value("cali_rules_refused")


def outcomes() -> dict[str, float]:
    """How often what was found."""
    kinds = ("loaded", "refused", "unreadable")
    return {k: REGISTRY.get_sample_value("cali_rules_reloads_total", {"outcome": k}) or 0.0 for k in kinds}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good rules file."""
    path = tmp_path / "rules.yaml"
    path.write_text(ONE)
    return path


@pytest.fixture
def opened() -> Iterator[Callable[..., Rulebook]]:
    """Makes books that are closed in the end."""
    books: list[Rulebook] = []

    def make(path: Path | None, last_good: Path | None = None, look_every_s: float = NEVER) -> Rulebook:
        books.append(Rulebook(path, last_good, look_every_s=look_every_s))
        return books[-1]

    yield make
    for book in books:
        book.close()


Opened = Callable[..., Rulebook]


def test_without_a_file_there_are_no_rules(opened: Opened) -> None:
    """No path: everything is told, and there is nothing to look at."""
    book = opened(None)
    book.look()
    assert NO_RULES is book.current()


def test_a_new_version_counts_once_it_stays(file: Path, opened: Opened) -> None:
    """The second look that finds it judges it: a file that is half written is not in force."""
    book = opened(file)
    before = outcomes()
    assert parse_rules(ONE).version == book.current().version
    file.write_text(TWO)
    book.look()
    assert parse_rules(ONE).version == book.current().version
    book.look()
    assert parse_rules(TWO).version == book.current().version
    book.look()
    assert before["loaded"] + 1 == outcomes()["loaded"]


def test_a_bad_version_is_refused_whole_and_told_once(file: Path, opened: Opened) -> None:
    """One log event with the problems, a counter, a gauge; the old rules stay until a good file is there."""
    book = opened(file)
    before = outcomes()
    with capture_logs() as logs:
        file.write_text(BAD)
        for _ in range(4):
            book.look()
        assert parse_rules(ONE).version == book.current().version
        assert 1 == refused()
        file.write_text(ONE)
        for _ in range(3):
            book.look()
    assert 0 == refused()
    assert ["rules.refused", "rules.restored"] == [event["event"] for event in logs]
    assert "error" == logs[0]["log_level"]
    assert ["teams[0].team is missing", "teams[0] has no key 'teem': did you mean 'team'? allowed are match, team"] == [
        problem.removeprefix("line 2: ") for problem in logs[0]["problems"]
    ]
    assert {**before, "refused": before["refused"] + 1} == outcomes()


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (Path.unlink, "unreadable"),
        (lambda path: path.write_bytes(b"version: 1\n# \xb0\xe1\xc1\xa6\n"), "refused"),
        (lambda path: path.write_bytes(b""), "refused"),
        (lambda path: path.write_bytes(b"#" * 2_000_000), "refused"),
        (lambda path: path.write_bytes("가".encode() * 700_000), "refused"),
        (lambda path: (path.unlink(), path.mkdir()), "unreadable"),
    ],
    ids=["gone", "in another encoding", "empty", "huge", "huge and cut within a character", "a folder"],
)
def test_whatever_becomes_of_the_file_the_old_rules_stay(
    change: Callable[[Path], object], outcome: str, file: Path, opened: Opened
) -> None:
    """Gone, in another encoding, empty, huge, a folder: counted and told."""
    book = opened(file)
    before = outcomes()
    change(file)
    with capture_logs() as logs:
        for _ in range(3):
            book.look()
    assert parse_rules(ONE).version == book.current().version
    assert ["rules.refused"] == [event["event"] for event in logs]
    assert {**before, outcome: before[outcome] + 1} == outcomes()


def test_a_config_map_is_swapped_by_a_link(tmp_path: Path, opened: Opened) -> None:
    """Content decides, not the time of change: kubelet points `..data` elsewhere, to files of any age."""
    for name, text in (("..1", ONE), ("..2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.yaml").write_text(text)
        os.utime(tmp_path / name / "rules.yaml", (0, 0))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "rules.yaml").symlink_to("..data/rules.yaml")
    book = opened(tmp_path / "rules.yaml")
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    book.look()
    book.look()
    assert parse_rules(TWO).version == book.current().version


def test_the_thread_looks_by_itself(file: Path, opened: Opened) -> None:
    """A change is in force without a call; `close` ends the thread."""
    book = opened(file, look_every_s=0.01)
    file.write_text(TWO)
    deadline = time.monotonic() + 30
    while book.current().version != parse_rules(TWO).version and time.monotonic() < deadline:
        time.sleep(0.01)
    assert parse_rules(TWO).version == book.current().version
    book.close()
    assert not book._thread.is_alive()


def test_a_start_with_a_bad_file_uses_the_last_good_one(file: Path, tmp_path: Path, opened: Opened) -> None:
    """The copy is private and of the version in force; the start is told as a refusal, and a mended file is taken."""
    kept = tmp_path / "state" / "rules.last-good.yaml"
    opened(file, kept)
    assert (ONE, 0o600) == (kept.read_text(), stat.S_IMODE(kept.stat().st_mode))
    file.write_text(BAD)
    with capture_logs() as logs:
        book = opened(file, kept)
        for _ in range(3):
            book.look()
    assert parse_rules(ONE).version == book.current().version
    assert [("rules.refused", parse_rules(ONE).version)] == [(event["event"], event["in_force"]) for event in logs]
    assert 1 == refused()
    file.write_text(TWO)
    book.look()
    book.look()
    assert (TWO, parse_rules(TWO).version, 0) == (kept.read_text(), book.current().version, refused())
    assert [kept] == list(kept.parent.iterdir())


def test_a_start_without_any_good_version_is_refused(file: Path, tmp_path: Path) -> None:
    """The problems of the file, and those of the copy if there is a bad one."""
    kept = tmp_path / "kept.yaml"
    file.write_text("version: 2\n")
    with pytest.raises(RulesError) as alone:
        Rulebook(file, kept)
    kept.write_text("")
    with pytest.raises(RulesError) as both:
        Rulebook(file, kept)
    wrong = "line 1: version '2': give 1: this CALI knows no other version"
    assert [wrong] == alone.value.problems
    assert [wrong, f"'{kept}': it is empty: write at least `version: 1`"] == both.value.problems
    with pytest.raises(RulesError, match="cannot be read"):
        Rulebook(tmp_path / "none.yaml")


def test_a_copy_that_cannot_be_written_is_told(file: Path, tmp_path: Path, opened: Opened) -> None:
    """The rules are in force all the same."""
    (tmp_path / "in_the_way").write_text("")
    with capture_logs() as logs:
        book = opened(file, tmp_path / "in_the_way" / "kept.yaml")
    assert parse_rules(ONE).version == book.current().version
    assert ["rules.loaded", "rules.not_kept"] == [event["event"] for event in logs]


def test_reading_once_names_the_file(tmp_path: Path) -> None:
    """A line of a problem tells the path too, for commands that read two files."""
    path = tmp_path / "new.yaml"
    path.write_bytes(b"version: 1\n# \xff\n")
    with pytest.raises(RulesError) as caught:
        read_rules(path)
    assert f"'{path}': line 2: the byte 0xff is not UTF-8: save 'new.yaml' as UTF-8" == str(caught.value)
