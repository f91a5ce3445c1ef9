"""Cuts a Markdown runbook into sections and says what each is for, from English and Korean headings.

Headings exist in about 56 % of public runbooks (552 of 976 measured); a document without them is one `other` section.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["meaning", "diagnosis", "mitigation", "other"]

# CommonMark 4.5: `~~~`, or "```" with no back quote behind it (that would be code within the line); closed by as many
# of the same and nothing else. Any indentation, because fences stand in list items.
_FENCE = re.compile(r"\s*(?P<mark>`{3,}(?=[^`]*$)|~{3,})")
# What is behind the number signs is taken apart by hand: a pattern with three runs of white space takes cubic time.
_HEADING = re.compile(r" {0,3}(#{1,6})\s")
# First match wins, so that "Steps to resolve" is a mitigation before its "steps" makes it a diagnosis.
# The words are the headings that occur in the public collections, by frequency, and their usual Korean translations.
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "mitigation",
        re.compile(
            r"mitigat|resol|remed|recover|solution|\bfix|recommended action|workaround|how to (fix|solve)"
            r"|조치|해결|복구|완화|대응|대처",
            re.IGNORECASE,
        ),
    ),
    (
        "diagnosis",
        re.compile(
            r"diagnos|investigat|possible check|troubleshoot|debug|verify|steps to check|how to check|what to look"
            r"|진단|확인|점검|조사|분석",
            re.IGNORECASE,
        ),
    ),
    (
        "meaning",
        re.compile(
            r"meaning|cause|reason|overview|summary|description|symptom|background|what (is|does|happened)|explanation"
            r"|의미|원인|개요|설명|증상|배경|요약",
            re.IGNORECASE,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One heading and what stands below it. `text[start:end]` of the document is `body`."""

    title: str
    """Heading without `#`; empty for what stands before the first heading."""
    kind: Kind
    body: str
    start: int
    end: int


class Line(NamedTuple):
    """One line of a Markdown text, with its line break."""

    text: str
    is_code: bool
    """Whether it stands in a fenced code block, or is a fence."""


def marked(text: str) -> Iterator[Line]:
    """Yield the lines of a Markdown text and say which are code; a fence that is never closed ends with the text."""
    fence = ""
    for line in text.splitlines(keepends=True):
        before, fence = fence, fence_after(line, fence)
        yield Line(line, bool(before or fence))


def fence_after(line: str, fence: str) -> str:
    """Return the fence that is open behind `line`, or nothing; `fence` is the one that is open before it."""
    found = _FENCE.match(line)
    if not fence:
        return found["mark"] if found else ""
    return "" if found and found["mark"].startswith(fence) and line.strip() == found["mark"] else fence


def heading_of(line: str) -> tuple[int, str] | None:
    """Return depth and text of a heading, without closing `#` and `{#anchor}`; None if the line is none."""
    found = _HEADING.match(line)
    if not found:
        return None
    title = line[found.end() :].strip()
    anchor = title.rfind("{#")
    if anchor >= 0 and title.endswith("}"):
        title = title[:anchor].rstrip()
    return len(found[1]), title.rstrip("#").rstrip()


def title_of(text: str) -> str:
    """Return the first heading of a Markdown text that says anything, or nothing; a comment in code is none."""
    headings = (heading_of(line.text) for line in marked(text) if not line.is_code)
    return next((found[1] for found in headings if found and found[1]), "")


def kind_of(heading: str) -> Kind:
    """Say what a section is for, from its heading alone."""
    return next((kind for kind, words in _KINDS if words.search(heading)), "other")


def split(text: str) -> list[Section]:
    """Return the sections of a Markdown text in order; sections without a body are left out.

    A `#` inside a fenced code block is a comment, not a heading. A heading that says nothing of its own purpose
    (`### Slow queries`) takes the kind of the heading above it.
    """
    sections: list[Section] = []
    outer: list[tuple[int, Kind]] = []
    title, start = "", 0
    kind: Kind = "other"
    position = 0

    def close(end: int) -> None:
        if text[start:end].strip():
            sections.append(Section(title, kind, text[start:end], start, end))

    for line, is_code in marked(text):
        heading = None if is_code else heading_of(line)
        if heading:
            close(position)
            depth, said = heading
            outer = [(d, k) for d, k in outer if d < depth]
            own = kind_of(said)
            # The document's title (depth 1) names the fault: "Recover a lost broker" makes not all of it a mitigation.
            kind = (own if depth > 1 else "other") if own != "other" else (outer[-1][1] if outer else "other")
            outer.append((depth, kind))
            title, start = said, position + len(line)
        position += len(line)
    close(position)
    return sections
