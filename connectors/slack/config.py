"""What the Slack connector must be told."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator


def _none_if_blank(value: object) -> object:
    """A variable that is set but empty (`CALI_SLACK__WEBHOOK_URL=`) means "not set"."""
    return None if isinstance(value, str) and not value.strip() else value


OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_none_if_blank)]


class SlackConfig(BaseModel):
    """Where messages go and how fast. Frozen; neither its repr nor its own errors show a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    webhook_url: OptionalSecret = None
    """Incoming webhook (`https://hooks.slack.com/services/...`). A secret: whoever has it can post. Without it, and
    without a bot token, alerts go to the terminal."""

    bot_token: OptionalSecret = None
    """Bot token (`xoxb-...`), for messages that are updated in place."""

    channel: str = Field(default="#cali-alerts", min_length=1, max_length=80)
    """Channel, for the bot token, metrics and history. An incoming webhook posts to the channel it was made for,
    whatever this says."""

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

    @field_validator("webhook_url")
    @classmethod
    def _webhook_url_is_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
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

    @field_validator("bot_token")
    @classmethod
    def _bot_token_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        # xoxb- is a bot token, xoxe.xoxb- a rotating one: https://docs.slack.dev/authentication/tokens
        if value is not None and not value.get_secret_value().startswith(("xoxb-", "xoxe.xoxb-")):
            msg = "must be a Slack bot token, which starts with xoxb- (app settings, OAuth & Permissions)"
            raise ValueError(msg)
        return value
