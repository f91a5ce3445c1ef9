"""What is valid but can hardly be meant is told."""

from dataflows.domain.rules.audit import summary, warnings
from dataflows.domain.rules.file import read_rules_file

TEXT = """\
version: 1
filters:
  - keep: {service: [a, b]}
  - drop: {service: a, level: WARN}
  - drop: {service: c}
routes:
  - {match: {service: a}, channel: x}
  - {match: {}, mention: here}
  - {match: {team: t}, channel: y}
silences:
  - {id: a, match: {service: x}, until: 1970-01-01T00:01:00Z, author: a, reason: b}
  - {id: b, match: {service: x}, until: 1970-01-01T00:01:01Z, author: a, reason: b}
"""


def test_the_summary_counts() -> None:
    """So many of each, and the silences that are over: one ends at its very time."""
    assert "minimum_level 0, filters 3, severities 0, teams 0, windows 0, routes 3, silences 2 (1 expired)" == summary(
        read_rules_file(TEXT).file, 60.0
    )


def test_rules_behind_a_wider_one_are_named() -> None:
    """An earlier rule with fewer keys and all the values decides before; one that overlaps only does not."""
    assert [
        (
            "filters[1] (line 4) never decides: filters[0] (line 3) fits whatever it fits, and comes first; put it "
            "above, or remove it"
        ),
        (
            "routes[2] (line 9) never decides: routes[1] (line 8) fits whatever it fits, and comes first; put it "
            "above, or remove it"
        ),
        "routes[1] (line 8) names no channel: its alerts go to the default channel",
    ] == list(warnings(read_rules_file(TEXT)))
