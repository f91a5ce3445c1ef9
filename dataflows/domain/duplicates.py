"""Does a JSON text name a key twice? A cheap count says no nearly always; a full parse only on suspicion."""

import json
import re
from typing import Any

_SPACED = re.compile(rb'"[ \t\r\n]+:')


def has_duplicate_keys(piece: bytes, decoded: object) -> bool:
    """True if some object in a valid JSON text has a key twice; `decoded` is the same text decoded, last value kept.

    Every `":` outside a string ends a key, so with no more of them than keys nothing is doubled, unless white space
    stands before some colon.
    """
    return (piece.count(b'":') > _keys(decoded) or _is_spaced(piece)) and _parsed_twice(piece)


def _is_spaced(piece: bytes) -> bool:
    if b" :" in piece or b"\t:" in piece or b"\n:" in piece or b"\r:" in piece:
        return _SPACED.search(piece) is not None
    return False


def _keys(decoded: object) -> int:
    """Keys of all objects in a decoded text. Not recursive: the decoder goes deeper than Python may."""
    count = 0
    left: list[Any] = [decoded]
    while left:
        value = left.pop()
        kind = type(value)  # the decoder makes no subclasses
        if kind is dict:
            count += len(value)
            left += value.values()
        elif kind is list:
            left += value
    return count


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
