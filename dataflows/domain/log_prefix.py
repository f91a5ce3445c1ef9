"""Where the message of a log line begins, for people: behind level, logger, thread, trace id and separators."""

import re
from collections.abc import Sequence
from typing import Final

_MOST: Final = 20
"""Words of a prefix at most."""
_LEVELS: Final = frozenset(
    {
        "TRACE",
        "DEBUG",
        "INFO",
        "NOTICE",
        "WARN",
        "WARNING",
        "ERROR",
        "ERR",
        "SEVERE",
        "CRITICAL",
        "CRIT",
        "FATAL",
        "PANIC",
    }
)
_SEPARATORS: Final = frozenset({"|", "-", "--", "---", ":", "::", "#"})
_MASK = re.compile(r"(?:<(?:\*|num|ip|id|host|path)>|\[[A-Z_]{2,40}(?::[0-9a-f]{8})?\]|[\s,;/@.:_#-])+$")
_LOGGER = re.compile(r"(?:[\w$-]+\.){2,}[\w$-]+$|(?:[\w$-]+\.)+[A-Z][\w$]*$")
_ERROR_TYPE = re.compile(r".*(?:Exception|Error|Throwable|Failure|Fault)$")
_CORRELATION = re.compile(
    r"(?:x[_-]?)?(?:trace|span|request|req|correlation|session|transaction|tx|thread|process|p|t|r)[_-]?(?:id)?[=:]\S{0,80}$",
    re.IGNORECASE,
)


def message_start(words: Sequence[str]) -> int:
    """Return the index of the first word of the message proper; 0 where nothing in front is surely a prefix.

    Pure and bounded by `_MOST` words. A prefix holds a level, a logger, a correlation id or a masked value, and ends
    with a separator or a level: `auth | WARN | app.tokens | trace=<*> | rejected token` starts at `rejected`.
    """
    if words and words[0].isalpha() and words[0] not in _LEVELS and (len(words) < 2 or words[1][0] not in "|[-"):
        return 0  # most messages
    start = 0
    sure = opened = False
    for index, word in enumerate(words[:_MOST]):
        core = word.strip("[](){}|,:")
        if word in _SEPARATORS:
            start = index + 1
            continue
        is_level = core in _LEVELS
        opened = (opened or word.startswith(("[", "("))) and not word.endswith(("]", ")", "]:", "):"))
        following = words[index + 1] if index + 1 < len(words) else ""
        masked = not core.isalpha() and _is_prefix(core)
        if is_level or opened or word[0] in "[(" or masked:
            sure = True
        elif following != "|" and not word.endswith("]") and not (index == 0 and following.startswith("[")):
            break
        if is_level or word.endswith((":", "]", "|")) or (masked and word.endswith(")")):
            start = index + 1
    return start if sure and start < len(words) else 0


def _is_prefix(core: str) -> bool:
    if _CORRELATION.match(core) or _MASK.match(core):
        return True
    return _LOGGER.match(core) is not None and not _ERROR_TYPE.match(core)
