"""A bot, its clock and its message: what the tests of the bot share."""

from connectors.slack import SlackBot, SlackConfig

NOW = 1_763_764_859.0
TOKEN = "xox" + "b-" + "1" * 12 + "-sample"
CARD = {"text": "broken", "blocks": [{"type": "divider"}], "unfurl_links": False, "unfurl_media": False}
CHANNEL = "#cali-alerts"


class Clock:
    """Time as a test sets it."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def bot(api_url: str, timeout_s: float = 5.0) -> SlackBot:
    """A client for `api_url`."""
    return SlackBot(SlackConfig.model_validate({"bot_token": TOKEN, "api_url": api_url, "timeout_s": timeout_s}))
