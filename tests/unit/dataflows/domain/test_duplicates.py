"""Whether a JSON text names a key twice."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.domain.duplicates import has_duplicate_keys


@pytest.mark.parametrize(
    "piece",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"b":{"c":1,"c":1}}',
        b'{"a":[{"c":1},{"d":1,"d":[]}]}',
        b'{"a" : 1, "a" : 2}',
        b'{"a"\n:1,"a"\t:2}',
        b'{"a":"\\":", "a":1}',
    ],
)
def test_a_double_is_seen(piece: bytes) -> None:
    """A key twice in one object is told, however deep and however spaced."""
    assert has_duplicate_keys(piece, json.loads(piece))


@pytest.mark.parametrize(
    "piece",
    [
        b"{}",
        b'{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
        b'{"log":"the text \\"a\\":1, \\"a\\":2 quotes JSON"}',
        b'{"log":"a \\" : b"}',
    ],
)
def test_what_only_looks_double_is_none(piece: bytes) -> None:
    """The same key in two objects, or quoted JSON inside a string, is no double."""
    assert not has_duplicate_keys(piece, json.loads(piece))


_TEXT = st.text(max_size=5)
_JSON = st.recursive(
    st.none() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(_TEXT, _JSON, max_size=4), st.sampled_from([(",", ":"), (", ", " : ")]))
def test_no_encoder_s_output_is_double(value: dict[str, object], separators: tuple[str, str]) -> None:
    """Whatever an object holds, as an encoder writes it no key is double."""
    text = json.dumps(value, separators=separators).encode()
    assert not has_duplicate_keys(text, value)


def test_nesting_that_a_decoder_bears_is_counted() -> None:
    """Counting keys is not recursive: 900 levels, which the decoder takes, raise nothing."""
    deep: object = {"x": 1}
    for _ in range(900):
        deep = [deep]
    piece = b"[" * 900 + b'{"x":1}' + b"]" * 900
    assert not has_duplicate_keys(piece, deep)
