"""What of a model's answer is shown."""

import pytest

from rag.models import Claim
from rag.verify import MAX_TEXT, harmless, supported

TEXTS = {"a": "Run `kubectl rollout undo deployment/NAME`\n  to go back. See https://ok.example/x for more."}
QUOTE = "to go back. See https://ok.example/x for more."


def claim(**changes: str) -> Claim:
    """Build a claim that holds, changed as told."""
    base: Claim = {"text": "Go back to the last release.", "doc_id": "a", "quote": QUOTE}
    return {**base, **changes}  # type: ignore[typeddict-item]


def test_a_quotation_may_differ_in_white_space() -> None:
    """Line breaks of the runbook do not matter, its words do."""
    good = claim(quote="Run `kubectl rollout undo deployment/NAME` to go back.")
    assert supported([good, claim(quote="Run `kubectl rollout undo deployment/OTHER` to go back.")], TEXTS) == [good]


@pytest.mark.parametrize(
    "changes",
    [
        {"doc_id": "b"},
        {"doc_id": ""},
        {"quote": ""},
        {"quote": "back"},
        {"text": ""},
        {"text": "x" * (MAX_TEXT + 1)},
        {"text": "See https://evil.example/x"},
        {"text": "See evil.example/login"},
        {"text": "See [the docs](javascript://evil)"},
        {"text": "Run `rm -rf /`"},
        {"text": "<!channel> wake up"},
        {"text": "ask @here"},
        {"text": "<@U123> approved it"},
        {"text": "hidden \u202e text"},
    ],
)
def test_a_claim_without_support_is_dropped(changes: dict[str, str]) -> None:
    """Unknown runbook, missing quotation, foreign link, invented command, mention: each alone is enough."""
    assert supported([claim(**changes)], TEXTS) == []


def test_links_and_commands_of_the_runbook_may_be_used() -> None:
    """What the cited runbook itself says can be shown."""
    good = claim(text="Run `kubectl rollout undo deployment/NAME`, see https://ok.example/x")
    assert supported([good], TEXTS) == [good]
    assert harmless(good["text"], list(TEXTS.values()))
