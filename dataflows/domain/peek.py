"""The cheap look: which level has this piece? Most records are below WARN and are never parsed further."""

import msgspec

from dataflows.domain.levels import LEVELS, Level, infer, level_of
from dataflows.domain.records import RejectionError, RejectReason, has_surrogates, why_unreadable

_Text = str | int | None


class _Inner(msgspec.Struct, gc=False):
    """The part of `log_json` that tells a level."""

    level: _Text = None
    severity: _Text = None
    levelname: _Text = None
    loglevel: _Text = None
    log_level: _Text = None
    log__level: _Text = msgspec.field(default=None, name="log.level")
    lvl: _Text = None
    log_content: msgspec.Raw = msgspec.Raw()
    log: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()
    msg: msgspec.Raw = msgspec.Raw()
    event: msgspec.Raw = msgspec.Raw()
    stack_trace: msgspec.Raw = msgspec.Raw()
    stacktrace: msgspec.Raw = msgspec.Raw()
    exc_info: msgspec.Raw = msgspec.Raw()
    exception: msgspec.Raw = msgspec.Raw()
    traceback: msgspec.Raw = msgspec.Raw()
    stack: msgspec.Raw = msgspec.Raw()
    error__stack_trace: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="error.stack_trace")


class _Outer(_Inner, gc=False):
    """The part of a record that tells a level; other fields are skipped unread."""

    log_json: _Inner | None = None


_decode = msgspec.json.Decoder(_Outer).decode
_text = msgspec.json.Decoder(str).decode
_NOTHING = frozenset({b"", b'""', b"null"})
"""A field that is absent or says nothing, as raw JSON."""


def _named(part: _Inner) -> _Text:
    for value in (part.level, part.severity, part.levelname, part.loglevel, part.log_level, part.log__level, part.lvl):
        if value not in (None, ""):
            return value
    return None


def peek(piece: bytes) -> Level | None:
    """The level of one piece; None if only a full parse can tell (a level of a strange type or shape).

    Raises:
        RejectionError: the piece is no JSON object, is not UTF-8, or names a level nobody knows.
    """
    try:
        found = _decode(piece)
    except msgspec.ValidationError as err:
        if piece.lstrip()[:1] == b"{":
            return None  # a level of a wrong type: the full parse names it
        raise why_unreadable(piece, err) from err
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as err:
        if has_surrogates(piece):
            return None  # the full parse mends an emoji that was cut in two
        raise why_unreadable(piece, err) from err
    if not piece.isascii():
        _check_utf8(piece)
    inner = found.log_json
    value = found.level if inner is None else _named(inner)
    if value in (None, "") and (value := _named(found)) is None:
        return _inferred(found)
    level = LEVELS.get(value) if isinstance(value, str) else None
    if level is None and (level := level_of(value)) is None:
        raise RejectionError(RejectReason.UNKNOWN_LEVEL, "level is not a known level name or number")
    return level


def _check_utf8(piece: bytes) -> None:
    """Msgspec skips unread strings without looking at their bytes; a record that is kept must be text."""
    try:
        piece.decode()
    except UnicodeDecodeError as err:
        raise RejectionError(RejectReason.BAD_UTF8, f"invalid UTF-8 at byte {err.start}") from err


def _traces(part: _Inner) -> tuple[msgspec.Raw, ...]:
    plain = (part.stack_trace, part.stacktrace, part.exc_info, part.exception, part.traceback, part.stack)
    return (*plain, part.error__stack_trace)


def _inferred(found: _Outer) -> Level | None:
    parts = (found,) if found.log_json is None else (found.log_json, found)
    if any(bytes(trace) not in _NOTHING for part in parts for trace in _traces(part)):
        return None  # a stack trace in a field of its own: the full parse joins it to the message
    texts = (bytes(r) for part in parts for r in (part.log_content, part.log, part.message, part.msg, part.event))
    raw = next((text for text in texts if text not in _NOTHING), None)
    if raw is None:
        return Level.INFO
    try:
        return infer(_text(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # the message is no string: the full parse says so
