"""Slack Web API with a bot token: post, update in place, and ask what was posted."""

import re
import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import requests
import structlog
from slack_sdk.web import SlackResponse
from urllib3.exceptions import LocationValueError

from connectors.errors import ConnectorError
from connectors.slack.answer import NETWORK_ERRORS, Outcome, PostResult, kind, seconds
from connectors.slack.client import NOT_SLACK, PAGE_MESSAGES, BoundedClient
from connectors.slack.config import SlackConfig
from connectors.slack.refusals import refusal

log = structlog.get_logger(__name__)

EVENT_TYPE: Final = "cali_alert"
"""`event_type` of our messages' metadata: https://docs.slack.dev/messaging/message-metadata"""

CLOCK_SKEW_S: Final = 60.0
"""How far Slack's clock, which stamps messages, may be behind ours. Our choice."""

MAX_PAGES: Final = 50
"""Pages of one question: 5,000 messages. Beyond that the question was too wide, and the answer is "not known"."""

_ID = re.compile(r"[CDG][A-Z0-9]{8,}")  # channel, direct message, private channel of old; a name is lower case


class HistoryUnavailableError(ConnectorError):
    """The channel's messages could not be read now; later they may be."""


_MAY_NOT: Final = ("missing_scope", "not_in_channel", "channel_not_found", "no channel of that name", "not_allowed")
"""Words of a refusal that waiting does not change: https://docs.slack.dev/reference/methods/conversations.history"""

_NO_CARD: Final = frozenset({"thread_not_found", "channel_not_found", "not_in_channel"})
"""A card has no replies that could be found: it was deleted, or its channel is closed to us."""


class SlackBot:
    """Posts and updates as one app. One attempt per call; holds and logs no secret; safe to share between threads.

    `transient` after a lost answer leaves open whether Slack took the message: `sent_since` tells.
    """

    def __init__(self, config: SlackConfig) -> None:
        self._client = BoundedClient(config)
        self._ids: dict[str, str] = {}
        self._own: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SlackBot(api_url={self._client.base_url!r})"

    def post(  # noqa: PLR0913 - the parts of one message
        self,
        channel: str,
        payload: Mapping[str, object],
        *,
        key: str,
        lines: Sequence[str] = (),
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> PostResult:
        """chat.postMessage to a channel (`#name` or id), perhaps as a reply that is shown in the channel too.

        Never raises for Slack or the network; blocks as `SlackWebhook.post`. `key` goes along as metadata, and so do
        `lines`: words, one for each alert that a digest tells.
        """
        metadata = _metadata(key, *lines)
        arguments = {**payload, "channel": self.channel_id(channel) or channel, "metadata": metadata}
        if thread_ts:
            arguments |= {"thread_ts": thread_ts, "reply_broadcast": broadcast}
        # One dictionary for the SDK's keyword arguments: what a card holds is checked by Slack, not by types.
        result = _attempt(partial(self._client.chat_postMessage, **cast("dict[str, Any]", arguments)))
        if result.outcome is Outcome.ACCEPTED:
            self._ids[channel] = result.channel
        return result

    def update(self, channel: str, ts: str, payload: Mapping[str, object], *, key: str) -> PostResult:
        """chat.update of our own message; the metadata stays. The channel is an id, or a name posted to before."""
        arguments = {name: payload[name] for name in ("text", "blocks") if name in payload}
        arguments |= {"channel": self.channel_id(channel) or channel, "ts": ts, "metadata": _metadata(key)}
        return _attempt(partial(self._client.chat_update, **cast("dict[str, Any]", arguments)))

    def sent_since(
        self, channel: str, oldest_ts: float, *, threads: Sequence[tuple[str, str]] = ()
    ) -> dict[str, tuple[str, str]] | None:
        """Key -> (channel id, ts) of our own messages since `oldest_ts` (epoch seconds), replies included.

        The word of a digest's line has an empty ts: it is told, and has no message of its own.

        Replies are found below messages since then, and below `threads`: (channel id, ts) of older cards, which may lie
        in another channel, or in one that is gone by now. None if it may not be asked, for which a log line says why.
        Needs the scopes channels:history and channels:read (groups:* for private channels). Does not wait out a rate
        limit.

        Raises:
            HistoryUnavailableError: it could not be asked now, or not to the end.
        """
        oldest = f"{max(oldest_ts - CLOCK_SKEW_S, 0):.6f}"
        asked: dict[str, Any] = {"oldest": oldest, "inclusive": True, "include_all_metadata": True}
        found: dict[str, tuple[str, str]] = {}
        try:
            own, where = self._identity(), self.channel_id(channel) or self._look_up(channel)
            open_threads = dict.fromkeys(threads)
            history = partial(self._client.conversations_history, channel=where, **asked)
            for message in _pages(history, "messages"):
                _note(found, own, where, message)
                if str(message.get("latest_reply", "")) >= oldest:  # "1763764859.000100": ten digits until 2286
                    open_threads[where, str(message.get("ts"))] = None
            for place, thread in open_threads:
                replies = partial(self._client.conversations_replies, channel=place, ts=thread, **asked)
                for message in _pages(replies, "messages", empty=_NO_CARD):
                    if str(message.get("ts")) >= oldest:  # the card itself comes along, however old
                        _note(found, own, place, message)
        except (_NotToldError, *NETWORK_ERRORS) as err:
            reason = str(err) if isinstance(err, _NotToldError) else kind(err)
            if not any(word in reason for word in _MAY_NOT):
                raise HistoryUnavailableError(reason) from None
            effect = "a message whose answer was lost may be repeated"
            log.warning("slack.history_unknown", channel=channel, reason=reason, effect=effect)
            return None
        return found

    def channel_id(self, channel: str) -> str:
        """The id of a channel that is one, or that was posted to or asked for before; else empty. Asks nobody."""
        return channel if _ID.fullmatch(channel) else self._ids.get(channel, "")

    def _identity(self) -> frozenset[str]:
        """Our ids as Slack puts them on messages: others may copy our metadata."""
        with self._lock:
            if not self._own:
                answer = _told(self._client.auth_test())
                self._own = frozenset(str(answer[name]) for name in ("bot_id", "user_id") if answer[name])
            return self._own

    def _look_up(self, channel: str) -> str:
        """The id of a channel we are in, by its name. Only of such a one can the history be asked."""
        listed = partial(self._client.users_conversations, types="public_channel,private_channel")
        try:
            names = {str(found.get("name")): str(found.get("id")) for found in _pages(listed, "channels")}
        except _NotToldError as err:
            if "missing_scope" not in str(err):
                raise
            listed = partial(self._client.users_conversations, types="public_channel")
            names = {str(found.get("name")): str(found.get("id")) for found in _pages(listed, "channels")}
        if (found_id := names.get(channel.removeprefix("#"))) is None:
            msg = "the bot is in no channel of that name; invite it"
            raise _NotToldError(msg)
        self._ids[channel] = found_id
        return found_id


class _NotToldError(Exception):
    """Slack refused a question; the message is its word."""


def _metadata(key: str, *lines: str) -> dict[str, object]:
    """Slack's type of a payload knows texts, and lists of objects only: so the lines are one text."""
    payload: dict[str, object] = {"key": key, "lines": " ".join(lines)} if lines else {"key": key}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _attempt(call: Callable[[], SlackResponse]) -> PostResult:
    try:
        answer = call()
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationValueError) as err:
        return PostResult(Outcome.TERMINAL, detail=kind(err))
    except NETWORK_ERRORS as err:
        return PostResult(Outcome.TRANSIENT, detail=kind(err))
    status, channel, ts = answer.status_code, answer.get("channel"), answer.get("ts")
    if status == 200 and answer.get("ok") is True:
        if isinstance(channel, str) and isinstance(ts, str) and channel and ts:
            return PostResult(Outcome.ACCEPTED, None, "ok", status, channel, ts)
        return PostResult(Outcome.TRANSIENT, None, "ok without channel and ts", status)
    return refusal(status, _word(answer), str(answer.get(NOT_SLACK, "")), seconds(_retry_after(answer)))


def _told(answer: SlackResponse) -> SlackResponse:
    if answer.status_code == 200 and answer.get("ok") is True:
        return answer
    needed = answer.get("needed")
    result = refusal(answer.status_code, _word(answer), str(answer.get(NOT_SLACK, "")), None)
    raise _NotToldError(f"{_word(answer)}, needed: {needed}" if isinstance(needed, str) else result.detail)


def _pages(call: Callable[..., SlackResponse], items: str, *, empty: Container[str] = ()) -> Iterator[dict[str, Any]]:
    """The objects of all pages. A refusal of `empty` means that there are none."""
    cursor = ""
    for _ in range(MAX_PAGES):
        answer = call(limit=PAGE_MESSAGES, cursor=cursor or None)
        if _word(answer) in empty:
            return
        found = _told(answer).get(items)
        yield from (item for item in found or () if isinstance(item, dict))
        after = answer.get("response_metadata")
        cursor = str(after.get("next_cursor") or "") if isinstance(after, dict) else ""
        if not cursor:
            return
    msg = f"more than {MAX_PAGES} pages of {items}"
    raise _NotToldError(msg)


def _note(found: dict[str, tuple[str, str]], own: frozenset[str], where: str, message: Mapping[str, Any]) -> None:
    metadata, ts = message.get("metadata"), message.get("ts")
    if not own & {message.get("bot_id"), message.get("user")}:
        return
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE or not isinstance(ts, str):
        return
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return
    key, lines = payload.get("key"), payload.get("lines")
    if isinstance(key, str) and (not found.get(key, ("", ""))[1] or ts < found[key][1]):
        found[key] = (where, ts)
    for line in lines.split() if isinstance(lines, str) else ():
        found.setdefault(line, (where, ""))


def _word(answer: SlackResponse) -> str:
    word = answer.get("error")
    return word[:100] if isinstance(word, str) and word.isprintable() else ""


def _retry_after(answer: SlackResponse) -> str | None:
    return next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), None)
