"""Links to the records: the template that a person writes, and what it becomes."""

from collections.abc import Callable
from urllib.parse import unquote

import pytest

from dataflows.domain.alerts import Alert
from dataflows.render.links import MAX_TEMPLATE, Links, problem_of_template, search_url
from dataflows.render.slack import card, card_now
from dataflows.render.terminal import terminal

Make = Callable[..., Alert]
BASE = "https://dash.example/app/discover#/"
FULL = BASE + "?_g=(time:(from:'{from}',to:'{to}'))&_q='fingerprint:{fingerprint} and service:{service}.{namespace}'"


def test_a_link_leads_to_the_records(make_alert: Make) -> None:
    """Each place holds its value, percent-encoded; the times have a margin of five minutes."""
    assert (
        BASE + "?_g=(time:(from:'2025-11-21T22%3A35%3A59.000Z',to:'2025-11-21T22%3A50%3A59.000Z'))"
        "&_q='fingerprint:9f2c4e81b07d35aa and service:order-api.shop'"
    ).replace(" ", "%20") == search_url(Links(FULL.replace(" ", "%20")), make_alert())


@pytest.mark.parametrize("service", ["a'b", "x')),(query:'*", "a&b=c#d", "{to}", "a b", '"', "<!here>", "\u202eb"])
def test_no_name_from_a_log_breaks_out_of_its_place(make_alert: Make, service: str) -> None:
    """Quotes, brackets and separators of a service's name do not reach the address, encoded or not."""
    url = search_url(Links(BASE + "{fingerprint}?{service}"), make_alert(service=service))
    assert not set(unquote(url.partition("?")[2])) - set("abcdefghijklmnopqrstuvwxyz:?")


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1.0, 1e18])
def test_a_senseless_time_leaves_the_window(make_alert: Make, moment: float) -> None:
    """Where the record's time is impossible, the window says when to look."""
    alert = make_alert(first_seen=moment, last_seen=moment)
    assert "2025-11-21T22%3A35%3A59.000Z" in search_url(Links(BASE + "{fingerprint}{from}"), alert)


def test_the_link_stands_on_cards_and_in_the_terminal(make_alert: Make) -> None:
    """It is on the card, on the card as it is now and in the terminal; a digest has none."""
    links = Links(BASE + "{fingerprint}")
    url = BASE + "9f2c4e81b07d35aa"
    alert, later = make_alert(), make_alert(id="x", reason="summary", total=2)
    for shown in (
        card(alert, "en", links=links),
        card_now(alert, later, "en", links),
        terminal(alert, "en", links=links),
    ):
        assert url in str(shown)
    assert BASE not in str(card(make_alert(reason="digest"), "en", links=links))
    assert BASE not in str(card(make_alert(fingerprint=""), "en", links=links))


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("", ""),
        (FULL.replace(" ", "%20"), ""),
        (
            "dash.example/{fingerprint}",
            "'dash.example/{fingerprint}' is no web address: begin it with https:// or http://",
        ),
        (BASE + "a" * MAX_TEMPLATE, f"it has {MAX_TEMPLATE + len(BASE):,} characters: {MAX_TEMPLATE:,} are allowed"),
        (FULL, "' ' cannot stand in an address: write it percent-encoded (%20)"),
        (BASE + "{fingerprint}한", "'한' cannot stand in an address: write it percent-encoded (%ED%95%9C)"),
        (
            BASE + "{fingerprint}{query}",
            (
                "{query} is no place: use {fingerprint}, {service}, {namespace}, {from}, {to};"
                " any other brace must be percent-encoded (%7B, %7D)"
            ),
        ),
        (BASE + "{fingerprint}{", "a brace has no partner: close it, or write it percent-encoded (%7B, %7D)"),
        (BASE, "it does not name {fingerprint}: every alert would point to the same page"),
    ],
)
def test_what_is_wrong_with_a_template_is_said(template: str, problem: str) -> None:
    """One line names the value and what to do; empty is fine and means no link."""
    assert problem == problem_of_template(template)
