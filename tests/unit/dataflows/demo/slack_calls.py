"""Calls of the stand-in for Slack, and pieces of messages: what its tests share."""

import requests

from dataflows.demo.slack_stand_in import SlackStandIn

TEXT = {"type": "text", "text": "x"}


def post(slack: SlackStandIn, payload: object) -> tuple[int, str]:
    """Status and body of Slack's answer."""
    answer = requests.post(slack.webhook_url, json=payload, timeout=5)
    return answer.status_code, answer.text


def call(slack: SlackStandIn, method: str, token: str = "xox" + "b-1", **arguments: object) -> requests.Response:
    """Slack's answer to a call of the Web API."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(slack.api_url + method, json=arguments, headers=headers, timeout=5)


def plain(text: str) -> dict[str, object]:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, object]:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def rich(*elements: dict[str, object]) -> dict[str, object]:
    """A rich_text block."""
    return {"type": "rich_text", "elements": list(elements)}


def in_section(*leaves: dict[str, object]) -> dict[str, object]:
    """A rich_text block with one section."""
    return rich({"type": "rich_text_section", "elements": list(leaves)})


def actions(*elements: dict[str, object]) -> dict[str, object]:
    """An actions block."""
    return {"type": "actions", "elements": list(elements)}


def button(**fields: object) -> dict[str, object]:
    """A button."""
    return {"type": "button", "text": plain("x"), **fields}
