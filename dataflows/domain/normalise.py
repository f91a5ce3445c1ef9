"""Undo what transports do to a log message, before anything looks at it."""

import re
from typing import Final

MAX_CHARS: Final = 64 * 1024
"""Longer messages are cut here first: the rest cannot change a fingerprint, and every later step is bounded by it."""

MAX_LINES: Final = 400
"""A trace that identifies its fault does so in fewer lines; a recursion of 10,000 frames must not cost 10,000."""

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,16}[ -/]?[@-~]")
_ESCAPED_FRAME = re.compile(r"\\n(?:\\t|[\t ]{1,8})\\{0,2}(?:at |File |from )|:\d{1,6}:\\n")
_ESCAPE = re.compile(r'\\([\\nrt"])')
_MEANT: Final = {"n": "\n", "t": "\t", "r": "", '"': '"', "\\": "\\"}
_PREFIX = re.compile(
    r"\s{0,20}"
    r"(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|\s?[+-]\d\d:?\d\d)?|\d\d:\d\d:\d\d[.,]\d{3,9})"
    r"(?:\s{1,8}(?:\[[^\]\n]{1,80}\]|\d{1,10}|---|-))*"
    r"(?:\s{1,8}\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)\]?(?=[\s:]))?"
    r"(?:\s{1,8}(?:\[[^\]\n]{1,80}\]|\d{1,10}|---|-))*"
    r"[\s:]{1,8}"
)


def normalise(message: str) -> str:
    r"""Return the message capped, with real newlines, no colours, no time stamp, level or thread in front.

    Literal `\n` are taken as newlines where two more of them than of newlines, or one beside a frame, show that the
    transport escaped them; then escaped tabs and quotes are real too. The logger name stays: it says where a message
    without a trace comes from. Linear in the capped size; never raises.
    """
    text = message[:MAX_CHARS]
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\\" in text and _is_escaped(text):  # one character is found ten times as fast as two
        text = _unescaped(text)
    if text.count("\n") >= MAX_LINES:
        text = "\n".join(text.split("\n", MAX_LINES)[:MAX_LINES])
    prefix = _PREFIX.match(text) if text[:1].isdigit() or text[:1].isspace() else None
    return text[prefix.end() :] if prefix else text


def _is_escaped(text: str) -> bool:
    escaped = text.count("\\n")
    return escaped > 0 and (escaped > 1 + text.strip("\n").count("\n") or _ESCAPED_FRAME.search(text) is not None)


def _unescaped(text: str) -> str:
    if "\\\\" not in text:
        return text.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
    once = _ESCAPE.sub(lambda found: _MEANT[found[1]], text)
    # Escaped twice: JSON within JSON.
    return once if "\n" in once else _ESCAPE.sub(lambda found: _MEANT[found[1]], once)
