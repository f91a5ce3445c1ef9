"""The vocabulary after triage."""

from dataflows.domain.alerts import Reason


def test_reasons_are_their_own_words() -> None:
    """A reason is the text that logs, labels and documents carry."""
    told = ["first", "new_window", "regressed", "escalated", "summary", "resolved", "digest"]
    held = ["repeat", "late", "filtered", "silenced", "storm", "cascade", "quiet"]
    assert told + [f"held_{why}" for why in held] == [f"{reason}" for reason in Reason]
