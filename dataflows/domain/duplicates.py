"""Does a JSON text name a key twice? Two cheap counts say no nearly always; a full parse only on suspicion."""

import json
import re
from typing import Any, NamedTuple

_SPACED = re.compile(rb'"[ \t\r\n]+:')


def has_duplicate_keys(piece: bytes, decoded: object) -> bool:
    """True if some object in a valid JSON text has a key twice; `decoded` is the same text decoded, last value kept.

    Two quotes stand around each key and each text, so with no more quotes than that nothing is doubled. More of them
    may be escaped ones; then every `":` outside a string ends a key, so with no more of these than keys nothing is
    doubled either, unless white space stands before some colon.
    """
    found = _count(decoded)
    if piece.count(b'"') <= 2 * (found.keys + found.texts):
        return False
    return (piece.count(b'":') > found.keys or _SPACED.search(piece) is not None) and _parsed_twice(piece)


class _Counts(NamedTuple):
    """Of all objects in a decoded text."""

    keys: int
    texts: int
    """Values that are strings."""


def _count(decoded: object) -> _Counts:
    """Not recursive: the decoder goes deeper than Python may."""
    keys = texts = 0
    left: list[Any] = [decoded]
    while left:
        value = left.pop()
        kind = type(value)  # the decoder makes no subclasses
        if kind is dict:
            keys += len(value)
            inner = value.values()
        elif kind is list:
            inner = value
        else:
            texts += kind is str
            continue
        for one in inner:
            one_kind = type(one)
            if one_kind is str:
                texts += 1
            elif one_kind is dict or one_kind is list:
                left.append(one)
    return _Counts(keys, texts)


def _parsed_twice(piece: bytes) -> bool:
    twice = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        built = dict(pairs)
        twice = twice or len(built) < len(pairs)
        return built

    try:
        json.loads(piece, object_pairs_hook=collect)
    except (ValueError, RecursionError):
        return False
    return twice
