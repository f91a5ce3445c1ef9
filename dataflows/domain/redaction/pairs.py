"""Secrets whose name and value stand apart: lists of variables and headers, XML attributes, Spring's messages."""

from typing import Final

from dataflows.domain.redaction.checks import looks_paired, not_a_word
from dataflows.domain.redaction.names import ANY_GATE, holds_secret
from dataflows.domain.redaction.rule import rule
from dataflows.domain.redaction.shapes import QUOTED, SEPARATOR, VALUE

_NAME: Final = r"(?P<name>(?:[\w.-]|[가-힣]){1,80})"
_NAME_GATE: Final = rf"(?:[\w.-]|[^\x00-\x7f])*(?i:{ANY_GATE})(?:[\w.-]|[^\x00-\x7f])*"
_LABEL: Final = r"(?:name|key|header|field|param(?:eter)?|property|variable)"
_THING: Final = r"(?:field|parameter|param|argument|property|header|column|variable|attribute|필드|항목)"
_SAYS: Final = (
    r"(?:(?:has|had|with|of|and|is|was|the|its|an?|invalid|rejected|illegal|bad|incorrect|value)[ :=]{1,3}){1,6}"
)
_Q: Final = r"\\?[\"']"

PAIRS: Final = (
    rule(
        "SECRET",
        rf"(?i:{_LABEL})(?:{_Q})?\s*[:=]\s*(?:{_Q})?{_NAME_GATE}(?:{_Q})?\s*[,;]?\s*(?:-\s)?(?:{_Q})?(?i:(?:rejected|invalid)?_?val(?:ue)?s?)(?:{_Q})?\s*[:=]",
        rf"{_LABEL}(?:{_Q})?\s{{0,4}}[:=]\s{{0,4}}(?:{_Q})?{_NAME}(?:{_Q})?\s{{0,40}}[,;]?\s{{0,40}}(?:-\s)?"
        rf"(?:{_Q})?(?:rejected|invalid)?_?val(?:ue)?s?{SEPARATOR}\s{{0,40}}{VALUE}",
        not_a_word,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:{_LABEL})=[\"']{_NAME_GATE}[\"'][^<>]*>[^<]",
        rf"{_LABEL}=[\"']{_NAME}[\"'][^<>\n]{{0,80}}>(?P<secret>[^<\n]{{1,4000}})<",
        not_a_word,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"[(\[{{][bru]?{_Q}{_NAME_GATE}{_Q}[ \t]*,[ \t]*\[?[bru]?{_Q}",
        rf"[(\[{{][bru]?{_Q}{_NAME}{_Q}[ \t]{{0,4}},[ \t]{{0,4}}\[?[bru]?(?P<secret>{QUOTED})(?={_Q}\]?[)\]}}])",
        looks_paired,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:{_THING}) ?['\"\[]?{_NAME_GATE}['\"\]]?[:,]? (?i:{_SAYS})\[",
        rf"{_THING} ?['\"\[]?{_NAME}['\"\]]?[:,]? {_SAYS}\[(?P<secret>[^\n]{{1,500}}?)\](?=$|[;,.\s])",
        not_a_word,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:{_THING}) ?['\"\[]?{_NAME_GATE}['\"\]]?[:,]? (?i:{_SAYS})['\"]",
        rf"{_THING} ?['\"\[]?{_NAME}['\"\]]?[:,]? {_SAYS}(?P<secret>\"[^\"\n]{{1,500}}\"|'[^'\n]{{1,500}}')",
        not_a_word,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:value):? ['\"\[][^\n]+['\"\]] (?i:for|of|in) (?:[\w]+ )*['\"\[]?{_NAME_GATE}",
        rf"value:? ['\"\[](?P<secret>[^'\"\n]{{1,300}}?)['\"\]] (?:for|of|in) (?:the )?(?:{_THING} )?['\"\[]?{_NAME}",
        not_a_word,
        named=holds_secret,
        lower=True,
    ),
)
