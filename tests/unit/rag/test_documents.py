"""Reading runbooks: what is readable is read, what is not becomes a notice that says what to do."""

import gzip
import json
import os
from pathlib import Path

import pytest

from rag.documents import MAX_TEXT_BYTES, read

ITEM = {"id": "own/x", "title": "X", "text": "Body.", "licence": "CC0-1.0", "url": "https://example.com/x"}


def test_a_folder_gives_each_markdown_file_its_path_as_id(tmp_path: Path) -> None:
    """Ids are paths without `.md`; readme files and hidden folders are no runbooks and need no notice."""
    for name in ("a.md", "deep/b.md", "README.md", "deep/README.ko.md", ".git/c.md", "notes.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"# Title of {name}\nText.\n", encoding="utf-8")
    reading = read(tmp_path)
    assert [(d.doc_id, d.title) for d in reading.documents] == [
        ("a", "Title of a.md"),
        ("deep/b", "Title of deep/b.md"),
    ]
    assert (reading.notices, reading.complete) == ([], True)


@pytest.mark.parametrize("name", ["kb.json", "kb.json.gz"])
def test_a_json_list_brings_its_own_ids(tmp_path: Path, name: str) -> None:
    """Plain and gzipped lists are read with source, licence and url."""
    content = json.dumps([ITEM]).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (document,) = read(tmp_path / name).documents
    assert (document.doc_id, document.licence, document.url) == ("own/x", "CC0-1.0", "https://example.com/x")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bad.md", b"# T\n\xff\xfe", "not UTF-8"),
        ("empty.md", b" \n", "it is empty"),
        ("long.md", b"# T\n" + b"x" * MAX_TEXT_BYTES, "split it"),
        ("cut.json", b'[{"id": ', "is not JSON"),
        ("deep.json", b"[" * 100_000, "is not JSON"),
        ("cut.json.gz", gzip.compress(json.dumps([ITEM]).encode(), mtime=0)[:-9], "cannot be read"),
        ("no.json.gz", b"plain", "cannot be read"),
    ],
)
def test_an_unreadable_file_is_named_and_the_rest_goes_on(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    """The notice quotes the path and says what is wrong; other files are read; the reading is marked incomplete."""
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.md").write_text("# G\nText.\n", encoding="utf-8")
    reading = read(tmp_path)
    assert [d.doc_id for d in reading.documents] == ["good"]
    assert len(reading.notices) == 1
    assert words in reading.notices[0]
    assert name in reading.notices[0]
    assert not reading.complete


@pytest.mark.parametrize("content", [{"a": 1}, [], [{"log": "x"}], [1, "two"], "text"])
def test_json_of_anything_else_is_skipped_with_a_notice(tmp_path: Path, content: object) -> None:
    """A list of queries, an object or an empty list is no list of runbooks: skipped, and said so."""
    (tmp_path / "q.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "good.md").write_text("# G\nText.\n", encoding="utf-8")
    reading = read(tmp_path)
    assert [d.doc_id for d in reading.documents] == ["good"]
    assert ["no list of runbooks" in notice for notice in reading.notices] == [True]
    assert reading.complete


def test_bad_items_of_a_list_are_skipped_one_by_one(tmp_path: Path) -> None:
    """An item without text, with an empty id, or read twice costs only itself."""
    items = [ITEM, {**ITEM, "text": 3}, {**ITEM, "id": " "}, ITEM, {**ITEM, "id": "y", "text": "\ud800"}]
    (tmp_path / "kb.json").write_text(json.dumps(items), encoding="utf-8")
    reading = read(tmp_path / "kb.json")
    assert [d.doc_id for d in reading.documents] == ["own/x"]
    assert len(reading.notices) == 4


def test_a_path_that_is_not_there_is_a_notice(tmp_path: Path) -> None:
    """A wrong path is named and nothing may be removed for it."""
    reading = read(tmp_path / "nowhere")
    assert ("nowhere" in reading.notices[0], reading.complete) == (True, False)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """A runbook folder cannot pull in files from elsewhere on the machine."""
    (tmp_path / "secret.md").write_text("# S\nText.\n", encoding="utf-8")
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    assert read(folder).documents == []


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    """What lies in it is not known to be gone, so nothing may be removed."""
    for name in ("a.md", "closed/b.md"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("# T\nText.\n", encoding="utf-8")
    if os.geteuid() == 0:
        pytest.skip("needs a user who is not root: root may read every folder")
    (tmp_path / "closed").chmod(0)
    reading = read(tmp_path)
    (tmp_path / "closed").chmod(0o700)
    assert (["a"], False) == ([d.doc_id for d in reading.documents], reading.complete)
    assert "closed" in reading.notices[0]
