"""Silences are added to the text of a file and ended in it; every other character stays."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dataflows.domain.rules.file import RulesError, read_rules_file
from dataflows.domain.rules.silences import NewSilence, described, expired, with_silence

UNTIL = datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=9)))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
NEW = NewSilence("new", {"service": ["pay-*"], "level": ["WARN", "ERROR"]}, UNTIL, "지우", 'why: "x" #1')
LINES = (
    '- id: "new"',
    '  match: {"service": "pay-*", "level": ["WARN", "ERROR"]}',
    '  until: "2026-12-01T09:00:00+09:00"',
    '  author: "지우"',
    '  reason: "why: \\"x\\" #1"',
)
OLD = "id: old, match: {service: x}, until: 2026-12-24T00:00:00Z, author: a, reason: b"


def block(indent: str, end: str = "\n") -> str:
    """The new entry as lines."""
    return "".join(f"{indent}{line}{end}" for line in LINES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\n", f"version: 1\nsilences:\n{block('  ')}"),
        ("version: 1", f"version: 1\nsilences:\n{block('  ')}"),
        (
            "\ufeffversion: 1\r\n# end\r\n",
            f"\ufeffversion: 1\r\nsilences:\r\n{block('  ', chr(13) + chr(10))}# end\r\n",
        ),
        ("version: 1\nsilences: [] # none\nteams: []\n", f"version: 1\nsilences: # none\n{block('  ')}teams: []\n"),
        ("version: 1\nsilences: []", f"version: 1\nsilences:\n{block('  ')}"),
        (
            f"silences:\n# first\n- {{{OLD}}} # kept\n\n# then\nversion: 1\n",
            f"silences:\n# first\n- {{{OLD}}} # kept\n{block('')}\n# then\nversion: 1\n",
        ),
        (
            (
                "silences:\n    - id: old\n      match: {service: x}\n      until: 2026-12-24T00:00:00Z\n      author: "
                "a\n      reason: |\n        b\nversion: 1\n"
            ),
            None,
        ),
        (
            f"version: 1\nsilences:\n    -   {OLD.replace(', ', chr(10) + ' ' * 8)}",
            f"version: 1\nsilences:\n    -   {OLD.replace(', ', chr(10) + ' ' * 8)}\n{block('    ')}",
        ),
    ],
)
def test_a_silence_is_added_below_the_others(before: str, after: str | None) -> None:
    """Comments, order, indentation and line ends of the rest stay; the new entry reads back as given."""
    text = with_silence(before, NEW)
    added = read_rules_file(text).file.silences[-1]

    assert ("new", UNTIL, "지우", 'why: "x" #1') == (added.id, added.until, added.author, added.reason)
    assert "service=pay-* level=WARN,ERROR" == described(added)
    if after is not None:
        assert after == text
    assert len(before) + len(block("")) <= len(text) + 3


def test_a_list_in_brackets_gets_it_in_brackets() -> None:
    """A flow list stays one."""
    text = with_silence(f"version: 1\nsilences: [{{{OLD}}}]\n", NEW)
    assert ["old", "new"] == [silence.id for silence in read_rules_file(text).file.silences]
    assert 2 == text.count("\n")


@pytest.mark.parametrize("text", ["{version: 1}", f"version: 1\nsilences: [{{{OLD}}},]\n"])
def test_what_cannot_be_edited_safely_is_left_alone(text: str) -> None:
    """The new text is read again before it counts; a file in an unusual style is for people."""
    with pytest.raises(RulesError):
        with_silence(text, NEW)


def test_a_bad_silence_is_refused() -> None:
    """The problems are those that the file would have."""
    with pytest.raises(RulesError, match=r"line 4: silences\[0\].match has no key 'servce': did you mean 'service'"):
        with_silence("version: 1\n", NEW._replace(match={"servce": ["x"]}))
    with pytest.raises(RulesError, match="more than one silence has the id 'old'"):
        with_silence(f"version: 1\nsilences:\n - {{{OLD}}}\n", NEW._replace(id="old"))


def test_a_silence_ends_where_it_stands() -> None:
    """Only its `until` changes; the entry stays, and ending it twice is told."""
    text = f"version: 1\nsilences:\n # why\n - {{{OLD}}} # kept\n - {{{OLD.replace('old', 'other')}}}\n"
    ended = expired(text, "old", NOW)

    assert text.replace("2026-12-24T00:00:00Z", '"2026-11-22T00:00:00+00:00"', 1) == ended
    with pytest.raises(RulesError, match="the silence 'old' is over since 2026-11-22"):
        expired(ended, "old", NOW)
    with pytest.raises(RulesError, match="no silence has the id 'othr': did you mean 'other'"):
        expired(text, "othr", NOW)
