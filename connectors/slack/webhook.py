"""Slack incoming webhook: one attempt at one message, and what came of it."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, LocationValueError

from connectors.slack.config import SlackConfig

DEFAULT_RETRY_AFTER_S = 30.0
"""Pause after a 429 whose Retry-After is absent or unreadable. Slack always sends whole seconds
(https://docs.slack.dev/apis/web-api/rate-limits); a proxy in between may not. Our choice."""

MAX_DETAIL_CHARS = 200
"""Slack's own error bodies are one word (`invalid_blocks`); only a proxy's page is longer."""

_MAX_BODY_BYTES = 1024
_MIN_SECRET_CHARS = 8  # shorter path segments ("services") are no secret, and hiding them would garble words
_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")  # both name the request path at DEBUG
_RETRYABLE_4XX = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


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
    """Seconds Slack asks to wait; always set for `rate_limited`."""
    detail: str = ""
    """Slack's word (`invalid_blocks`), or the kind of network error; at most `MAX_DETAIL_CHARS`."""
    status: int | None = None
    """HTTP status; None when there was no answer."""


@dataclass(frozen=True)
class _HideSecrets(logging.Filter):
    """Takes the webhook's path out of urllib3's debug lines. Equal filters are added to a logger once."""

    secrets: tuple[str, ...]

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if any(secret in message for secret in self.secrets):
            record.msg, record.args = _without(message, self.secrets), ()
        return True


class SlackWebhook:
    """Posts to one incoming webhook. Safe to share between threads: every call has its own connection."""

    def __init__(self, config: SlackConfig) -> None:
        if config.webhook_url is None:
            msg = "no Slack webhook: set CALI_SLACK__WEBHOOK_URL to the URL of an incoming webhook"
            raise ValueError(msg)
        self._config = config
        self._url = config.webhook_url
        self._secrets = _secrets_of(config.webhook_url.get_secret_value())
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_HideSecrets(self._secrets))

    def __repr__(self) -> str:
        return f"SlackWebhook(channel={self._config.channel!r})"

    def post(self, payload: Mapping[str, object]) -> PostResult:
        """Send `payload` once; blocks up to `timeout_s` to connect and again for the answer (name resolution aside).

        Never raises for Slack or the network. `transient` after a lost answer leaves open whether Slack took the
        message: a second attempt may show it twice. A payload that is not JSON is a bug: TypeError or ValueError.
        """
        # ASCII, so that a lone surrogate in a payload cannot fail to encode.
        body = json.dumps(payload, allow_nan=False).encode("ascii")
        try:
            with requests.post(
                self._url.get_secret_value(),
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "cali"},
                timeout=self._config.timeout_s,
                allow_redirects=False,  # a followed redirect turns the POST into a GET, and a login page into "200 OK"
                stream=True,  # the status decides; the body is read up to a bound
            ) as response:
                return self._classify(response)
        # requests lets some errors of urllib3 through as they are, such as that of a host with an overlong label.
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationValueError) as err:
            return PostResult(Outcome.TERMINAL, detail=_kind(err))
        except (requests.RequestException, HTTPError) as err:
            return PostResult(Outcome.TRANSIENT, detail=_kind(err))

    def _classify(self, response: requests.Response) -> PostResult:
        status = response.status_code
        detail = _shorten(_without(_body(response, self._config.timeout_s), self._secrets))
        wait = _seconds(response.headers.get("Retry-After"))
        if 200 <= status < 300:
            if detail.startswith("<"):  # a proxy's login page: Slack answers "ok"
                return PostResult(Outcome.TRANSIENT, None, f"not Slack's answer: {detail}"[:MAX_DETAIL_CHARS], status)
            return PostResult(Outcome.ACCEPTED, None, detail, status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return PostResult(Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S if wait is None else wait, detail, status)
        if status >= 500 or status in _RETRYABLE_4XX:
            return PostResult(Outcome.TRANSIENT, wait, detail, status)
        return PostResult(Outcome.TERMINAL, None, detail, status)


def _secrets_of(url: str) -> tuple[str, ...]:
    """Every part of the URL that must not be seen, longest first so that parts do not break the whole."""
    parts = urlsplit(url)
    pieces = {url, parts.path, parts.query, parts.password or "", *parts.path.split("/")}
    return tuple(sorted((p for p in pieces if len(p) > _MIN_SECRET_CHARS), key=lambda piece: (-len(piece), piece)))


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _body(response: requests.Response, within_s: float) -> str:
    """The start of the body, as far as it comes within a time: a server that drips bytes must not hold the outbox."""
    body = b""
    deadline = time.monotonic() + within_s
    try:
        while len(body) < _MAX_BODY_BYTES and time.monotonic() < deadline:
            part = response.raw.read1(_MAX_BODY_BYTES, decode_content=True)
            if not part:
                break
            body += part
    except (requests.RequestException, HTTPError, OSError) as err:  # the status line has arrived, and it alone decides
        return _kind(err)
    return body[:_MAX_BODY_BYTES].decode("utf-8", "replace")


def _shorten(text: str) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= MAX_DETAIL_CHARS else f"{words[: MAX_DETAIL_CHARS - 1]}…"


def _seconds(header: str | None) -> float | None:
    """Whole seconds of a Retry-After, or None. A date is not read: Slack sends none."""
    text = (header or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _kind(err: BaseException) -> str:
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
