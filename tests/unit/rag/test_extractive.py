"""Answers quoted from a runbook."""

import pytest

from rag.extractive import MAX_CAUSES, MAX_CHECKS, MAX_FIXES, UNSECTIONED, extract
from rag.models import Document

TEXT = """# Pool exhausted

## Meaning

All connections are **checked out** and a request
waited too long. See [the docs](https://example.com) for more.

## Diagnosis

- Compare active connections with the maximum.
- Look for slow queries:
```
# Mitigation
select * from pg_stat_activity
```
- Look at the pool.

## Mitigation

1. Kill the blocking query.
2. Restart the leaking pod.
"""


def test_every_quotation_stands_in_the_document() -> None:
    """Quotes are exact slices; causes come from the meaning, actions are checks and then fixes."""
    found = extract(Document("x", "Pool exhausted", TEXT), "connections: waited for a slow query")
    assert [c["text"] for c in found.causes] == [
        "All connections are checked out and a request waited too long.",
        "See the docs for more.",
    ]
    assert [c["text"] for c in found.actions] == [
        "Compare active connections with the maximum.",
        "Look at the pool.",
        "Kill the blocking query.",
        "Restart the leaking pod.",
    ]
    assert found.summary == found.causes[0]["text"]
    assert all(c["quote"] in TEXT and c["doc_id"] == "x" for c in [*found.causes, *found.actions])


def test_korean_headings_work_alike() -> None:
    """의미, 진단 and 조치 give cause, check and fix."""
    text = "# 풀 고갈\n## 의미\n연결을 얻지 못했다.\n## 진단\n- 느린 쿼리를 확인한다.\n## 조치\n- 파드를 재시작한다.\n"
    found = extract(Document("k", "풀 고갈", text), "풀 고갈")
    assert (found.summary, [c["text"] for c in found.actions]) == (
        "연결을 얻지 못했다.",
        ["느린 쿼리를 확인한다.", "파드를 재시작한다."],
    )


def test_checks_and_fixes_say_what_they_are_and_where_they_stand() -> None:
    """Each action has its kind and its section, so that a card can name both."""
    found = extract(Document("x", "Pool exhausted", TEXT), "pool")
    assert [("check", "Diagnosis")] * 2 + [("fix", "Mitigation")] * 2 == [
        (claim["kind"], claim["section"]) for claim in found.actions
    ]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_without_headings_steps_are_told_by_their_verb_and_the_summary_says_so(language: str) -> None:
    """A document without sections still gives something to do, in order; it is not called a check or a fix."""
    text = "# T\nThe disk of the node is full. Delete old images from it."
    found = extract(Document("x", "T", text), "disk full", language)
    assert [c["text"] for c in found.causes] == ["The disk of the node is full."]
    assert [(c["text"], c["kind"]) for c in found.actions] == [("Delete old images from it.", "")]
    assert UNSECTIONED[language] == found.summary


def test_sentences_that_are_not_usable_are_passed_over() -> None:
    """The caller says what may be quoted at all."""
    text = "# T\n## Mitigation\n- <!channel> restart it now.\n- Restart the pod now.\n"
    found = extract(Document("x", "T", text), "pod", usable=lambda quote: "<!" not in quote)
    assert ["Restart the pod now."] == [c["text"] for c in found.actions]


def test_a_long_runbook_gives_the_sentences_that_fit_the_log() -> None:
    """Limits hold, and the sentence that shares words with the log is among those chosen."""
    items = "".join(f"- Check the thing number {n} of the list.\n" for n in range(50))
    text = f"# T\n## Meaning\nA b c d e. F g h i j. K l m n o.\n## Diagnosis\n{items}- Check redis sentinel quorum.\n"
    found = extract(Document("x", "T", f"{text}## Mitigation\n{items}"), "redis sentinel has no quorum")
    assert (len(found.causes), len(found.actions)) == (MAX_CAUSES, MAX_CHECKS + MAX_FIXES)
    assert "Check redis sentinel quorum." in [c["text"] for c in found.actions]


def test_a_runbook_of_nothing_but_code_gives_its_title() -> None:
    """No prose, no claims: the summary is the title and nothing is invented."""
    found = extract(Document("x", "Only code", "```\nls\n```\n"), "log")
    assert (found.summary, found.causes, found.actions) == ("Only code", [], [])
