"""Untrusted text made safe to show: nothing in it acts, hides or reorders what stands beside it.

Log lines, and answers written from log lines, are untrusted even after redaction: an attacker chooses what a service
logs. Escaping for one output (Slack's mrkdwn) is `escape`; what is wrong in every output is taken out by `clean`.
"""

import re
import unicodedata

_INVISIBLE = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
"""Drawn as nothing though Unicode calls them marks, letters or symbols: joiner, Hangul fillers, Braille blank."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Control (with ANSI escapes), format (zero width, bidirectional, tags) and lone surrogates: Unicode Standard 4.5."""

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""Escape sequences of ECMA-48, whole, so that no `[31m` stays behind; `]` begins a title or a terminal hyperlink."""

_MARK_RUN = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0]{3})"
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0]+"
)
"""More than three stacked accents on one letter: no language writes that, and they cover the lines around."""


def clean(text: str) -> str:
    """Keep what a reader can see, and line breaks and tabs; every other invisible character goes."""
    text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"))
    if text.isascii() and text.isprintable():
        return text
    return _MARK_RUN.sub(r"\1", text.translate(_SEEN))


def one_line(text: str) -> str:
    """`clean`, with every run of white space as one space."""
    return " ".join(clean(text).split())


def clip(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, with an ellipsis where something was cut.

    Slack does not say what it counts as a character; UTF-16 units are the larger count (an emoji is two).
    """
    if units(text) <= limit:
        return text
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return f"{kept.rstrip()}…"


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escape(text: str) -> str:
    """Text for a mrkdwn field, where `&`, `<` and `>` begin an entity, a link or a mention.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_seen(char: str) -> bool:
    if char in "\n\t":
        return True
    if "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":  # variation selectors carry hidden bytes
        return False
    return char not in _INVISIBLE and unicodedata.category(char) not in _UNSEEN


class _Seen(dict[int, int | None]):
    """A table for `str.translate`; remembers the basic plane only (some 6 MB at worst), hostile texts use more."""

    def __missing__(self, code: int) -> int | None:
        kept = code if _is_seen(chr(code)) else None
        if code <= 0xFFFF:
            self[code] = kept
        return kept


_SEEN = _Seen()
