"""The last look at an outbound body."""

from dataflows.domain.border import masked
from dataflows.domain.redaction import redact


def test_a_clean_body_is_returned_itself() -> None:
    """Without a find nothing is copied."""
    body = {
        "text": "boom",
        "ts": 1714521600000,
        "blocks": [{"n": 1, "on": True, "none": None, "mail": "[EMAIL:0a1b2c3d]"}],
    }
    clean, found = masked(body, redact, b"k")
    assert (True, ()) == (clean is body, found)


def test_every_text_is_looked_at() -> None:
    """A secret at any depth is masked and named by its class; other values and the shape stay."""
    body = {"blocks": [{"text": {"text": "by a@example.com"}, "n": 1}], "list": ("from 203.0.113.9",)}
    assert (
        {"blocks": [{"text": {"text": "by [EMAIL]"}, "n": 1}], "list": ["from [IP]"]},
        ("EMAIL", "IP"),
    ) == masked(body, redact)
    assert "by a@example.com" == body["blocks"][0]["text"]["text"]  # type: ignore[index]


def test_names_and_numbers_are_looked_at() -> None:
    """An address as a name and a card as a number are masked; names that become alike stay apart."""
    body = {"a@example.com": 1, "b@example.com": int("4242" * 4), "on": True}
    assert ({"[EMAIL]": 1, "[EMAIL]#2": "[CARD]", "on": True}, ("EMAIL", "CARD")) == masked(body, redact)
