"""What one attempt at Slack came to, and how an answer is read: shared by the webhook and the bot."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import requests
from urllib3.exceptions import HTTPError

DEFAULT_RETRY_AFTER_S: Final = 30.0
"""Pause after a 429 whose Retry-After is absent or unreadable. Slack always sends whole seconds
(https://docs.slack.dev/apis/web-api/rate-limits); a proxy in between may not. Our choice."""

MAX_RETRY_AFTER_S: Final = 3600.0
"""Longest pause that an answer can order: a broken proxy must not silence a channel for years. Our choice; Slack asks
for a minute or so."""

MAX_DETAIL_CHARS: Final = 200
"""Slack's own error bodies are one word (`invalid_blocks`); only a proxy's page is longer."""

RETRYABLE_4XX: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


class Outcome(StrEnum):
    """What one attempt came to; also a metric label."""

    ACCEPTED = "accepted"
    RATE_LIMITED = "rate_limited"
    TRANSIENT = "transient"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class PostResult:
    """Answer to one attempt. Holds no secret."""

    outcome: Outcome
    retry_after_s: float | None = None
    """Seconds to wait: what Slack asks for (always set for `rate_limited`), or a minute where an operator must act."""
    detail: str = ""
    """Slack's word (`invalid_blocks`), perhaps with what to do, or the kind of network error; at most
    `MAX_DETAIL_CHARS`."""
    status: int | None = None
    """HTTP status; None when there was no answer."""
    channel: str = ""
    """Id of the channel as Slack answered it (`C...`); empty with a webhook, which does not say."""
    ts: str = ""
    """The message's timestamp, its id within the channel; empty with a webhook."""


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret as `***`."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def body_of(response: requests.Response, max_bytes: int, within_s: float) -> bytes:
    """The start of the body, as far as it comes within a time: a server that drips bytes must not hold the outbox.

    Raises requests.RequestException, urllib3's HTTPError or OSError if the connection breaks.
    """
    body = bytearray()
    deadline = time.monotonic() + within_s
    while len(body) < max_bytes and time.monotonic() < deadline:
        part = response.raw.read1(max_bytes, decode_content=True)
        if not part:
            break
        body += part
    return bytes(body[:max_bytes])


def shorten(text: str) -> str:
    """Printable words of the text, at most `MAX_DETAIL_CHARS`."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= MAX_DETAIL_CHARS else f"{words[: MAX_DETAIL_CHARS - 1]}…"


def seconds(header: str | None) -> float | None:
    """Whole seconds of a Retry-After, at most `MAX_RETRY_AFTER_S`, or None. A date is not read: Slack sends none."""
    text = (header or "").strip()
    return min(float(text), MAX_RETRY_AFTER_S) if text.isascii() and text.isdigit() and len(text) < 10 else None


def kind(err: BaseException) -> str:
    """The error's class and its root cause's class; never its text, which holds the URL."""
    root: BaseException = err
    seen = {id(root)}
    while True:
        inner = root.__cause__ or root.__context__ or getattr(root, "reason", None)
        inner = inner or next((arg for arg in root.args if isinstance(arg, BaseException)), None)
        if not isinstance(inner, BaseException) or id(inner) in seen:
            break
        root = inner
        seen.add(id(root))
    outer, inmost = type(err).__name__, type(root).__name__
    return outer if outer == inmost else f"{outer} ({inmost})"


NETWORK_ERRORS: Final = (requests.RequestException, HTTPError, OSError)
"""What a broken connection raises; requests lets some errors of urllib3 through as they are."""
