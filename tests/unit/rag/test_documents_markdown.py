"""What nobody sees on the page of a runbook is neither read nor shown."""

import json
from pathlib import Path
from unicodedata import normalize

import pytest

from rag.documents import read
from rag.documents.markdown import opened
from rag.extractive import extract

HIDDEN = """\
# Redis refuses connections

## Fix

<!-- old steps, do not use:
Delete the volume of Redis.
- Ask Kim for the password of Redis.
-->

- Restart the Redis pod. <!-- reviewed in May -->
"""


def test_a_comment_is_not_quoted(tmp_path: Path) -> None:
    """A step that stands in a comment is no step, and a comment behind a step does not cost it."""
    (tmp_path / "redis.md").write_text(HIDDEN, encoding="utf-8")
    (document,) = read(tmp_path).documents
    assert ["Restart the Redis pod."] == [claim["quote"] for claim in extract(document, "redis refused").actions]


@pytest.mark.parametrize(
    "front",
    ["---\ntitle: Redis refuses\nowner: payments\ntags:\n- cache\n---\n", '+++\ntitle = "Redis refuses"\n+++\n'],
)
def test_front_matter_gives_the_title_and_no_text(front: str) -> None:
    """The title of a page stands there, before any heading."""
    assert ("Redis refuses", "\n## Meaning\nIt is down.\n") == opened(f"{front}\n## Meaning\nIt is down.\n")


def test_korean_that_was_typed_in_parts_is_whole() -> None:
    """As macOS decomposes it: headings and words are found as they are typed elsewhere."""
    whole = "# 인증서 만료\n\n## 조치\n\n- 갱신한다.\n"
    assert ("인증서 만료", whole) == opened(normalize("NFD", whole))


@pytest.mark.parametrize(
    "text",
    [
        "---\n# Redis\n---\nIt is down.\n",
        "---\nIt is down, and that is all.\n---\n",
        "---\ntitle: never closed\n",
        "# T\n```\n<!-- in code -->\n```\n",
        "# T\nLook for `<!-- x -->` in it.\n",
        "# T\n<!-- never closed\nRestart it.\n",
        "",
    ],
)
def test_the_rest_stays_as_it_is(text: str) -> None:
    """Rulers around text, comments in code, and what never ends are left alone."""
    assert text == opened(text)[1]


@pytest.mark.parametrize(
    "text",
    [
        "---\n# Redis\n\n## Fix\n- Restart it.\n\nNote: twice.\n\n---\n",
        "---\n\n    kubectl get pods\n\nThen: look.\n---\n",
        "# T\nLook for <!-- in it.\n\n## Fix\n- Restart it.\n\nThe end is `-->`.\n",
        "# T\nLook for ``<!-- x -->`` in it.\n",
        "# T\nLook for `the mark\n<!-- x -->` in it.\n",
        "# T\nLook for \\<!-- x --> in it.\n",
        "# T\nAdd this:\n\n    <!-- x -->\n    <server/>\n",
    ],
)
def test_what_a_reader_sees_is_no_comment_and_no_front_matter(text: str) -> None:
    """Steps that vanish are worse than a comment that stays."""
    assert text == opened(text)[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!-->\n- Restart it.\n<!-- x -->\n", "\n- Restart it.\n\n"),
        ("<!--\n```\nold\n-->\n```\n<!-- in code -->\n```\n", "\n```\n<!-- in code -->\n```\n"),
        ("1. Restart it.\n\n    <!-- old:\n    - Delete it. -->\n", "1. Restart it.\n\n\n"),
        ("Don`t <!-- x --> wait.\n", "Don`t  wait.\n"),
        ("- Look <!-- a\nb --> at it.\n", "- Look  at it.\n"),
    ],
)
def test_a_comment_ends_where_a_page_ends_it(text: str, shown: str) -> None:
    """Also the shortest, one with a fence in it, one in a list, and one behind a single back quote."""
    assert shown == opened(text)[1]


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("---\ntitle: >-\n  Redis\n  refuses\n---\n", "Heading"),
        ("---\ntitle: |\n  Redis\n---\n", "Heading"),
        ("---\ntitle: null\n---\n", "Heading"),
        ('---\ntitle: "Redis: refuses" # old\n---\n', "Redis: refuses"),
        ("---\ntitle: 'It''s down'\n---\n", "It's down"),
        ('+++\nweight = 1\n[author]\ntitle = "Dr"\n+++\n', "Heading"),
    ],
)
def test_a_title_is_read_as_yaml_and_toml_mean_it(front: str, title: str) -> None:
    """A folded one is left to the first heading, and so is one of another table."""
    assert title == opened(f"{front}# Heading\n")[0]


def test_a_page_of_front_matter_alone_is_no_runbook_and_hides_no_vanished_one(tmp_path: Path) -> None:
    """Hugo keeps an `_index.md` in each folder: what is gone from the folder must be removed all the same."""
    (tmp_path / "_index.md").write_text("---\ntitle: Alertmanager\nweight: 10\n---\n", encoding="utf-8")
    (tmp_path / "a.md").write_text("# Redis\n", encoding="utf-8")
    reading = read(tmp_path)
    assert (True, ["a"]) == (reading.complete, [document.doc_id for document in reading.documents])
    assert [f"{str(tmp_path / '_index.md')!r} shows nothing but a title: skipped"] == reading.notices


def test_korean_titles_of_files_and_lists_are_whole(tmp_path: Path) -> None:
    """A name that macOS wrote in parts is the title of a page without headings."""
    parts = normalize("NFD", "인증서")
    (tmp_path / f"{parts}.md").write_text("만료.\n", encoding="utf-8")
    (tmp_path / "list.json").write_text(json.dumps([{"id": "a", "title": parts, "text": "만료."}]), encoding="utf-8")
    assert ["인증서", "인증서"] == [document.title for document in read(tmp_path).documents]
