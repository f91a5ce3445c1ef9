"""What Slack's Web API means by a word: whether time, an operator or nobody mends what it refuses."""

from http import HTTPStatus
from typing import Final

from connectors.slack.answer import (
    DEFAULT_RETRY_AFTER_S,
    MAX_DETAIL_CHARS,
    RETRYABLE_4XX,
    Outcome,
    PostResult,
)

OPERATOR_PAUSE_S: Final = 60.0
"""Pause before the next attempt where a person must act first: no alert is lost while the token is renewed or the bot
is invited, and Slack is asked once a minute. Our choice."""

_TOKEN: Final = "set a valid CALI_SLACK__BOT_TOKEN"  # noqa: S105 - an advice, not a token
_POLICY: Final = "a setting of the workspace forbids it; ask its administrators"
_ADVICE: Final = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "account_inactive": _TOKEN,
    "token_expired": _TOKEN,
    "token_revoked": _TOKEN,
    "not_allowed_token_type": _TOKEN,
    "missing_scope": "give the app the scope chat:write and install it again",
    "no_permission": "give the app the scope chat:write and install it again",
    "channel_not_found": "correct CALI_SLACK__CHANNEL or the route, or invite the bot if the channel is private",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "unarchive the channel or route its alerts elsewhere",
    "restricted_action": _POLICY,
    "restricted_action_read_only_channel": _POLICY,
    "restricted_action_thread_only_channel": _POLICY,
    "restricted_action_non_threadable_channel": _POLICY,
    "access_denied": _POLICY,
    "ekm_access_denied": _POLICY,
    "team_access_not_granted": _POLICY,
    "org_login_required": _POLICY,
    "message_limit_exceeded": _POLICY,
}
"""Errors of chat.postMessage and chat.update that an operator mends, with what to do:
https://docs.slack.dev/reference/methods/chat.postMessage#errors"""

_FOR_GOOD: Final = frozenset(
    {
        *("no_text", "too_many_attachments", "too_many_contact_cards", "as_user_not_supported", "user_not_in_channel"),
        *("message_not_found", "cant_update_message", "edit_window_closed", "message_not_owned_by_app"),
        *("thread_not_found", "cannot_reply_to_message", "markdown_text_conflict", "attachment_payload_limit_exceeded"),
    }
)
_FOR_GOOD_PREFIXES: Final = ("invalid_", "msg_", "metadata_")  # after `_ADVICE`, which has invalid_auth
_LIMITED: Final = frozenset({"ratelimited", "rate_limited"})
UNREADABLE_REQUEST: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


def refusal(status: int, word: str, text: str, wait_s: float | None) -> PostResult:
    """The result of an answer that is no acceptance.

    `word` is Slack's `error`, empty if the answer is none of Slack's (`text` then shows its start); `wait_s` is
    Retry-After. A word that nobody knows counts as transient: the outbox gives up after its attempts, and until then
    a new rule of Slack's costs time and no alert.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS or word in _LIMITED:
        wait_s = DEFAULT_RETRY_AFTER_S if wait_s is None else wait_s
        return PostResult(Outcome.RATE_LIMITED, wait_s, word or "ratelimited", status)
    if advice := _ADVICE.get(word):
        return PostResult(Outcome.TRANSIENT, OPERATOR_PAUSE_S, f"{word}: {advice}"[:MAX_DETAIL_CHARS], status)
    if word in _FOR_GOOD or word.startswith(_FOR_GOOD_PREFIXES):
        return PostResult(Outcome.TERMINAL, None, word, status)
    detail = word or f"not Slack's answer: {text}"[:MAX_DETAIL_CHARS]
    if status == HTTPStatus.OK or status >= 500 or status in RETRYABLE_4XX:
        return PostResult(Outcome.TRANSIENT, wait_s, detail, status)
    if status in UNREADABLE_REQUEST:
        return PostResult(Outcome.TERMINAL, None, detail, status)
    return PostResult(Outcome.TRANSIENT, OPERATOR_PAUSE_S, detail, status)  # a proxy's redirect, login or ban
