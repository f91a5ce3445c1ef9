"""Rules: the first that fits decides, patterns are linear, and a silence ends when it says."""

import time
from pathlib import Path
from typing import Any

import pytest

from dataflows.domain.rules import NO_RULES, Rules, Subject, Verdict, parse_rules
from dataflows.domain.rules.file import read_rules_file

ROOT = Path(__file__).resolve().parents[4]
UNTIL = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""


def subject(**changes: Any) -> Subject:
    """An error of `checkout` in `prod`."""
    seen = {
        "fingerprint": "3f2a9c01" * 4,
        "service": "checkout",
        "namespace": "prod",
        "level": "ERROR",
        "types": ("java.lang.IllegalStateException", "java.net.SocketTimeoutException"),
        "template": "payment <*> timed out\nafter <*> ms",
    }
    return Subject(**{**seen, **changes})


def admits(text: str, **changes: Any) -> bool:
    """Whether rules with these filters admit it."""
    return parse_rules(f"version: 1\nfilters:\n{text}").judge(subject(**changes)).admitted


@pytest.mark.parametrize(
    ("level", "severity"), [("FATAL", "critical"), ("ERROR", "error"), ("WARN", "warning"), ("INFO", "info")]
)
def test_without_rules_the_level_decides(level: str, severity: str) -> None:
    """Everything from WARN up is told, in the default channel, with the severity of its level."""
    assert Verdict(level != "INFO", None, severity, "", "", "") == NO_RULES.judge(subject(level=level))
    assert NO_RULES.silenced(subject(), NO_RULES.judge(subject()), 0.0) is None
    assert "" == NO_RULES.version


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("{service: checkout}", True),
        ("{service: check}", False),
        ("{service: 'check*'}", True),
        ("{service: Check*}", False),
        ("{service: [payment, 'che?kout']}", True),
        ("{service: c.*}", False),
        ("{service: checkout, namespace: dev}", False),
        ("{namespace: ''}", False),
        ("{level: error}", True),
        ("{level: [WARN, FATAL]}", False),
        ("{fingerprint: 3f2a9c}", True),
        ("{fingerprint: 9c013f}", False),
        ("{type: '*.SocketTimeoutException'}", True),
        ("{type: SocketTimeoutException}", False),
        ("{template: 'payment*ms'}", True),
        ("{template: '*timed out'}", False),
        ("{template_re: 'timed\\s+OUT'}", False),
        ("{template_re: '(?i)timed\\s+OUT'}", True),
    ],
)
def test_every_key_that_is_given_must_fit(match: str, fits: bool) -> None:  # noqa: FBT001 - a table of results
    """Patterns fit as a whole, expressions anywhere; of several values one; a prefix of the fingerprint."""
    assert fits is not admits(f"  - drop: {match}")


def test_patterns_read_korean_and_marks_literally() -> None:
    """Only `*` and `?` mean something; `?` is one character, whatever its bytes."""
    template = "주문 [실패] a+b (x) | ^$ \\d {2}"
    assert not admits("  - drop: {template: '주문 [실패] a+b (?) | ^$ \\d {2}'}", template=template)
    assert not admits("  - drop: {template: '?? [실?] a+b *'}", template=template)
    assert admits("  - drop: {template: '주문 [실패] a+b (?) | ^$ 9 {2}'}", template=template)


def test_the_first_filter_that_fits_decides() -> None:
    """A keep above a drop saves what the drop would take; below it does not."""
    keep, drop = "  - keep: {type: '*Timeout*'}\n", "  - drop: {service: checkout}\n"
    assert (True, False, True) == (
        admits(keep + drop),
        admits(drop + keep),
        admits(keep + drop, service="payment"),
    )


def test_the_least_level_is_the_first_that_fits() -> None:
    """Below it nothing is admitted, at it all is."""
    rules = parse_rules(
        "version: 1\nminimum_level:\n - {match: {service: checkout}, level: error}\n - {match: {}, level: FATAL}"
    )
    told = [
        rules.judge(subject(service=service, level=level)).admitted
        for service in ("checkout", "payment")
        for level in ("WARN", "ERROR", "FATAL")
    ]
    assert [False, True, True, False, False, True] == told


ROUTED = """\
version: 1
severities:
  - {match: {service: checkout}, severity: critical}
teams:
  - {match: {namespace: prod}, team: core}
windows:
  - {match: {service: checkout}, length: 15m}
routes:
  - {match: {team: core}, channel: core-alerts, mention: S0123456, mention_from: critical}
  - {match: {severity: warning, team: ""}, channel: C0123456789, mention: here}
"""


def test_a_route_may_ask_for_severity_and_team() -> None:
    """Severity and team come first, then the route; a mention may need a severity; a name gets its #, an id stays."""
    rules = parse_rules(ROUTED)
    assert Verdict(True, 900.0, "critical", "core", "#core-alerts", "S0123456") == rules.judge(subject())
    assert Verdict(True, None, "error", "core", "#core-alerts", "") == rules.judge(subject(service="payment"))
    assert Verdict(True, None, "warning", "", "C0123456789", "here") == rules.judge(
        subject(service="payment", namespace="dev", level="WARN")
    )
    assert Verdict(True, None, "error", "", "", "") == rules.judge(subject(service="payment", namespace="dev"))


def test_a_silence_covers_what_comes_before_its_end() -> None:
    """It may ask for a team; of two that fit the longer is named; at its end it is over."""
    rules = parse_rules(
        ROUTED + "silences:\n"
        " - {id: short, match: {team: core}, until: 2027-01-15T07:00:00Z, author: a, reason: b}\n"
        " - {id: long, match: {service: check*, severity: critical}, until: 2027-01-15T17:00:00+09:00, author: a, "
        "reason: b}\n"
    )
    seen, other = subject(), subject(service="payment")
    assert ["short", "long"] == [silence.id for silence in rules.silences]
    assert ["long", "long", None, "short", None] == [
        found.id if (found := rules.silenced(one, rules.judge(one), now)) else None
        for one, now in (
            (seen, UNTIL - 7200),
            (seen, UNTIL - 0.001),
            (seen, UNTIL),
            (other, UNTIL - 3600.001),
            (other, UNTIL - 3600),
        )
    ]


def test_memory_is_bounded_and_changes_no_answer() -> None:
    """More subjects than are remembered are judged as before."""
    rules = Rules(read_rules_file(ROUTED).file, "", remembered=10)
    services = [f"s{number}" for number in range(25)] + ["checkout"]
    twice = [[rules.judge(subject(service=name)) for name in services] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(rules._verdicts) <= 10


def test_no_pattern_is_slow() -> None:
    """A pattern of many stars over a long text takes milliseconds, where backtracking takes hours."""
    rules = parse_rules(f"version: 1\nfilters:\n  - drop: {{template: '{'*a' * 100}*b'}}")
    began = time.process_time()
    assert rules.judge(subject(template="a" * 5_000)).admitted
    assert time.process_time() - began < 1


def test_the_version_is_of_the_text() -> None:
    """Equal texts have equal versions, any change makes another."""
    assert parse_rules(ROUTED).version == parse_rules(ROUTED).version
    assert parse_rules(ROUTED).version != parse_rules(ROUTED + "# a word\n").version


def test_the_example_loads() -> None:
    """What docs/rules.example.yaml shows works: a payment error calls its team."""
    rules = parse_rules((ROOT / "docs/rules.example.yaml").read_text(encoding="utf-8"))
    assert Verdict(True, None, "critical", "payments", "#payments-alerts", "here") == rules.judge(
        subject(service="payment")
    )
