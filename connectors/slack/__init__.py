"""Slack: messages out by incoming webhook or bot token, and the ledger of what was accepted."""

from connectors.slack.answer import Outcome, PostResult
from connectors.slack.bot import HistoryUnavailableError, SlackBot
from connectors.slack.config import SlackConfig
from connectors.slack.ledger import Ledger, LedgerError
from connectors.slack.webhook import SlackWebhook

__all__ = [
    "HistoryUnavailableError",
    "Ledger",
    "LedgerError",
    "Outcome",
    "PostResult",
    "SlackBot",
    "SlackConfig",
    "SlackWebhook",
]
