"""The vocabulary after triage."""

from dataflows.domain.alerts import Reason


def test_reasons_are_their_own_words() -> None:
    """A reason is the text that logs, labels and documents carry."""
    assert ["first", "new_window", "summary", "held_repeat", "held_late"] == [f"{reason}" for reason in Reason]
