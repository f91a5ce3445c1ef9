"""Which codes of a message stay, because they say what happened: status, errno, SQLSTATE, numbers of a vendor."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

EDGES: Final = ".,;:()[]{}<>\"'`!?#*-=|"
"""Punctuation around a word."""

_EDGES_OF_CODE: Final = EDGES.replace("-", "")
_STATUS = re.compile(r"(?:4(?!04)\d\d|5\d\d|13[479]|143)$")
"""HTTP errors, and exits by signals 6, 9, 11 and 15 (128 more). Not 404: access logs mix it with 200 (measured)."""
_NAMED = re.compile(r"[A-Z]{1,4}[-_]?\d{3,5}$")
_CODE = re.compile(r"-?(?:\d{1,6}|(?=[A-Z]*\d)[0-9A-Z]{5}|0x[\da-fA-F]{1,8})$")
"""A code of a vendor, where a word in front says that it is one: SQLSTATE has 5 characters (ISO 9075)."""
_ERROR_NUMBER = re.compile(r"-?\d{3,5}$")
_SQLSTATE = re.compile(r"\((?=[A-Z]{0,4}\d)[0-9A-Z]{5}\)\W?$")
_ERROR_SHAPED = re.compile(
    r"(?:[\w$]+(?:\.|::|\\{1,2})){0,15}[A-Z][a-z]\w*(?:Exception|Error|Throwable|Failure)$|E[A-Z]{4,14}$"
)
"""A type, or a name of errno (POSIX): says what happened under whatever key."""
_ERROR_ENDS: Final = ("Exception", "Error", "Throwable", "Failure")

STATUS_KEYS: Final = frozenset({"status", "code", "statuscode", "status_code", "http", "http_status", "httpstatus"})
CODE_KEYS: Final = frozenset(
    {"errno", "sqlstate", "sqlcode", "errorcode", "error_code", "errcode", "err_code", "exitcode", "exit_code"}
)
_FILLERS = frozenset({"is", "was", "of", "="})
_MAKES_CODE = frozenset({"error", "exit", "err"})
"""Words before `code` or `status` that make it a code of a vendor."""

LEADS: Final = {
    **dict.fromkeys(STATUS_KEYS, "status"),
    **dict.fromkeys(CODE_KEYS, "code"),
    "error": "error",
}
"""Words, in lower case, with a code behind them, and of which kind."""


def is_code(key: str, value: str) -> bool:
    """Tell whether the value of a key is a code, or names a type of error. The key in lower case, empty for none."""
    if key in STATUS_KEYS and (_STATUS.match(value) or _NAMED.match(value)):
        return True
    if key in CODE_KEYS and (_CODE.match(value) or _NAMED.match(value)):
        return True
    return bool(key) and may_name_error(value) and _ERROR_SHAPED.match(value) is not None


def may_name_error(value: str) -> bool:
    """Say no, in a tenth of the time, to most values that do not name a type of error or an errno."""
    return value.endswith(_ERROR_ENDS) or (value[:1] == "E" and value.isupper())


def codes_behind(lead: str, words: Sequence[str], index: int) -> Iterator[tuple[int, str]]:
    """Yield place and text of each code behind the word at `index`, whose kind of lead is `lead`.

    `status is 503`, `exit code 2`, `error 1236`, `ERROR 1062 (23000)`. A bare `ERROR` is a level too, with a process id
    behind it: its number is a code only with an SQLSTATE behind that.
    """
    at, last = index + 1, len(words) - 1
    if at < last and words[at].lower() in _FILLERS:
        at += 1
    if at > last:
        return
    with_state = at < last and _SQLSTATE.match(words[at + 1]) is not None
    announced = lead == "code" or (index and words[index - 1].strip(EDGES).lower() in _MAKES_CODE)
    code = words[at].strip(_EDGES_OF_CODE)
    if lead == "error":
        kept = _CODE.match(code) if with_state else _ERROR_NUMBER.match(code) if "ERROR" not in words[index] else None
    else:
        kept = _NAMED.match(code) or (_CODE if announced else _STATUS).match(code)
    if kept:
        yield at, code
        if with_state:
            yield at + 1, words[at + 1].strip(EDGES)
