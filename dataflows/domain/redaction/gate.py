"""Which rules may find something in a text: one linear walk for all of them."""

from collections.abc import Sequence
from typing import Final

import re2  # type: ignore[import-untyped] # it ships no types

from dataflows.domain.redaction.rule import Rule

_MEMORY: Final = 32 << 20
"""Bytes for RE2's automaton, built as texts need it: the default of 8 MB is flushed again and again."""


class Gate:
    """All gates of a list of rules as one RE2 set. Threads may share it. Half of a surrogate pair counts as `?`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        self._rules = tuple(rules)
        self._set = re2.Set.SearchSet(options)
        for rule in self._rules:
            self._set.Add(rule.gate)
        self._set.Compile()

    def opened_by(self, text: str) -> list[Rule]:
        """Return the rules worth trying, in their order; all that can match are among them."""
        rules = self._rules
        matched = self._set.Match(text.encode("utf-8", "replace"))
        return [rules[index] for index in sorted(matched)] if matched else []
