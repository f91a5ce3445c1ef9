"""The values of a rules file: what each kind of text must look like, for the reader and for the JSON Schema."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from dataflows.domain.levels import LEVELS, Level
from dataflows.domain.redaction.lists import problem_of
from dataflows.domain.rules.terms import Severity

MAX_VALUES: Final = 100
"""Values of one key of a match. Our choice: with `MAX_CHARS` it keeps an expression far below RE2's 8 MB."""
MAX_CHARS: Final = 256
MAX_WINDOW_S: Final = 24 * 3600.0
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_LENGTH: Final = re.compile(r"([0-9]{1,6})([smh])")
_CHANNEL_ID: Final = re.compile(r"[CG][A-Z0-9]{8,20}")
_CHANNEL: Final = re.compile(r"#?([-\w]{1,79})")
_MENTION: Final = re.compile(r"here|channel|none|[UWS][A-Z0-9]{5,20}")
_HEX: Final = re.compile(r"[0-9a-f]{6,32}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = "give a text"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
    if len(value) > MAX_CHARS:
        msg = f"give at most {MAX_CHARS} characters"
        raise ValueError(msg)
    return value


def _filled(value: object) -> str:
    if not (text := _text(value)):
        msg = "give a text that is not empty"
        raise ValueError(msg)
    return text


def _listed(value: object) -> object:
    """One value is a list of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value:
        msg = "give a value or a list of values"
        raise ValueError(msg)
    if len(value) > MAX_VALUES:
        msg = f"give at most {MAX_VALUES} values"
        raise ValueError(msg)
    return value


def _level(value: object) -> str:
    level = LEVELS.get(_text(value).upper())
    if level is None or level < Level.WARN:
        msg = "give WARN, ERROR or FATAL (records below WARN never come to the rules)"
        raise ValueError(msg)
    return level.name


def _severity(value: object) -> Severity:
    if (text := _text(value)) not in set(Severity):
        msg = f"give {', '.join(Severity)}"
        raise ValueError(msg)
    return Severity(text)


def _prefix(value: object) -> str:
    if not _HEX.fullmatch(text := _text(value)):
        msg = "give the first 6 to 32 digits (0-9, a-f) of a fingerprint"
        raise ValueError(msg)
    return text


def _expression(value: object) -> str:
    if problem := problem_of(text := _filled(value)):
        msg = f"{problem}; see https://github.com/google/re2/wiki/Syntax"
        raise ValueError(msg)
    return text


def seconds(value: object) -> float:
    """Seconds of a duration such as `90s`, `15m` or `1h`.

    Raises:
        ValueError: it is none.
    """
    if not (found := _LENGTH.fullmatch(_text(value))):
        msg = "give a whole number with its unit: 90s, 15m or 1h"
        raise ValueError(msg)
    return float(int(found[1]) * _SECONDS[found[2]])


def _window(value: object) -> float:
    if not 1 <= (length := seconds(value)) <= MAX_WINDOW_S:
        msg = "give 1s to 24h"
        raise ValueError(msg)
    return length


def _channel(value: object) -> str:
    if _CHANNEL_ID.fullmatch(text := _text(value)):
        return text
    if not (found := _CHANNEL.fullmatch(text)) or text != text.lower():
        msg = 'give the name of a channel in lower case without blanks, such as "#payments", or its id (C...)'
        raise ValueError(msg)
    return f"#{found[1]}"


def _mention(value: object) -> str:
    if not _MENTION.fullmatch(text := _text(value)):
        msg = "give here, channel, the id of a user (U... or W...) or of a user group (S...), or none"
        raise ValueError(msg)
    return "" if text == "none" else text


def _line(value: object) -> str:
    if not (text := _filled(value).strip()).isprintable() or not text:
        msg = "give one line of text"
        raise ValueError(msg)
    return text


def _name(value: object) -> str:
    if not _NAME.fullmatch(text := _text(value)):
        msg = "give 1 to 64 letters, digits, dots, dashes or underscores"
        raise ValueError(msg)
    return text


def instant(value: object) -> datetime:
    """A point in time, ISO 8601 with its offset from UTC.

    Raises:
        ValueError: it is none.
    """
    advice = "give a time with its offset from UTC, such as 2026-12-01T09:00:00+09:00"
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError as err:
        raise ValueError(advice) from err
    if at.tzinfo is None:
        raise ValueError(advice)
    return at


_MANY = {"maxItems": MAX_VALUES, "minItems": 1, "type": "array"}


def _one_or_many(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {**_MANY, "items": item}]})


_TEXT: Final = {"type": "string", "maxLength": MAX_CHARS}
_Glob = Annotated[str, BeforeValidator(_text)]
_Word = Annotated[str, BeforeValidator(_filled)]
Globs = Annotated[tuple[_Glob, ...], BeforeValidator(_listed), _one_or_many(_TEXT)]
Words = Annotated[tuple[_Word, ...], BeforeValidator(_listed), _one_or_many({**_TEXT, "minLength": 1})]
_LEVEL_NAMES = {"type": "string", "enum": ["WARN", "ERROR", "FATAL"]}
_SEVERITY_NAMES = {"type": "string", "enum": list(Severity)}
LevelName = Annotated[str, BeforeValidator(_level), WithJsonSchema(_LEVEL_NAMES)]
Levels = Annotated[tuple[LevelName, ...], BeforeValidator(_listed), _one_or_many(_LEVEL_NAMES)]
SeverityName = Annotated[Severity, BeforeValidator(_severity), WithJsonSchema(_SEVERITY_NAMES)]
Severities = Annotated[tuple[SeverityName, ...], BeforeValidator(_listed), _one_or_many(_SEVERITY_NAMES)]
_PREFIX = {"type": "string", "pattern": f"^{_HEX.pattern}$"}
Prefixes = Annotated[
    tuple[Annotated[str, BeforeValidator(_prefix)], ...], BeforeValidator(_listed), _one_or_many(_PREFIX)
]
Expressions = Annotated[
    tuple[Annotated[str, BeforeValidator(_expression)], ...], BeforeValidator(_listed), _one_or_many(_TEXT)
]
Length = Annotated[
    float, BeforeValidator(_window), WithJsonSchema({"type": "string", "pattern": f"^{_LENGTH.pattern}$"})
]
Channel = Annotated[str, BeforeValidator(_channel), WithJsonSchema({"type": "string", "maxLength": 80})]
Mention = Annotated[
    str, BeforeValidator(_mention), WithJsonSchema({"type": "string", "pattern": f"^({_MENTION.pattern})$"})
]
Line = Annotated[str, BeforeValidator(_line), WithJsonSchema({**_TEXT, "minLength": 1})]
Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Instant = Annotated[datetime, BeforeValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"})]
