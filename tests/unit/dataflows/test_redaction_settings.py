"""Settings of redaction."""

import pytest

from dataflows.settings import MIN_REDACTION_KEY, SettingsError, load


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line names the variable, the length and what to do, and does not show the key."""
    monkeypatch.setenv("CALI_REDACTION__KEY", "q" * (MIN_REDACTION_KEY - 1))
    with pytest.raises(SettingsError) as refused:
        load()
    assert (
        "CALI_REDACTION__KEY: has 15 characters; make one of at least 16, such as with `openssl rand -hex 16`"
        == refused.value.code
    )


def test_a_key_at_the_limit_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen characters are enough."""
    monkeypatch.setenv("CALI_REDACTION__KEY", "q" * MIN_REDACTION_KEY)
    key = load().redaction.key
    assert key is not None
    assert "q" * MIN_REDACTION_KEY == key.get_secret_value()
