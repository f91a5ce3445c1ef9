"""Slack: one message out by incoming webhook, and the ledger of what was accepted."""

from connectors.slack.config import SlackConfig
from connectors.slack.ledger import Ledger, LedgerError
from connectors.slack.webhook import Outcome, PostResult, SlackWebhook

__all__ = ["Ledger", "LedgerError", "Outcome", "PostResult", "SlackConfig", "SlackWebhook"]
