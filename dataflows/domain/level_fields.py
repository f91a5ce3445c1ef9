"""The fields of a record that tell its level, as structs: a decoder skips all others unread, and so is quick."""

from typing import Final

import msgspec

Text = str | int | None
ABSENT: Final = msgspec.Raw()
"""Stands in a field that the record has not."""


class GlanceInner(msgspec.Struct, gc=False):
    """The usual name of a level, in `log_json`."""

    level: Text = None


class Glance(msgspec.Struct, gc=False):
    """The usual name of a level. Every field that is looked for costs 30 ns for each key of a record."""

    level: Text = None
    log_json: GlanceInner | None = None


class Line(msgspec.Struct, gc=False):
    """A line of text, as container runtimes have it: nothing that tells a level or a trace stands beside it."""

    log: str = ""
    level: None = None
    severity: None = None
    levelname: None = None
    loglevel: None = None
    log_level: None = None
    log__level: None = msgspec.field(default=None, name="log.level")
    lvl: None = None
    log_json: None = None
    log_content: None = None
    stack_trace: None = None
    stacktrace: None = None
    exc_info: None = None
    exception: None = None
    traceback: None = None
    stack: None = None
    error__stack_trace: None = msgspec.field(default=None, name="error.stack_trace")


class Inner(msgspec.Struct, gc=False):
    """The part of `log_json` that tells a level."""

    level: Text = None
    severity: Text = None
    levelname: Text = None
    loglevel: Text = None
    log_level: Text = None
    log__level: Text = msgspec.field(default=None, name="log.level")
    lvl: Text = None
    log_content: msgspec.Raw = ABSENT
    log: msgspec.Raw = ABSENT
    message: msgspec.Raw = ABSENT
    msg: msgspec.Raw = ABSENT
    event: msgspec.Raw = ABSENT
    stack_trace: msgspec.Raw = ABSENT
    stacktrace: msgspec.Raw = ABSENT
    exc_info: msgspec.Raw = ABSENT
    exception: msgspec.Raw = ABSENT
    traceback: msgspec.Raw = ABSENT
    stack: msgspec.Raw = ABSENT
    error__stack_trace: msgspec.Raw = msgspec.field(default=ABSENT, name="error.stack_trace")


class Outer(Inner, gc=False):
    """The part of a record that tells a level; other fields are skipped unread."""

    log_json: Inner | None = None


glance_of: Final = msgspec.json.Decoder(Glance).decode
line_of: Final = msgspec.json.Decoder(Line).decode
fields_of: Final = msgspec.json.Decoder(Outer).decode
text_of: Final = msgspec.json.Decoder(str).decode
