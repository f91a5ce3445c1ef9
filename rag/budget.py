"""Hard limits on what a model may cost: the worst case is taken before a call, and what was not used given back after.

Limits hold for any 60 minutes and any 24 hours (sliding windows), by the wall clock, and over all processes that share
the file. What was taken by a process that died stays taken until its window has passed.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final

from rag.config import OpenAIConfig
from rag.metrics import BUDGET_REFUSED, MODEL_TOKENS, MODEL_USD
from rag.models import Cost, Why

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
TABLE: Final = "CREATE TABLE IF NOT EXISTS spent (id INTEGER PRIMARY KEY, at REAL, tokens INTEGER, usd REAL)"
_INDEX: Final = "CREATE INDEX IF NOT EXISTS spent_by_time ON spent (at)"
_MILLION: Final = 1_000_000
_ROUNDING: Final = 1e-9
"""US dollars: sums of binary fractions may pass a limit by less than this without passing it."""

Begin = Callable[[], AbstractContextManager[Connection]]
"""Begins a transaction that no other thread or process can write beside, committed at the end of the block."""


class BudgetError(Exception):
    """The call would pass a limit and must not be made. `cap` says which, `limit` how high it is."""

    def __init__(self, cap: Why, limit: float) -> None:
        super().__init__(f"{cap.value}: the limit of {limit:,g} would be passed")
        self.cap = cap


@dataclass(frozen=True, slots=True)
class Taken:
    """What one question has taken from the budget so far."""

    row: int
    """0: there are no limits, so nothing is written."""
    prompt_tokens: int
    """Of one attempt, at most."""
    completion_tokens: int
    """Of one attempt, at most."""


class Budget:
    """What may be spent by the settings, and what was. Thread-safe; each call is one short transaction."""

    def __init__(self, config: OpenAIConfig, begin: Begin, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since the epoch."""
        self._begin, self._clock = begin, clock
        self._input = (config.usd_per_million_input_tokens or 0.0) / _MILLION
        self._output = (config.usd_per_million_output_tokens or 0.0) / _MILLION
        limits = (
            (Why.BUDGET_HOUR_TOKENS, HOUR_S, "tokens", float(config.max_tokens_per_hour)),
            (Why.BUDGET_DAY_TOKENS, DAY_S, "tokens", float(config.max_tokens_per_day)),
            (Why.BUDGET_HOUR_USD, HOUR_S, "usd", config.max_usd_per_hour),
            (Why.BUDGET_DAY_USD, DAY_S, "usd", config.max_usd_per_day),
        )
        self._limits = tuple(limit for limit in limits if limit[-1])

    def take(self, prompt_tokens: int, completion_tokens: int, attempts: int) -> Taken:
        """Take the worst case of one question: `attempts` times this many tokens.

        Raises:
            BudgetError: it would pass a limit; nothing was taken.
        """
        if not self._limits:
            return Taken(0, prompt_tokens, completion_tokens)
        now = self._clock()
        tokens = attempts * (prompt_tokens + completion_tokens)
        usd = attempts * self._usd(prompt_tokens, completion_tokens)
        asked = {"tokens": float(tokens), "usd": usd}
        refused, row = None, None
        with self._begin() as db:
            for statement in (TABLE, _INDEX):
                db.execute(statement).close()
            db.execute("DELETE FROM spent WHERE at <= ?", (now - DAY_S,)).close()
            # The clock was set back: what was spent "later" counts from now on, not for as long as the jump was.
            db.execute("UPDATE spent SET at = ? WHERE at > ?", (now, now)).close()
            for cap, window_s, column, limit in self._limits:
                if self._spent(db, column, now - window_s) + asked[column] > limit + _ROUNDING:
                    refused = BudgetError(cap, limit)
                    break
            else:
                row = db.execute("INSERT INTO spent (at, tokens, usd) VALUES (?, ?, ?)", (now, tokens, usd)).lastrowid
        if refused is not None:  # raised behind the block, which would undo what was put right in it
            BUDGET_REFUSED.labels(refused.cap.value).inc()
            raise refused
        return Taken(row or 0, prompt_tokens, completion_tokens)

    def settle(self, taken: Taken, billable: int, told: Cost | None) -> None:
        """Give back what a question did not use.

        `billable`: attempts that the server may charge for. `told`: what the last of them took; None if the server did
        not say, then it stays at its worst case, as do the others.
        """
        unknown = billable if told is None else max(0, billable - 1)
        tokens = unknown * (taken.prompt_tokens + taken.completion_tokens)
        usd = unknown * self._usd(taken.prompt_tokens, taken.completion_tokens)
        if told is not None:
            tokens += told["prompt_tokens"] + told["completion_tokens"]
            usd += told["usd"]
            MODEL_TOKENS.labels("prompt").inc(told["prompt_tokens"])
            MODEL_TOKENS.labels("completion").inc(told["completion_tokens"])
            MODEL_USD.inc(told["usd"])
        if taken.row:
            with self._begin() as db:
                db.execute("UPDATE spent SET tokens = ?, usd = ? WHERE id = ?", (tokens, usd, taken.row)).close()

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Cost:
        """Return what so many tokens cost; 0 US dollars without prices."""
        usd = self._usd(prompt_tokens, completion_tokens)
        return {"usd": usd, "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}

    def _usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        return prompt_tokens * self._input + completion_tokens * self._output

    @staticmethod
    def _spent(db: Connection, column: str, after: float) -> float:
        """Sum of what was taken since."""
        query = f"SELECT COALESCE(SUM({column}), 0) FROM spent WHERE at > ?"  # noqa: S608 - a name of our own table
        return float(db.execute(query, (after,)).fetchone()[0])
