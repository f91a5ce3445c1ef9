"""What is sent to a model passes the border first."""

from typing import Any

import pytest

from rag.config import OpenAIConfig
from rag.llm import ModelError, OpenAIModel


def test_the_border_sees_the_messages_before_they_leave() -> None:
    """Every question goes through the border; nothing is sent when it refuses."""
    seen: list[Any] = []

    def refuse(messages: list[Any]) -> list[Any]:
        seen.append(messages)
        raise ValueError

    model = OpenAIModel(OpenAIConfig(base_url="http://127.0.0.1:9/v1"), refuse)
    with pytest.raises(ModelError, match="ValueError"):
        model.ask([{"role": "user", "content": "boom"}])
    model.close()
    assert [[{"role": "user", "content": "boom"}]] == seen
