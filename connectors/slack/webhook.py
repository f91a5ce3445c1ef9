"""Slack incoming webhook: one attempt at one message, and what came of it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr
from urllib3.exceptions import HTTPError, LocationValueError

from connectors.slack.answer import (
    DEFAULT_RETRY_AFTER_S,
    NETWORK_ERRORS,
    RETRYABLE_4XX,
    Outcome,
    PostResult,
    body_of,
    kind,
    seconds,
    shorten,
    without,
)
from connectors.slack.config import SlackConfig
from connectors.slack.refusals import OPERATOR_PAUSE_S, UNREADABLE_REQUEST, refusal

_MAX_BODY_BYTES = 16_384
"""A refusal of Slack's Web API names every fault of a message of fifty blocks; what is longer is cut, and not read."""
_MIN_SECRET_CHARS = 8  # shorter path segments ("services") are no secret, and hiding them would garble words
_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")  # both name the request path at DEBUG


@dataclass(frozen=True)
class _HideSecrets(logging.Filter):
    """Takes the webhook's path out of urllib3's debug lines. Equal filters are added to a logger once."""

    secrets: tuple[str, ...]

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if any(secret in message for secret in self.secrets):
            record.msg, record.args = without(message, self.secrets), ()
        return True


class SlackWebhook:
    """Posts to one incoming webhook: `url`, or without one that of the settings.

    Safe to share between threads: every call has its own connection. With a webhook for each of several channels,
    make one object for each.
    """

    def __init__(self, config: SlackConfig, url: SecretStr | None = None) -> None:
        url = url or config.webhook_url
        if url is None:
            msg = "no Slack webhook: set CALI_SLACK__WEBHOOK_URL to the URL of an incoming webhook"
            raise ValueError(msg)
        self._timeout_s = config.timeout_s
        self._url = url
        self._secrets = _secrets_of(url.get_secret_value())
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_HideSecrets(self._secrets))

    def __repr__(self) -> str:
        return f"SlackWebhook(timeout_s={self._timeout_s!r})"

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
                timeout=self._timeout_s,
                allow_redirects=False,  # a followed redirect turns the POST into a GET, and a login page into "200 OK"
                stream=True,  # the status decides; the body is read up to a bound
            ) as response:
                return self._classify(response)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationValueError) as err:
            return PostResult(Outcome.TERMINAL, detail=kind(err))
        except (requests.RequestException, HTTPError) as err:
            return PostResult(Outcome.TRANSIENT, detail=kind(err))

    def _classify(self, response: requests.Response) -> PostResult:
        status = response.status_code
        text = self._text(response)
        detail = shorten(text)
        wait = seconds(response.headers.get("Retry-After"))
        if 200 <= status < 300:
            word = "" if detail.startswith("<") else _refused(text)  # a proxy's login page: Slack answers "ok"
            if word is None:
                return PostResult(Outcome.ACCEPTED, None, detail, status)
            return replace(refusal(HTTPStatus.OK, word, detail, wait), status=status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return PostResult(Outcome.RATE_LIMITED, DEFAULT_RETRY_AFTER_S if wait is None else wait, detail, status)
        if status >= 500 or status in RETRYABLE_4XX:
            return PostResult(Outcome.TRANSIENT, wait, detail, status)
        if status in UNREADABLE_REQUEST:
            return PostResult(Outcome.TERMINAL, None, detail, status)
        # The webhook was revoked, its channel is gone or archived, or a proxy redirects or wants a login: an operator
        # mends that, and no alert is lost meanwhile
        # (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors).
        return PostResult(Outcome.TRANSIENT, OPERATOR_PAUSE_S, detail, status)

    def _text(self, response: requests.Response) -> str:
        try:
            body = body_of(response, _MAX_BODY_BYTES, self._timeout_s)
        except NETWORK_ERRORS as err:  # the status line has arrived, and it alone decides
            return kind(err)
        return without(body.decode("utf-8-sig", "replace"), self._secrets)


def _refused(text: str) -> str | None:
    """The `error` of an answer `{"ok": false, ...}`, as Slack's Web API and gateways before it say with a 200."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return shorten(str(answer.get("error") or "")) if isinstance(answer, dict) and answer.get("ok") is False else None


def _secrets_of(url: str) -> tuple[str, ...]:
    """Every part of the URL that must not be seen, longest first so that parts do not break the whole."""
    parts = urlsplit(url)
    pieces = {url, parts.path, parts.query, parts.password or "", *parts.path.split("/")}
    return tuple(sorted((p for p in pieces if len(p) > _MIN_SECRET_CHARS), key=lambda piece: (-len(piece), piece)))
