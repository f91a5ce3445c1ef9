"""The Slack settings."""

import json

import pytest
from pydantic import ValidationError

from connectors.slack import SlackConfig

PATH = "T0SAMPLE0/B0SAMPLE0/" + "not" + "A" * 8 + "secret"


@pytest.mark.parametrize("url", [f"https://hooks.slack.com/services/{PATH}", "http://127.0.0.1:8765/services/x"])
def test_an_http_url_is_kept(url: str) -> None:
    """Plain http is allowed beside https: the stand-in and in-cluster gateways use it."""
    config = SlackConfig.model_validate({"webhook_url": url})
    assert config.webhook_url is not None
    assert url == config.webhook_url.get_secret_value()


@pytest.mark.parametrize(
    "url",
    [
        f"hooks.slack.com/services/{PATH}",
        f"ftp://hooks.slack.com/services/{PATH}",
        f"https:///services/{PATH}",
        f"https://hooks.slack.com/services/{PATH} ",
        f"https://hooks.slack.com:notaport/services/{PATH}",
        f"https://[broken/services/{PATH}",
        f"https://hooks.slack.com/services/{PATH}\n",
    ],
)
def test_another_url_is_refused_by_rule_without_being_shown(url: str) -> None:
    """A wrong webhook URL is still a secret: the error says the rule and never the value."""
    with pytest.raises(ValidationError) as caught:
        SlackConfig.model_validate({"webhook_url": url})
    assert "webhook_url" in str(caught.value)
    assert "must be one http(s) URL" in str(caught.value)
    assert PATH not in str(caught.value)
    assert PATH not in repr(caught.value)


def test_a_blank_variable_means_not_set() -> None:
    """A line `CALI_SLACK__WEBHOOK_URL=` copied from the example file switches Slack off rather than failing."""
    config = SlackConfig.model_validate({"webhook_url": "", "bot_token": "  "})
    assert (config.webhook_url, config.bot_token) == (None, None)


@pytest.mark.parametrize("blank", ["", "{}"])
def test_no_routes_is_the_default(blank: str) -> None:
    """A blank variable and an empty object both mean that there is one webhook at most."""
    assert {} == SlackConfig().webhook_urls == SlackConfig.model_validate({"webhook_urls": blank}).webhook_urls


def test_webhooks_of_several_channels_are_read_from_json() -> None:
    """The variable is a JSON object of channels and URLs."""
    urls = {"#payments": f"https://hooks.slack.com/services/{PATH}", "#shop": "http://127.0.0.1:8765/services/x"}
    config = SlackConfig.model_validate({"webhook_urls": json.dumps(urls)})
    assert urls == {channel: url.get_secret_value() for channel, url in config.webhook_urls.items()}
    assert PATH not in f"{config!r} {config.model_dump_json()}"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (f'{{"#a": "https://hooks.slack.com/services/{PATH}"', "must be a JSON object"),
        (f'["https://hooks.slack.com/services/{PATH}"]', "must be a JSON object"),
        (f'"{PATH}"', "must be a JSON object"),
        (f'{{"#a": "hooks.slack.com/services/{PATH}"}}', "must be one http(s) URL"),
        (f'{{"": "https://hooks.slack.com/services/{PATH}"}}', "at least 1 character"),
        (f'{{"#a": ["{PATH}"]}}', "valid string"),
    ],
)
def test_wrong_webhooks_of_channels_are_refused_without_being_shown(value: str, rule: str) -> None:
    """JSON that is broken or of another shape is told by rule, and no URL in it is shown."""
    with pytest.raises(ValidationError) as caught:
        SlackConfig.model_validate({"webhook_urls": value})
    assert rule in str(caught.value)
    assert PATH not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://slack.com/api/", "https://slack.com/api/"),
        ("http://127.0.0.1:8765/api", "http://127.0.0.1:8765/api/"),
        ("http://slack_proxy:80", "http://slack_proxy:80/"),
    ],
)
def test_the_api_url_ends_in_a_slash(given: str, kept: str) -> None:
    """A forgotten slash at the end is put there."""
    assert kept == SlackConfig(api_url=given).api_url


@pytest.mark.parametrize(
    "url", ["", "slack.com/api/", "ftp://slack.com/", "https:///api/", "https://slack.com/api?x=1"]
)
def test_another_api_url_is_refused(url: str) -> None:
    """Anything but an http(s) base URL is a wrong setting."""
    with pytest.raises(ValidationError, match=r"must be an http\(s\) URL"):
        SlackConfig(api_url=url)


def test_an_api_url_with_a_password_is_refused() -> None:
    """A password in it would be shown in logs; it is refused unseen."""
    password = "pass" + "word1"
    with pytest.raises(ValidationError) as caught:
        SlackConfig(api_url=f"https://me:{password}@slack.com/api/")
    assert password not in str(caught.value)


def test_a_token_of_another_kind_is_refused_without_being_shown() -> None:
    """A user token in the place of a bot token fails at start-up, unseen."""
    token = "xox" + "p-" + "1" * 12
    with pytest.raises(ValidationError) as caught:
        SlackConfig.model_validate({"bot_token": token})
    assert "starts with xoxb-" in str(caught.value)
    assert token not in str(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    """Logging a config shows neither the webhook nor the token."""
    token = "xox" + "b-" + "2" * 12
    config = SlackConfig.model_validate({"webhook_url": f"https://hooks.slack.com/services/{PATH}", "bot_token": token})
    for shown in (repr(config), str(config), str(config.model_dump()), config.model_dump_json()):
        assert PATH not in shown
        assert token not in shown


@pytest.mark.parametrize("field", sorted(SlackConfig.model_fields))
def test_every_setting_says_what_it_is(field: str) -> None:
    """The settings reference is made from these descriptions."""
    assert SlackConfig.model_fields[field].description


def test_the_pace_is_slacks() -> None:
    """The default pace is Slack's documented one message a second and channel."""
    assert SlackConfig().min_interval_s == 1.0
