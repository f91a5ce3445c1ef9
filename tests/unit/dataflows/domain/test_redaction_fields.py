"""Redaction of nested fields."""

import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.redaction.fields import MAX_DEPTH, is_sensitive, redact_fields
from dataflows.domain.redaction.redactor import Redacted, Redactor

PASSWORD = "hunter" + "2x"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "dbPassword",
        "X-Api-Key",
        "authorization",
        "refreshToken",
        "access_token",
        "Set-Cookie",
        "client_secret",
        "pwd",
        "token",
        "ssn",
    ],
)
def test_sensitive_names(name: str) -> None:
    """Names of secrets are known in camel, snake and header case."""
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name", ["message", "tokenizer", "max_tokens_used", "author", "compass", "key", "pin_count", "passenger"]
)
def test_harmless_names(name: str) -> None:
    """Names that merely contain such a word are not."""
    assert not is_sensitive(name)


def test_nested_record() -> None:
    """Values under sensitive names go whole, other strings through redact, null and numbers stay."""
    record = {
        "user": {"mail": "a" + "@example.com", "password": PASSWORD, "age": 7},
        "headers": [{"Authorization": ["x", 1]}, None, True, 1.5],
        "note": "fine",
        "token": None,
        "card": int("4242" * 4),
    }
    before = copy.deepcopy(record)
    expected = {
        "user": {"mail": "[EMAIL]", "password": "[SECRET]", "age": 7},
        "headers": [{"Authorization": "[SECRET]"}, None, True, 1.5],
        "note": "fine",
        "token": None,
        "card": "[CARD]",
    }
    assert (expected, before) == (redact_fields(record), record)


def test_depth_is_bounded() -> None:
    """What nests deeper than any honest record is replaced whole."""
    deep: object = "leaf"
    for _ in range(10_000):
        deep = [deep]
    got = redact_fields(deep)
    for _ in range(MAX_DEPTH):
        assert isinstance(got, list)
        got = got[0]
    assert "[DEEP]" == got


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["password", "a", "token", "b c"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from([None, b"k"]))
def test_idempotent(value: object, key: bytes | None) -> None:
    """Redacting twice is redacting once, whatever the shape."""
    once = redact_fields(value, key)
    assert once == redact_fields(once, key)


@given(_JSON, st.integers(0, 60))
def test_a_bound_changes_nothing_before_it(value: object, kept: int) -> None:
    """The text up to the bound is that of the whole, so whoever cuts there sees no difference."""
    whole, bounded = (msgspec.json.encode(redact_fields(value, kept=most)) for most in (float("inf"), kept))
    assert whole[:kept] == bounded[:kept]


@pytest.mark.parametrize("value", [{f"f{n}": n for n in range(20_000)}, [list(range(20_000))], [{"a": 1}] * 20_000])
def test_what_nobody_keeps_costs_nothing(value: object) -> None:
    """Of 20,000 fields those are looked at that fit into what is kept."""
    looked = 0

    class Counting(Redactor):
        def __call__(self, text: str, key: bytes | None = None) -> Redacted:
            nonlocal looked
            looked += 1
            return super().__call__(text, key)

    redact_fields(value, redactor=Counting(), kept=1_000)
    assert (True, True) == (0 < looked, looked <= 500)
