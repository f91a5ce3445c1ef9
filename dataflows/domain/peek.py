"""The cheap look: which level has this piece? Most records are below WARN and are never parsed further."""

from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter

import msgspec

from dataflows.domain.level_fields import ABSENT, Inner, Outer, Text, fields_of, glance_of, line_of, text_of
from dataflows.domain.levels import LEVELS, Level, infer, level_of
from dataflows.domain.records import MAX_PIECE_BYTES
from dataflows.domain.rejections import RejectionError, RejectReason, has_surrogates, is_text, why_unreadable

_NOTHING = frozenset({b"", b'""', b"null"})
"""A field that says nothing, as raw JSON."""
_QUIET = frozenset(
    {
        spelling
        for name, level in LEVELS.items()
        if level < Level.WARN
        for spelling in (name, name.lower(), name.title())
    }
    | {number for number in range(100) if (level := level_of(number)) is not None and level < Level.WARN}
)
"""Levels below WARN as loggers write them."""
_LOUD = frozenset(
    written for name, level in LEVELS.items() if level >= Level.WARN for written in (name, name.lower(), name.title())
)


_FEW = 3
"""So many records are asked one by one, such as the pieces of a small compressed record. Our choice."""


def are_quiet(records: Sequence[bytes]) -> list[bool]:
    """Tell of each Kinesis record whether it is one plain piece, and it is certain that its level is below WARN.

    The quick half of `peek`, for most of what arrives. False tells nothing: unpack it and look again. Never raises.
    """
    many = len(records) > _FEW  # then what nearly all are is asked of all at once, which is cheaper
    are_lines, are_ascii = many and _are_lines(records), many and all(map(bytes.isascii, records))
    quiet: list[bool] = []
    for record in records:
        below = False
        if are_lines or _is_line(record):
            try:
                found = glance_of(record)
                inner = found.log_json
                value = found.level if inner is None else inner.level
                if value in _QUIET:
                    below = True
                elif value is None and inner is None:
                    text = line_of(record).log
                    below = infer(text) < Level.WARN if text else _is_below(record)
                elif value not in _LOUD:
                    below = _is_below(record)
            except msgspec.ValidationError:  # of another shape
                below = _is_below(record)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                below = False
        quiet.append(below and (are_ascii or is_text(record)))
    return quiet


def _are_lines(records: Sequence[bytes]) -> bool:
    """Whether all end with their only line feed, or none has one, and none is longer than a piece may be."""
    count, size = len(records), sum(map(len, records))
    feeds = sum(map(bytes.find, records, repeat(b"\n")))  # at most the last byte of each, at least -1
    return feeds in {size - count, -count} and max(map(len, records), default=0) <= MAX_PIECE_BYTES


def _is_line(record: bytes) -> bool:
    """The same of one record, and whether it may be an object: others are common where this is asked."""
    if record[:1] != b"{" and record.lstrip(b" \t\r")[:1] != b"{":
        return False
    return record.find(b"\n", 0, -1) < 0 and len(record) <= MAX_PIECE_BYTES


def _is_below(record: bytes) -> bool:
    """The same of one record, with all that `peek` knows; False where it does not know."""
    try:
        level = peek(record)
    except RejectionError:
        return False
    return level is not None and level < Level.WARN


_NAME_FIELDS = ("level", "severity", "levelname", "loglevel", "log_level", "log__level", "lvl")
_TRACE_FIELDS = ("stack_trace", "stacktrace", "exc_info", "exception", "traceback", "stack", "error__stack_trace")
_names = attrgetter(*_NAME_FIELDS)
_texts = attrgetter("log_content", "log", "message", "msg", "event")
_traces = attrgetter(*_TRACE_FIELDS)
_beside_log = attrgetter("log_json", "log_content", *_NAME_FIELDS, *_TRACE_FIELDS)
_NOTHING_BESIDE = _beside_log(Outer())


def _named(part: Inner) -> Text:
    return next((name for name in _names(part) if name not in (None, "")), None)


def peek(piece: bytes) -> Level | None:
    """The level of one piece; None if only a full parse can tell (a level of a strange type or shape).

    Raises:
        RejectionError: the piece is no JSON object, is not UTF-8, or names a level nobody knows.
    """
    try:
        found = fields_of(piece)
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
    if _beside_log(found) == _NOTHING_BESIDE and _says(found.log):
        return _inferred_of(found.log)  # a line of text, as container runtimes have it
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


def _says(field: msgspec.Raw) -> bool:
    return field is not ABSENT and bytes(field) not in _NOTHING


def _inferred(found: Outer) -> Level | None:
    raw = ABSENT
    for part in (found,) if found.log_json is None else (found.log_json, found):
        if any(map(_says, _traces(part))):
            return None  # a stack trace in a field of its own: the full parse joins it to the message
        for text in _texts(part) if raw is ABSENT else ():
            if _says(text):
                raw = text
                break
    return Level.INFO if raw is ABSENT else _inferred_of(raw)


def _inferred_of(raw: msgspec.Raw) -> Level | None:
    try:
        return infer(text_of(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # the message is no string: the full parse says so
