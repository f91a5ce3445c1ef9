"""What nobody sees on the page of a runbook is neither read nor shown."""

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
