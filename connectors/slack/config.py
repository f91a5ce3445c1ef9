"""What the Slack connector must be told."""

import json
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from connectors.urls import is_base_url


def _none_if_blank(value: object) -> object:
    """A variable that is set but empty (`CALI_SLACK__WEBHOOK_URL=`) means "not set"."""
    return None if isinstance(value, str) and not value.strip() else value


def _webhook_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        msg = "must be one http(s) URL such as https://hooks.slack.com/services/..., copied whole from Slack"
        raise ValueError(msg) from None
    return value


def _object_of(value: object) -> object:
    """JSON from the environment is read here and not by pydantic-settings, whose error would name only the section."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        msg = 'must be a JSON object of channels and their webhooks: {"#payments": "https://hooks.slack.com/..."}'
        raise ValueError(msg) from None  # noqa: TRY004 - pydantic reports a ValueError
    return found


OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_none_if_blank)]
WebhookUrl = Annotated[SecretStr, AfterValidator(_webhook_url)]
ChannelName = Annotated[str, Field(min_length=1, max_length=80)]


class SlackConfig(BaseModel):
    """Where messages go and how fast. Frozen; neither its repr nor its own errors show a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    webhook_url: Annotated[WebhookUrl | None, BeforeValidator(_none_if_blank)] = None
    """Incoming webhook (`https://hooks.slack.com/services/...`). A secret: whoever has it can post. Without it, and
    without a bot token, alerts go to the terminal."""

    webhook_urls: Annotated[dict[ChannelName, WebhookUrl], NoDecode, BeforeValidator(_object_of)] = {}
    """JSON object of channels and their incoming webhooks, for rules that route alerts to channels without a bot
    token: `{"#payments": "https://hooks.slack.com/services/..."}`. A secret. Other channels' alerts go to the
    webhook above."""

    bot_token: OptionalSecret = None
    """Bot token (`xoxb-...`), for messages that are updated in place, and threads. With a bot token the webhooks are
    not used. Scopes: chat:write; channels:history and channels:read keep a restart from repeating a message."""

    api_url: str = "https://slack.com/api/"
    """Base URL of Slack's Web API, for a proxy or a stand-in."""

    channel: str = Field(default="#cali-alerts", min_length=1, max_length=80)
    """Channel of alerts that no rule routes elsewhere: a name or an id. An incoming webhook posts to the channel it
    was made for, whatever this says."""

    timeout_s: float = Field(default=10.0, gt=0, le=120)
    """Seconds that one attempt may wait to connect, and then for an answer."""

    min_interval_s: float = Field(default=1.0, ge=0, le=60)
    """Seconds between two messages to one channel. Slack allows one a second and channel
    (https://docs.slack.dev/apis/web-api/rate-limits)."""

    burst: int = Field(default=3, ge=1, le=60)
    """Messages that may go out without that pause after a quiet time: Slack tolerates short bursts (same page)."""

    wait_for_analysis_s: float = Field(default=8.0, ge=0, le=120)
    """Seconds a first alert waits for its analysis when it cannot be updated later (incoming webhook)."""

    max_attempts: int = Field(default=1000, ge=1, le=100_000)
    """Attempts at one message before it is given up (`dead` in the alert history): with the longest pause of a minute,
    1,000 are about 16 hours. An answer 429 does not count as one."""

    backoff_s: float = Field(default=1.0, gt=0, le=60)
    """Seconds before the second attempt; doubled from one attempt to the next."""

    max_backoff_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest pause in seconds between two attempts."""

    max_per_minute: int = Field(default=15, ge=1, le=60)
    """Storm guard: new messages of one channel in a minute; what comes beyond becomes lines of a digest."""

    digest_s: float = Field(default=10.0, gt=0, le=300)
    """Seconds that summaries and alerts held by the storm guard are gathered for one digest."""

    fold_cascades: bool = True
    """Tell a fault that shares trace or request ids with an earlier one in that one's thread or digest."""

    tell_resolved: bool = True
    """Tell when a fault that was told more than once has been quiet for long enough."""

    @field_validator("api_url")
    @classmethod
    def _api_url_is_http(cls, value: str) -> str:
        if not is_base_url(value, underscores=True) or "@" in value:
            msg = "must be an http(s) URL without user and password, such as https://slack.com/api/"
            raise ValueError(msg)
        return value if value.endswith("/") else f"{value}/"

    @field_validator("bot_token")
    @classmethod
    def _bot_token_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        # xoxb- is a bot token, xoxe.xoxb- a rotating one: https://docs.slack.dev/authentication/tokens
        if value is not None and not value.get_secret_value().startswith(("xoxb-", "xoxe.xoxb-")):
            msg = "must be a Slack bot token, which starts with xoxb- (app settings, OAuth & Permissions)"
            raise ValueError(msg)
        return value
