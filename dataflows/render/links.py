"""Addresses on a card: of the records in a search page, by a template from the settings, and of runbooks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from dataflows.domain.alerts import Alert
from dataflows.render.clean import clip, one_line
from dataflows.render.search import iso

PLACES: Final = ("fingerprint", "service", "namespace", "from", "to")
"""Names that a template may hold in braces."""

MAX_TEMPLATE: Final = 600
"""Characters; room for the places within `MAX_URL`."""

MAX_URL: Final = 1_000
"""Of a filled template; longer ones are left out. Slack would take 3,000 (link element), but a card has 11,000."""

MAX_RUNBOOK_URL: Final = 400
"""Longer addresses of runbooks are not linked: five of them must fit on a card."""

MARGIN_S: Final = 300
"""Before the first and after the last record, seconds: what led to it is worth seeing."""

_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_UNFIT: Final = re.compile(r"[^\w./:-]")
_MAX_VALUE: Final = 60
_LAST_TS: Final = 253_402_300_800
"""The end of year 9999."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where a card points to. `search_url` has passed `problem_of_template`; empty: no link."""

    search_url: str = ""


NO_LINKS: Final = Links()


def problem_of_template(text: str) -> str:
    """What is wrong with a search address template, and what to do; empty if it can be used (or is empty)."""
    return next(_problems(text), "") if text else ""


def _problems(text: str) -> Iterator[str]:
    if not text.startswith(("https://", "http://")):
        yield f"{clip(text, 80)!r} is no web address: begin it with https:// or http://"
    if len(text) > MAX_TEMPLATE:
        yield f"it has {len(text):,} characters: {MAX_TEMPLATE:,} are allowed"
    for char in text:
        if not char.isascii() or not char.isprintable() or char in ' <>|"`\\':
            coded = quote(char, errors="replace")
            yield f"{char!r} cannot stand in an address: write it percent-encoded ({coded})"
    for name in _PLACE.findall(text):
        if name not in PLACES:
            known = ", ".join(f"{{{place}}}" for place in PLACES)
            yield f"{{{name}}} is no place: use {known}; any other brace must be percent-encoded (%7B, %7D)"
    if set(_PLACE.sub("", text)) & set("{}"):
        yield "a brace has no partner: close it, or write it percent-encoded (%7B, %7D)"
    if "{fingerprint}" not in text:
        yield "it does not name {fingerprint}: every alert would point to the same page"


def search_url(links: Links, alert: Alert) -> str:
    """The address for one alert, or empty.

    Values come from logs: what is not a letter, digit or one of `._-/:` becomes `?`, the one-character wildcard of
    query strings, so that no value can end a quoted string of the address; then all is percent-encoded.
    """
    if not links.search_url or not one_line(alert["fingerprint"]):
        return ""
    seen = [ts for ts in (alert["first_seen"], alert["last_seen"]) if 0 < ts < _LAST_TS]
    window = [ts for ts in (alert["window_start"], alert["window_end"]) if 0 < ts < _LAST_TS]
    times = (seen + window) or [0.0]
    values = {
        "fingerprint": alert["fingerprint"],
        "service": alert["service"],
        "namespace": alert["namespace"],
        "from": iso(max(0.0, min(seen or times) - MARGIN_S)),
        "to": iso(max(times) + MARGIN_S),
    }
    url = _PLACE.sub(lambda place: _value(values.get(place[1], "")), links.search_url)
    return url if len(url) <= MAX_URL else ""


def runbook_url(url: str) -> str:
    """The address of a runbook if it is plain http(s) and safe to link, else empty.

    An address with a user name (`https://known.example@other.example`) is not: it reads like another host.
    """
    plain = url.isascii() and url.isprintable() and not set(url) & set(' <>|"`\\') and len(url) <= MAX_RUNBOOK_URL
    host = url.partition("://")[2].partition("/")[0]
    return url if plain and url.startswith(("https://", "http://")) and "@" not in host else ""


def _value(text: str) -> str:
    return quote(_UNFIT.sub("?", one_line(text)[:_MAX_VALUE]), safe="")
