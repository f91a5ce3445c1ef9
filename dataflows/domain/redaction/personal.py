"""Personal data: addresses and numbers that may identify somebody."""

from typing import Final

from dataflows.domain.redaction.checks import is_business_number, is_card, is_email, is_public_ip, is_resident_number
from dataflows.domain.redaction.rule import rule
from dataflows.domain.redaction.shapes import SEPARATOR

_NO_NUMBER = r"(?:^|[^\w.-])"
_HEX = r"[0-9A-Fa-f]{1,4}"
_DASH = r"[- .\u2010-\u2015\u2212]"
_LINE = r"[-\u2010-\u2015\u2212]"
_DASH_GATE = r"[- .\x{2010}-\x{2015}\x{2212}]"
_LINE_GATE = r"[-\x{2010}-\x{2015}\x{2212}]"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}"
_PHONE_NAME = r"(?:phone|mobile|휴대폰|휴대전화|전화)[_ ]?(?:number|num|no|번호)?"

PERSONAL: Final = (
    rule(
        "EMAIL",
        r"\w@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2}",
        rf"(?<![\w+])(?<![\w+][.-])[A-Za-z0-9_](?:[\w.+-]{{0,62}}[\w+-])?@{_DOMAIN}(?![\w(-])",
        is_email,
        anchor="@",
        reach=64,
    ),
    rule(
        "RRN",
        r"(?:^|[^\w-])\d\d(?:0[1-9]|1[0-2])[0-3]\d[- ]?[1-8]\d{6}",
        r"\d(?<![\w-]\d)\d{5}[- ]?[1-8]\d{6}(?![\d-])",
        is_resident_number,
    ),
    rule(
        "CARD",
        _NO_NUMBER + r"[2-69](?:\d{12}|\d{3}[ -](?:\d{4}[ -]\d{4}|\d{6})[ -]\d)",
        r"\d(?<![\w.-]\d)(?:\d{12,18}|\d{3}[ -](?:\d{4}[ -]\d{4}[ -]\d{1,7}|\d{6}[ -]\d{4,5}))(?![\w-])",
        is_card,
    ),
    rule(
        "PHONE",
        rf"(?:^|[^\w.-])(?:0(?:1[016-9]{_DASH_GATE}?\d{{3,4}}{_DASH_GATE}?\d{{4}}|50\d{_DASH_GATE}?\d{{3,4}}{_DASH_GATE}?\d{{4}}"
        rf"|(?:2|[3-6]\d|70)(?:[ )]|{_LINE_GATE})\d{{3,4}}{_LINE_GATE}\d{{4}})"
        rf"|\+(?:82{_DASH_GATE}?(?:\(0\))?(?:1[016-9]|50\d|2|[3-6]\d|70)(?:\)|{_DASH_GATE})?\d{{3}}"
        rf"|\d{{1,3}}{_DASH_GATE}\(?\d{{2,4}}\)?{_DASH_GATE}\d{{3,4}}{_DASH_GATE}\d{{3}})"
        rf"|82{_LINE_GATE}1[016-9]{_DASH_GATE}?\d{{3,4}}{_DASH_GATE}?\d{{4}}"
        rf"|\(?\d{{3}}(?:\) ?|{_LINE_GATE})\d{{3}}{_LINE_GATE}\d{{4}}|\(0\d{{1,2}}\) ?\d{{3,4}}{_LINE_GATE}\d{{4}})",
        r"[0+(\d](?<![\w.-].)(?:"
        rf"(?:(?<=\+)82{_DASH}?(?:\(0\))?|(?<=8)2{_LINE}(?=1)|(?<=0))(?:1[016-9]{_DASH}?\d{{3,4}}{_DASH}?\d{{4}}"
        rf"|50\d{_DASH}?\d{{3,4}}{_DASH}?\d{{4}}|(?:2|[3-6]\d|70)(?:[ )]|{_LINE})\d{{3,4}}{_LINE}\d{{4}})"
        rf"|(?<=\+)[1-9]\d{{0,2}}{_DASH}\(?\d{{2,4}}\)?{_DASH}\d{{3,4}}{_DASH}\d{{3,4}}"
        rf"|(?:(?<=\()\d{{3}}\) ?|(?<=[2-9])\d\d{_LINE})\d{{3}}{_LINE}\d{{4}}"
        rf"|(?<=\()0\d{{1,2}}\) ?\d{{3,4}}{_LINE}\d{{4}})"
        r"(?![\w-])",
    ),
    rule(
        "PHONE",
        rf"(?i:{_PHONE_NAME}){SEPARATOR}[\"']?\+?\d{{9}}",
        rf"{_PHONE_NAME}{SEPARATOR}[\"']?(?P<secret>\+?\d{{9,13}})(?![\w.-])",
        lower=True,
    ),
    rule(
        "BUSINESS_NUMBER",
        r"(?:^|[^\w-])\d{3}-\d\d-\d{5}(?:$|[^\d-])",
        r"\d(?<![\w-]\d)\d{2}-\d{2}-\d{5}(?![\d-])",
        is_business_number,
    ),
    rule(
        "BUSINESS_NUMBER",
        rf"사업자 ?(?:등록)? ?번호(?:는|가|이|은)?(?:{SEPARATOR}[\"']?| )\d{{10}}",
        rf"사업자 ?(?:등록)? ?번호(?:는|가|이|은)?(?:{SEPARATOR}[\"']?| )(?P<secret>\d{{10}})(?!\d)",
        is_business_number,
    ),
    rule(
        "IP",
        _NO_NUMBER + r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:$|\W)",
        r"\d(?<![\w.-]\d)\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\d|-\w)",
        is_public_ip,
    ),
    rule(
        "IP",
        r"[0-9A-Fa-f]::(?:$|[^A-Za-z])|::[0-9A-Fa-f]{1,4}(?:$|[^\w])|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]",
        rf"(?<![\w:.])(?:{_HEX}(?::{{1,2}}{_HEX}){{1,7}}(?:::)?|{_HEX}::|::{_HEX}(?::{_HEX}){{0,6}})(?!\w|:[\w:])",
        is_public_ip,
    ),
)
