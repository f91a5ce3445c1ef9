"""What a model may cost: limits hold before the question, and only what was counted is spent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from scripted_model import QUERY, ROOM, Model, card

from rag.explainer import Explainer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_tokens_per_hour": 5_000}, "the model's hourly budget of tokens is used up"),
        ({"max_tokens_per_day": 5_000}, "the model's daily budget of tokens is used up"),
        ({"max_usd_per_hour": 0.001}, "the model's hourly budget is used up"),
        ({"max_usd_per_day": 0.001}, "the model's daily budget is used up"),
    ],
)
def test_what_would_pass_a_limit_is_not_asked(
    explaining: Callable[..., Explainer], model: Model, limit: dict[str, Any], said: str
) -> None:
    """The runbook is quoted instead, the card says which limit, and the server saw nothing."""
    prices = {"usd_per_million_input_tokens": 1.0, "usd_per_million_output_tokens": 10.0}
    got = explaining(**prices, **limit).explain(QUERY)
    assert (0, "extractive") == (model.asked, got["source"])
    assert f"Quoted from a runbook: {said}" in card(got)


def test_only_what_the_server_counted_stays_spent(
    explaining: Callable[..., Explainer], model: Model, tmp_path: Path
) -> None:
    """With usage told, many questions fit where the worst case of two would not; a restart does not forget them."""
    state = tmp_path / "e.sqlite3"
    worst = explaining()._model.tokens_at_most([])  # type: ignore[union-attr] # there is a model
    assert worst < 10_000
    explainer = explaining(state=state, max_tokens_per_hour=80_000, cache_s=0)
    assert {"model"} == {explainer.explain(QUERY)["source"] for _ in range(8)}
    model.usage = None
    again = explaining(state=state, max_tokens_per_hour=80_000, cache_s=0)
    sources = [again.explain(QUERY)["source"] for _ in range(20)]
    assert ["model", "extractive"] == [sources[0], sources[-1]]


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": None, "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1, "total_tokens": 0},
        {"prompt_tokens": 10**30, "completion_tokens": 1, "total_tokens": 1},
        {"completion_tokens": 1},
    ],
)
def test_half_a_bill_is_counted_as_none(
    explaining: Callable[..., Explainer], model: Model, usage: dict[str, Any]
) -> None:
    """What a server counts only in part, or out of all bounds, stays at its worst case; the answer is shown."""
    model.usage = usage
    explainer = explaining(max_tokens_per_hour=ROOM)
    assert "model" == explainer.explain(QUERY)["source"]
    with explainer._state.begin() as db:
        ((spent,),) = db.execute("SELECT tokens FROM spent").fetchall()
    assert spent > explainer._model.tokens_at_most([])  # type: ignore[union-attr] # there is a model


def test_a_key_that_ends_with_a_line_break_is_a_key(explaining: Callable[..., Explainer], model: Model) -> None:
    """`echo KEY | base64` makes such secrets."""
    assert "model" == explaining(api_key=SecretStr("sk-test\n"), max_tokens_per_hour=ROOM).explain(QUERY)["source"]
    assert model.asked == 1


def test_refused_questions_and_lost_connections_cost_nothing(explaining: Callable[..., Explainer]) -> None:
    """A server that nobody reaches has charged for nothing: the whole worst case is given back."""
    explainer = explaining(base_url="http://127.0.0.1:1/v1", max_tokens_per_hour=ROOM)
    assert "Quoted from a runbook: the model cannot be reached" in card(explainer.explain(QUERY))
    with explainer._state.begin() as db:
        assert [(0,)] == db.execute("SELECT tokens FROM spent").fetchall()


def test_a_damaged_file_costs_the_model_not_the_answer(
    explaining: Callable[..., Explainer], model: Model, tmp_path: Path
) -> None:
    """With limits set nothing is spent that cannot be counted; the card says why, and the runbook is quoted."""
    state = tmp_path / "e.sqlite3"
    state.write_bytes(b"no database " * 100)
    got = explaining(state=state, max_tokens_per_hour=ROOM).explain(QUERY)
    assert (0, "extractive") == (model.asked, got["source"])
    assert "what the model has cost so far cannot be read" in card(got)
