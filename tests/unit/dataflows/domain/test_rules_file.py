"""A rules file is taken whole or refused whole, with everything that is wrong: line, place, value, what is allowed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.rules.file import RulesError, read_rules_file
from dataflows.domain.rules.yaml import MAX_BYTES

_STAR = (
    "in YAML `*` begins an alias, and aliases are not taken: put quotes around a pattern that begins with it, "
    'such as "*-api"'
)
_UNTIL = "give a time with its offset from UTC, such as 2026-12-01T09:00:00+09:00"
_MATCH = "service, namespace, level, fingerprint, type, template, template_re"


def problems(text: str) -> list[str]:
    """What is said of a text."""
    with pytest.raises(RulesError) as caught:
        read_rules_file(text)
    assert "\n".join(caught.value.problems) == str(caught.value)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty: write at least `version: 1`"),
        ("# nothing\n", "it is empty: write at least `version: 1`"),
        ("- a\n", "it has no keys: write at least `version: 1`"),
        ("{}", "version is missing"),
        ("version: 2", "line 1: version '2': give 1: this CALI knows no other version"),
        ("version: 1\nroutes:\n\t- channel: x", "line 3: a tab in the indentation: use spaces"),
        ("version: 1\nteams: []\nteams: []", "line 3: the key 'teams' is there already (line 2): keep one"),
        ("version: 1\nfilters:\n  - drop: {type: *Error}", f"line 3: {_STAR}"),
        ("version: 1\nfilters:\n  - drop: {type: *.Error}", f"line 3: {_STAR}"),
        ("a: &x 1\nb: *x", f"line 2: {_STAR}"),
        (
            "version: !!python/name:os.system 1",
            ("line 1: tags such as 'tag:yaml.org,2002:python/name:os.system' are not taken: put quotes around a value "
            "with `!`"),
        ),
        ("version: 1\n---\nversion: 1", "line 2: a second document begins here: keep one, without `---` in between"),
        ("version: 1\nx: \x00", "line 2: the character U+0000 cannot stand in YAML: remove it"),
        ("x: \ud800", "line 1: the character U+D800 cannot stand in YAML: remove it"),
        ("[" * 900_000, "line 1: more than 8 levels deep: no rule is"),
        ("? [a]\n: b", "line 1: a key must be a word"),
        ("a" * (MAX_BYTES + 1), "it is larger than 1,000,000 bytes, as much as a ConfigMap holds: shorten it"),
        ("version: 1\nroute: []", ("line 2: the file has no key 'route': did you mean 'routes'? allowed are version, "
         "minimum_level, filters, severities, teams, windows, routes, silences")),
    ],
)  # fmt: skip
def test_what_is_no_rules_file_is_refused(text: str, problem: str) -> None:
    """YAML's traps are named where they are, and nothing in a file makes the reader slow."""
    assert [problem] == problems(text)


def test_every_problem_is_told_at_once() -> None:
    """A line each, in the order of the sections, with the nearest key for a wrong one."""
    text = """\
version: 1
minimum_level:
  - {match: {service: a}, level: INFO}
filters:
  - drop: {}
  - drop: {template: "**"}
  - {}
  - keep: {servce: a}
windows:
  - length: 25h
  - length: 1d
routes:
  - channel: #payments
  - channel: Pay Ments
  - {mention: everyone, mention_from: high, match: {severity: []}}
  - match:
    channel: x
  - match: {template_re: "(", service: ""}
  - match: {service: #a
    }
silences:
  - {id: a b, match: {service: x}, until: 2026-11-22, author: "", reason: "a\\nb"}
  - {id: a, match: {service: "*"}, until: 2026-11-22T00:00:00Z, author: a, reason: b}
teams: core
"""
    assert [
        "line 3: minimum_level[0].level 'INFO': give WARN, ERROR or FATAL (records below WARN never come to the rules)",
        (
            "line 5: filters[0]: it would drop everything, and nobody would be told of any fault: "
            "name a service, a type, ..."
        ),
        (
            "line 6: filters[1]: it would drop everything, and nobody would be told of any fault: "
            "name a service, a type, ..."
        ),
        "line 7: filters[2]: give either keep or drop",
        f"line 8: filters[3].keep has no key 'servce': did you mean 'service'? allowed are {_MATCH}",
        "line 10: windows[0].length '25h': give 1s to 24h",
        "line 11: windows[1].length '1d': give a whole number with its unit: 90s, 15m or 1h",
        "line 13: routes[0].channel is empty: give a value, in quotes if it begins with # (`{}` or [] for none)",
        (
            "line 14: routes[1].channel 'Pay Ments': give the name of a channel in lower case without blanks, such as "
            '"#payments", or its id (C...)'
        ),
        "line 15: routes[2].match.severity: give a value or a list of values",
        (
            "line 15: routes[2].mention 'everyone': give here, channel, the id of a user (U... or W...) or of a user "
            "group (S...), or none"
        ),
        "line 15: routes[2].mention_from 'high': give critical, error, warning, info",
        "line 16: routes[3].match is empty: give a value, in quotes if it begins with # (`{}` or [] for none)",
        "line 18: routes[4].match.service '': give a text that is not empty",
        (
            "line 18: routes[4].match.template_re '(': is no RE2 expression (missing ): (); see "
            "https://github.com/google/re2/wiki/Syntax"
        ),
        "line 19: routes[5].match.service is empty: give a value, in quotes if it begins with # (`{}` or [] for none)",
        "line 22: silences[0].id 'a b': give 1 to 64 letters, digits, dots, dashes or underscores",
        f"line 22: silences[0].until '2026-11-22': {_UNTIL}",
        "line 22: silences[0].author '': give a text that is not empty",
        "line 22: silences[0].reason 'a\\nb': give one line of text",
        "line 23: silences[1]: it would silence everything: name a service, a team, ...",
        "line 24: teams 'core': give a list: every rule begins with `- ` in a line of its own (or [] for none)",
    ] == sorted(problems(text), key=lambda problem: int(problem.split()[1].rstrip(":")))


def test_two_silences_of_one_id_are_refused() -> None:
    """`cali silence expire` must know which one is meant."""
    entry = " - {id: a, match: {service: x}, until: 2026-11-22T00:00:00Z, author: a, reason: b}\n"
    assert ["the file: more than one silence has the id 'a': give each its own"] == problems(
        f"version: 1\nsilences:\n{entry}{entry}"
    )


def test_texts_stay_texts() -> None:
    """What YAML would make a boolean, an octal number or a float is what was written; BOM and CRLF are no matter."""
    text = "\ufeffversion: 1\r\nteams:\r\n  - {match: {service: [no, 0123, 1.0, ~x]}, team: 결제}\r\n"
    (team,) = read_rules_file(text).file.teams
    assert (("no", "0123", "1.0", "~x"), "결제") == (team.match.service, team.team)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_time_are_times(at: str) -> None:
    """A silence until the last year is one of many centuries, and no error."""
    text = f"version: 1\nsilences:\n - {{id: a, match: {{service: x}}, until: {at}, author: a, reason: b}}\n"
    assert 1 == len(read_rules_file(text).file.silences)


PIECES = [*'{}[]*#"\t\n', "version: 1", "routes", "silences", "match", ": ", "  ", "- ", "a"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever people type while they edit, the only error is that of the rules."""
    with suppress(RulesError):
        read_rules_file(text)
