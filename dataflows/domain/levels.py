"""Severity levels: the names that loggers use, mapped to five, and a guess where a record names none."""

import re
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the numbers are Python's `logging` ones, so that they compare."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


_NAMES: dict[Level, str] = {
    # Java (JUL, log4j, logback), Python logging and loguru, Go (zap, zerolog, slog), syslog (RFC 5424 keywords),
    # Node (pino, winston, npm), .NET, Ruby, PHP monolog.
    Level.DEBUG: "TRACE DEBUG DBG FINE FINER FINEST VERBOSE SILLY NOTSET UNSPECIFIED TRC ALL CONFIG DBUG TRCE",
    Level.INFO: "INFO INFORMATION INFORMATIONAL NOTICE SUCCESS HTTP OK LOG INF OUTPUT AUDIT DEFAULT NONE",
    Level.WARN: "WARN WARNING WRN CAUTION",
    Level.ERROR: "ERROR ERR SEVERE FAIL FAILURE EXCEPTION ERRO EROR",
    Level.FATAL: "FATAL CRITICAL CRIT EMERG EMERGENCY ALERT PANIC DPANIC OFF FTL CRT",
}
LEVELS: dict[str, Level] = {name: level for level, names in _NAMES.items() for name in names.split()}
"""Level by upper-case name."""

KLOG: dict[str, Level] = {"I": Level.INFO, "W": Level.WARN, "E": Level.ERROR, "F": Level.FATAL, "D": Level.DEBUG}
"""Level by the one letter that klog (Kubernetes) and glog write."""

_PINO_STEP = 10
_PINO: dict[int, Level] = {1: Level.DEBUG, 2: Level.DEBUG, 3: Level.INFO, 4: Level.WARN, 5: Level.ERROR, 6: Level.FATAL}
"""pino and bunyan number levels 10 (trace) to 60 (fatal); 0 to 7 are syslog severities, 0 the worst (RFC 5424)."""
_SYSLOG = (*[Level.FATAL] * 3, Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)


def level_of(value: str | int) -> Level | None:
    """The level that a logger's name or number means, or None if it is not known."""
    if isinstance(value, str):
        known = LEVELS.get(value) or LEVELS.get(value.strip().upper())
        if known is None and (digits := value.strip()).isdecimal() and len(digits) <= _MAX_DIGITS:
            return level_of(int(digits))
        return known
    if 0 <= value < len(_SYSLOG):
        return _SYSLOG[value]
    return _PINO.get(value // _PINO_STEP) if value % _PINO_STEP == 0 else None


_MAX_DIGITS = 4
"""Digits of the longest level number anybody writes; `int()` itself refuses a text of more than 4,300."""

_ALSO_WORDS = {"ALL", "OFF", "OK", "LOG", "HTTP", "NONE", "DEFAULT"}
_WORDS = {name: level for name, level in LEVELS.items() if name not in _ALSO_WORDS}
_UPPER = re.compile(r"[A-Z]{3,13}(?=[\]\s:|)>,;\-]|$)")
"""A word that may be a level, closed by a separator. It starts with a set of letters, which `re` finds quickest."""
_NAMED = re.compile(r'(?i)(?:^|(?<=[\s\[(|<"]))(?:level|lvl|severity)[=:]\s*"?(?P<level>\w{2,11})')
"""logfmt: `level=error`."""
_BEFORE = frozenset('[(|<"')
_KLOG = re.compile(r"(?P<klog>[IWEFD])\d{4} \d\d:\d\d:\d\d\.\d")
_FIRST_WORD = re.compile(r"\W{0,3}(?P<word>[A-Za-z]{3,11})\W?:")
_HEAD = 160
"""Characters in which a level word counts: past time stamp, thread and logger, before the message proper."""
_TRACE_MARKS = (
    "Traceback (most recent call last)",
    "\n\tat ",
    "\n    at ",
    "\n  at ",
    "panic: ",
    "goroutine ",
    "Exception in thread",
    "Unhandled exception",
)


def _leading(head: str) -> Level | None:
    """The first level word at the start or behind a separator: upper-case, or the value of a key."""
    named = None
    word = _UPPER.search(head)
    while word is not None:
        start = word.start()
        named = _WORDS.get(word[0])
        if named is not None and (start == 0 or head[start - 1] in _BEFORE or head[start - 1].isspace()):
            head = head[:start]  # a pair counts if it comes first
            break
        named = None
        word = _UPPER.search(head, word.end())
    if "v" in head or "V" in head:  # as in level, lvl, severity
        for pair in _NAMED.finditer(head):
            if (level := level_of(pair["level"].upper())) is not None:
                return level
    return named


_STAMPED = re.compile(r"[\d\-:.,TZ+ ]{0,40}(?<![^ ])\[?(?P<word>TRACE|DEBUG|INFO|WARN|ERROR)(?=[\]\s:|)>,;\-])")
"""The commonest beginnings: a time, then a level. Whatever follows, the long way comes to the same."""


def infer(text: str) -> Level:
    """The level of a message that names none: its leading level word, ERROR for a stack trace, else INFO."""
    stamped = _STAMPED.match(text)
    return LEVELS[stamped["word"]] if stamped is not None else _inferred(text)


def _inferred(text: str) -> Level:
    """The long way."""
    head = text[:_HEAD]
    if head[:1] in KLOG and (klog := _KLOG.match(head)):
        return KLOG[klog["klog"]]
    if (leading := _leading(head)) is not None:
        return leading
    if (word := _FIRST_WORD.match(head)) and (named := LEVELS.get(word["word"].upper())) is not None:
        return named
    return Level.ERROR if any(mark in text for mark in _TRACE_MARKS) else Level.INFO
