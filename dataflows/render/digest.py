"""The lines of a digest: every alert in it is named."""

from dataclasses import dataclass
from typing import Final

from dataflows.domain.alerts import OPENING, DigestLine, Reason
from dataflows.render.catalogue import Texts
from dataflows.render.clean import clip, one_line
from dataflows.render.phrases import RESOLVED_ICON, icon

MAX_DIGEST_LINES: Final = 40
"""Lines of one digest. Our choice: the most that keep within the size of a message (`blocks.MAX_MESSAGE`) with a name
a person can read, of characters that grow most in JSON; a test of the largest digest holds it."""

FINGERPRINT_CHARS: Final = 8
"""Of a fingerprint, hex digits: enough for `cali why`."""


_LOOKED_AT: Final = 1_000
"""Characters of a name that are cleaned at all; a template can be as long as its message."""


@dataclass(frozen=True, slots=True)
class Widths:
    """The most characters of each part of a line."""

    service: int
    template: int


WIDTHS: Final = (Widths(60, 200), Widths(40, 120), Widths(30, 70), Widths(20, 32), Widths(14, 20))
"""Tried in order, until the message is small enough; the last always is."""


@dataclass(frozen=True, slots=True)
class Named:
    """One line, clean."""

    text: str
    is_opening: bool


def named(lines: list[DigestLine], words: Texts, widths: Widths) -> tuple[Named, ...]:
    """Every line, in order."""
    return tuple(Named(_line(line, words, widths), line["reason"] in OPENING) for line in lines)


def _line(line: DigestLine, words: Texts, widths: Widths) -> str:
    is_over = line["reason"] == Reason.RESOLVED
    return words.line.format(
        icon=RESOLVED_ICON if is_over else icon(line["severity"], line["level"]),
        service=clip(one_line(line["service"][:_LOOKED_AT]), widths.service) or "?",
        template=clip(one_line(line["template"][:_LOOKED_AT]), widths.template) or words.no_message,
        note=_note(line, words, is_over=is_over),
        fingerprint=clip(one_line(line["fingerprint"][:_LOOKED_AT])[:FINGERPRINT_CHARS], FINGERPRINT_CHARS) or "?",
    )


def _note(line: DigestLine, words: Texts, *, is_over: bool) -> str:
    plain = one_line(line["reason"])
    reason = words.line_reasons.get(plain, clip(plain, 20))
    total = max(line["count"], line["total"])
    if is_over or line["count"] == total:
        return words.line_note.of(total, reason=reason)
    return words.line_note_of.of(line["count"], reason=reason, total=total)
