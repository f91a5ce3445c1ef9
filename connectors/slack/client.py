"""slack_sdk's WebClient with a transport that no answer can hold up, and that tells no log anything."""

import json as json_
import logging
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import requests
from requests.auth import AuthBase
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from connectors.slack.answer import NETWORK_ERRORS, body_of, shorten, without
from connectors.slack.config import SlackConfig

MAX_ANSWER_BYTES: Final = 8_000_000
"""More than a page of `PAGE_MESSAGES` cards at their largest (`dataflows.render.slack.MAX_MESSAGE`, escaped)."""

PAGE_MESSAGES: Final = 100
"""Messages asked for at once; Slack recommends no more than 200:
https://docs.slack.dev/reference/methods/conversations.history"""

NOT_SLACK: Final = "not_slack"
"""Key under which an answer that is no JSON object keeps its start."""

# A logger of its own outside the tree, which no setting of the process can make talk: slack_sdk's lines hold bodies
# of messages and the proxy's password.
_SILENT: Final = logging.Logger("slack_sdk.silent", logging.CRITICAL + 1)  # noqa: LOG001 - see above


class _Bearer(AuthBase):
    """The token as a header. Not a plain header: requests would put a password from ~/.netrc in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class BoundedClient(WebClient):
    """The Web API's methods with their arguments as slack_sdk knows them; the answer comes as it is, unjudged.

    slack_sdk's own transport follows redirects with the token, ignores NO_PROXY, reads an answer of any length for
    any time, and logs it at DEBUG; this one does none of it. One attempt per call, no retries. Raises what requests
    raises. Thread-safe: every call has its own connection.
    """

    def __init__(self, config: SlackConfig) -> None:
        if config.bot_token is None:
            msg = "no Slack bot token: set CALI_SLACK__BOT_TOKEN to the app's bot token (xoxb-...)"
            raise ValueError(msg)
        super().__init__(base_url=config.api_url, proxy="unused", logger=_SILENT, retry_handlers=[])
        self._secret = config.bot_token
        self._timeout_s = config.timeout_s

    def api_call(  # noqa: PLR0913 - slack_sdk's signature
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        params: Mapping[str, object] | None = None,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: Mapping[str, object] | None = None,
    ) -> SlackResponse:
        """One call. Its arguments go as JSON or as a form, as the method's wrapper in slack_sdk has it."""
        if files or data or headers or auth:
            _unsupported(api_method)
        token = self._secret.get_secret_value()
        sent_headers = {"User-Agent": "cali"}
        sent: bytes | dict[str, object]
        if json is not None:
            sent_headers["Content-Type"] = "application/json; charset=utf-8"
            # ASCII, so that a lone surrogate in a payload cannot fail to encode.
            sent = json_.dumps(json, allow_nan=False).encode("ascii")
        else:
            sent = {name: _form(value) for name, value in (params or {}).items() if value is not None}
        with requests.post(
            self.base_url + api_method,
            data=sent,
            headers=sent_headers,
            auth=_Bearer(token),
            timeout=self._timeout_s,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = self._body(response)
            return SlackResponse(
                client=self,
                http_verb=http_verb,
                api_url=api_method,
                req_args={},
                data=_object(without(body.decode("utf-8", "replace"), (token,))),
                headers=dict(response.headers),
                status_code=response.status_code,
            )

    def _body(self, response: requests.Response) -> bytes:
        try:
            return body_of(response, MAX_ANSWER_BYTES, self._timeout_s)
        except NETWORK_ERRORS:
            if response.status_code == requests.codes.ok:
                raise
            return b""  # an error's status says enough, and its Retry-After is not to be lost


def _form(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _object(text: str) -> dict[str, Any]:
    try:
        value = json_.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {NOT_SLACK: shorten(text[:2000])}


def _unsupported(method: str) -> NoReturn:
    msg = f"{method!r} needs an upload or another authentication than the bot token: CALI does neither"
    raise NotImplementedError(msg)
