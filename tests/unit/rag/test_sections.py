"""Sections of a runbook and what they are for."""

import time

import pytest

from rag.sections import kind_of, split, title_of


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Meaning", "meaning"),
        ("Possible causes", "meaning"),
        ("Diagnosis", "diagnosis"),
        ("Possible checks", "diagnosis"),
        ("Mitigation", "mitigation"),
        ("Recommended actions", "mitigation"),
        ("의미", "meaning"),
        ("진단", "diagnosis"),
        ("조치", "mitigation"),
        ("Dashboards", "other"),
    ],
)
def test_headings_in_english_and_korean_are_known(heading: str, kind: str) -> None:
    """The headings of the public collections and their Korean words map to what they are for."""
    assert kind == kind_of(heading)


def test_sections_are_slices_of_the_text() -> None:
    """`body` is `text[start:end]`, so a quotation can be looked up."""
    text = "# T\nintro\n## Meaning\nm\n\n## Mitigation ##\n- f\n"
    sections = split(text)
    assert [(s.title, s.kind) for s in sections] == [
        ("T", "other"),
        ("Meaning", "meaning"),
        ("Mitigation", "mitigation"),
    ]
    assert [text[s.start : s.end] for s in sections] == [s.body for s in sections]


def test_a_subheading_takes_the_kind_of_the_one_above() -> None:
    """`### Slow queries` below `## Diagnosis` is a diagnosis; the title of the document gives nothing."""
    sections = split("# Recover a broker\nx\n## Diagnosis\na\n### Slow queries\nb\n## Links\nc\n")
    assert [s.kind for s in sections] == ["other", "diagnosis", "diagnosis", "other"]


def test_a_comment_in_code_is_no_heading() -> None:
    """`# comment` inside a fence does not begin a section."""
    assert [s.title for s in split("## Diagnosis\n```\n# Mitigation\nls\n```\n")] == ["Diagnosis"]


def test_a_text_without_headings_is_one_section() -> None:
    """Nothing is lost when there are no headings, and an empty text has no section."""
    assert [(s.title, s.body) for s in split("only text")] == [("", "only text")]
    assert split("") == []


def test_a_code_span_alone_on_its_line_opens_no_fence() -> None:
    """With back quotes behind its own it is code within the line (CommonMark 4.5): what follows stays readable."""
    text = "## Diagnosis\n```kubectl get pods``` shows it.\n\n## Mitigation\nRestart it.\n"
    assert [("Diagnosis", "diagnosis"), ("Mitigation", "mitigation")] == [(s.title, s.kind) for s in split(text)]


@pytest.mark.parametrize("fence", ["````", "~~~"])
def test_a_fence_is_closed_by_its_own_kind_only(fence: str) -> None:
    """A shorter or another fence within it is code."""
    text = f"## Diagnosis\n{fence}md\n```\n# comment\n```\n{fence}\n## Mitigation\nRestart it.\n"
    assert ["Diagnosis", "Mitigation"] == [section.title for section in split(text)]


@pytest.mark.parametrize(
    "line", ["# a" + " " * 60_000 + "b", "# " + "# " * 30_000 + "b", "# " + "{#" * 30_000, "`" * 60_000]
)
def test_a_line_of_any_length_takes_no_time(line: str) -> None:
    """A heading with a few hundred blanks once took seconds, with a thousand for ever, in every search that found it.

    The bound is on CPU time: it is met a hundred times over.
    """
    begun = time.process_time()
    split(f"{line}\n\nText.\n")
    assert time.process_time() - begun < 2


def test_the_title_is_the_first_heading_that_says_anything() -> None:
    """A comment in code is no title; a text without a heading has none."""
    assert "Disk full" == title_of("Intro.\n\n```sh\n# remove everything\n```\n#\n## Disk full ##\n")
    assert "" == title_of("#!/bin/sh\n```\n# remove everything\n```\n")
