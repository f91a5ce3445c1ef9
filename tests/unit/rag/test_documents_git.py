"""Runbooks of a Git checkout: their source names repository, commit and path."""

import subprocess
from pathlib import Path

import pytest

from rag.documents import read
from rag.documents.git import _plain


def git(folder: Path, *arguments: str) -> str:
    """Run Git as nobody in particular."""
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false")
    run = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_a_runbook_keeps_the_commit_that_changed_it_last(tmp_path: Path) -> None:
    """A later commit to another file leaves a runbook's source as it was; an uncommitted file says so."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/books.git")
    (tmp_path / "a.md").write_text("# A\nText.\n", encoding="utf-8")
    (tmp_path / "풀.md").write_text("# P\nText.\n", encoding="utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    first = git(tmp_path, "rev-parse", "HEAD")[:12]
    (tmp_path / "풀.md").write_text("# P\nOther.\n", encoding="utf-8")
    git(tmp_path, "commit", "-qam", "second")
    second = git(tmp_path, "rev-parse", "HEAD")[:12]
    (tmp_path / "new.md").write_text("# N\nText.\n", encoding="utf-8")
    reading = read(tmp_path)
    assert {d.doc_id: (d.source, d.url) for d in reading.documents} == {
        "a": (
            f"https://github.com/acme/books@{first}:a.md",
            f"https://github.com/acme/books/blob/{first}/a.md",
        ),
        "풀": (
            f"https://github.com/acme/books@{second}:풀.md",
            f"https://github.com/acme/books/blob/{second}/풀.md",
        ),
        "new": ("https://github.com/acme/books@uncommitted:new.md", ""),
    }
    assert reading.notices == []


def test_a_folder_that_only_looks_like_a_checkout_is_read_as_a_folder(tmp_path: Path) -> None:
    """A damaged `.git` costs the commit, not the runbooks."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.md").write_text("# A\nText.\n", encoding="utf-8")
    assert [(d.doc_id, d.source) for d in read(tmp_path).documents] == [("a", "a.md")]


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("git@gitlab.example.com:ops/books.git", "https://gitlab.example.com/ops/books"),
        ("https://me:pw@github.com/acme/books.git", "https://github.com/acme/books"),
        ("https://github.com/acme/books/", "https://github.com/acme/books"),
        ("/srv/books.git", "/srv/books"),
    ],
)
def test_a_remote_is_shown_without_a_password(remote: str, expected: str) -> None:
    """User, password and `.git` are left out; the short form of ssh becomes a link."""
    assert _plain(remote) == expected
