"""Where alerts are told: Slack by bot or webhook, or the terminal; and the last look at what leaves."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from connectors.slack import Outcome, PostResult, SlackBot, SlackConfig, SlackWebhook
from dataflows import metrics
from dataflows.domain.alerts import Alert
from dataflows.domain.border import masked
from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction.lists import Lists
from dataflows.render import slack, terminal
from dataflows.render.links import Links
from dataflows.settings import RedactionConfig, Settings
from dataflows.steps.posting import Card, Messenger, Threads, mark

log = structlog.get_logger(__name__)

_ID = re.compile(r"[CDG][A-Z0-9]{8,}")


def named(channel: str) -> str:
    """One form for each channel, or its pace would be kept twice: `#name`, or an id as it is."""
    return channel if not channel or channel.startswith("#") or _ID.fullmatch(channel) else f"#{channel}"


def redactor_of(config: RedactionConfig) -> Redactor:
    """Redaction with the deployment's lists."""
    return Redactor(Lists(config.allow, config.deny, config.deny_fields))


class Border:
    """Looks once more at every body that leaves for one place; a secret is masked, counted and logged by class."""

    def __init__(self, to: str, config: RedactionConfig) -> None:
        self._to = to
        self._redactor = redactor_of(config)
        self._key = config.key.get_secret_value().encode() if config.key else None

    def __call__(self, body: Any) -> Any:  # noqa: ANN401 - JSON of whatever shape
        """The body without secrets. Never raises for data."""
        clean, found = masked(body, self._redactor, self._key)
        for kind in found:
            metrics.BORDER.labels(self._to, kind).inc()
            log.error("border.hit", to=self._to, kind=kind, effect="masked; it should have been masked in triage")
        return clean


class WebhookMessenger:
    """Alerts as cards to incoming webhooks: one for each channel that has its own, and one for the rest."""

    def __init__(self, config: SlackConfig, language: str, links: Links, border: Border) -> None:
        self._channel = named(config.channel)
        self._hooks = {named(name): SlackWebhook(config, url) for name, url in config.webhook_urls.items()}
        if config.webhook_url is not None:
            self._hooks.setdefault(self._channel, SlackWebhook(config, config.webhook_url))
        self._language = language
        self._links = links
        self._border = border

    def channel_of(self, alert: Alert) -> str:
        """The channel of the rules if it has a webhook, else the default one."""
        name = named(alert["channel"])
        return name if name in self._hooks else self._channel

    def post(self, alert: Alert) -> PostResult:
        """One attempt."""
        hook = self._hooks.get(self.channel_of(alert))
        if hook is None:
            detail = f"no webhook for {self.channel_of(alert)}: set CALI_SLACK__WEBHOOK_URL"
            return PostResult(Outcome.TERMINAL, detail=detail)
        return hook.post(self._border(slack.card(alert, self._language, links=self._links)))


class BotMessenger:
    """Alerts as cards of an app: updated in place, with what follows in their threads."""

    def __init__(self, config: SlackConfig, language: str, links: Links, border: Border) -> None:
        self._channel = named(config.channel)
        self._bot = SlackBot(config)
        self._language = language
        self._links = links
        self._border = border

    def channel_of(self, alert: Alert) -> str:
        """The channel of the rules, else the default one."""
        return named(alert["channel"]) or self._channel

    def post(self, alert: Alert) -> PostResult:
        """One attempt at a message of its own."""
        body = self._border(slack.card(alert, self._language, links=self._links))
        lines = [mark(line["id"]) for line in alert["lines"]]
        return self._bot.post(self.channel_of(alert), body, key=alert["id"], lines=lines)

    def reply(self, alert: Alert, card: Card, *, broadcast: bool) -> PostResult:
        """One attempt at an answer under a card."""
        body = self._border(slack.reply(alert, self._language))
        return self._bot.post(card[0], body, key=alert["id"], thread_ts=card[1], broadcast=broadcast)

    def update(self, opening: Alert, latest: Alert | None, card: Card) -> PostResult:
        """One attempt at showing a card anew."""
        body = (
            slack.card(opening, self._language, links=self._links)
            if latest is None
            else slack.card_now(opening, latest, self._language, links=self._links)
        )
        return self._bot.update(card[0], card[1], self._border(body), key=opening["id"])

    def sent_since(self, channel: str, oldest_ts: float, threads: Sequence[Card]) -> dict[str, Card] | None:
        """Messages of this app by key."""
        return self._bot.sent_since(channel, oldest_ts, threads=threads)


class TerminalMessenger:
    """Alerts as plain text on standard output, where no webhook and no token is set."""

    def __init__(self, language: str, links: Links) -> None:
        self._language = language
        self._links = links

    def channel_of(self, alert: Alert) -> str:
        """There is one."""
        del alert
        return "terminal"

    def post(self, alert: Alert) -> PostResult:
        """Print it; always accepted."""
        sys.stdout.write(terminal.terminal(alert, self._language, links=self._links) + "\n\n")
        sys.stdout.flush()
        return PostResult(Outcome.ACCEPTED)


def messenger(settings: Settings) -> tuple[Messenger, Threads | None]:
    """The bot if there is a token, else webhooks, else the terminal; and the bot once more if it is one."""
    config, border = settings.slack, Border("slack", settings.redaction)
    links = Links(search_url=settings.cards.search_url)
    if config.bot_token is not None:
        bot = BotMessenger(config, settings.language, links, border)
        return bot, bot
    if config.webhook_url is not None or config.webhook_urls:
        return WebhookMessenger(config, settings.language, links, border), None
    return TerminalMessenger(settings.language, links), None
