"""Words of several parts: `key=value`, `key:value`, `call(argument)`, `{"key":"value"}`. Values vary, keys stay."""

import re
from typing import Final

from dataflows.domain.tokens_codes import CODE_KEYS, STATUS_KEYS, is_code, may_name_error
from dataflows.domain.tokens_kinds import HOST_PORT, WILD, variable_kind

_DELIMITERS: Final = "{}()[]<>,;|\"'=&?"
_PARTS = re.compile(r"[{}()\[\]<>,;|\"'=&?]+|[^{}()\[\]<>,;|\"'=&?]+")
_PAIR = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)(?P<colon>::?)(?P<value>[^:/\\]+)$")
_PATH_PAIR = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)(?P<colon>:)(?P<value>/[^:]*)$")
_FIXED_FIELDS = frozenset(
    {"message", "msg", "error", "err", "level", "event", "type", "reason", "code", "status", "exception"}
)
"""Fields of a JSON object whose value says what happened, not to whom."""
_EDGES_OF_PART: Final = ".:!#*-"
_PLAIN_PAIR = re.compile(
    r"([{}()\[\]<>,;|\"'&?]*[^\W\d][^{}()\[\]<>,;|\"'=&?:]*)="
    r"([\w/](?:[^{}()\[\]<>,;|\"'=&?]*[\w/%])?)"
    r"([.:!#*-]*[{}()\[\]<>,;|\"'=&?]*)$"
)
"""One key, one value that neither begins nor ends with punctuation, and punctuation around both."""


def plain_pair(word: str) -> tuple[str, str] | None:
    """Split `[key=value,` into `[key` and `,` where the value is masked under every key of no meaning; else None.

    Words that give equal answers are understood alike if `masks_all(head)`: the value is then `*` whatever it is, since
    it names no error. So one of them need be looked at. Expects at most 500 characters without whitespace.
    """
    found = None if "://" in word else _PLAIN_PAIR.match(word)
    if found is None:
        return None
    head, value, end = found.groups()
    return None if may_name_error(value) else (head, end)


def masks_all(head: str) -> bool:
    """Tell whether the key of a plain pair is fixed, and none that tells what its value means."""
    key = head.lstrip(_DELIMITERS).strip(_EDGES_OF_PART)
    last = key.lower().rpartition(".")[2]
    return not (variable_kind(key) or last in STATUS_KEYS or last in CODE_KEYS or last in _FIXED_FIELDS)


def compound(word: str) -> tuple[str, str]:
    """Classify the parts of `key=value`, `key:value`, `call(argument)`, `{"key":"value"}`: values vary, keys stay."""
    sig: list[str] = []
    shown: list[str] = []
    key = ""
    for part in _PARTS.findall(word):
        if part[0] in _DELIMITERS:
            if "=" in part and sig and sig[-1] != WILD:
                key = sig[-1]
                sig[-1] += "="
            elif part == "[" and sig and sig[-1].lower() in CODE_KEYS:  # `SQLSTATE[42S02]`
                key = sig[-1]
            shown.append(part)
            continue
        if part == ":" and sig and sig[-1] != WILD:
            key = sig[-1]
            shown.append(part)
            continue
        pair = (_PAIR.match(part) or _PATH_PAIR.match(part)) if ":" in part else None
        if pair and not key and not variable_kind(pair["key"]) and not HOST_PORT.match(part):
            kind = "" if _says_what(pair["key"], pair["value"]) else variable_kind(pair["value"])
            sig.append(pair["key"] + ":")
            shown.append(pair["key"] + pair["colon"] + (kind or pair["value"]))
            piece = WILD if kind else pair["value"]
        else:
            if part[0] == ":" and sig and sig[-1] != WILD and not key:  # `"status":503`
                key = sig[-1]
            core = part.strip(_EDGES_OF_PART)
            kind = "" if not core or _says_what(key, core) else "<*>" if key else variable_kind(core)
            shown.append(part.replace(core, kind, 1) if kind else part)
            piece = WILD if kind else core
        if piece and not (piece == WILD and sig and sig[-1] == WILD):
            sig.append(piece)
        key = ""
    return " ".join(sig), "".join(shown)


def _says_what(key: str, value: str) -> bool:
    """Tell whether the value of a key says what happened, not to whom."""
    key = key.lower().rpartition(".")[2]
    return is_code(key, value) or (key in _FIXED_FIELDS and not variable_kind(value))
