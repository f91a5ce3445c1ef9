"""What kind of value a word is, or that it is none: number, address, path, host, id."""

import re
from typing import Final

WILD: Final = "*"
"""Stands for a variable word in a signature."""

_MAX_MEMO: Final = 50_000
_MAX_MEMO_WORD: Final = 40
"""Words remembered with their kinds; then all are forgotten. Longer ones are ids and paths, which do not recur."""
_MAX_WORD: Final = 60
"""No word of a language is as long; an identifier without a digit may be."""
_MIN_HEX: Final = 8

_NUMBER = re.compile(r"[+-]?(?:\d[\d,._]*|0x[\da-fA-F]+)(?:%|[a-zA-Z]{1,3})?$")
_PLAIN = re.compile(r"(\d(?:[\d._]*\d)?)$|(?![Ww])[A-Za-z][A-Za-z_-]*\d{8,}$", re.ASCII)
_IP = re.compile(r"/?\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d{1,5})?$")
_KEPT = re.compile(
    r"(?:ORA|AADSTS|TNS|CVE|DB2|SQL|PLS|MSB|CS|TS|ERR|WFLY\w*|HHH|HV|IGN|SRVE|AMQ)-?\d{3,7}[A-Z]?$"
    r"|(?:S3|EC2|IPv[46]|UTF-?8|SHA-?(?:1|256|512)|MD5|HTTP/?[12](?:\.[01])?|OAuth2?|TLSv?1(?:\.[0-3])?|X\.?509|log4j2?|slf4j"
    r"|k8s|H2|L[1-7]|v[1-9]|base64|gzip|Base64|p[59][0-9]|i18n|e2e|Web3|Neo4j|DB2)$",
    re.IGNORECASE,
)
_KEPT_BEGINNINGS_TEXT = """
or aa tn cv db sq pl ms cs ts er wf hh hv ig sr am s3 ec ip ut sh md ht oa tl x5 x. lo sl k8 h2 l1 l2 l3 l4 l5 l6 l7
v1 v2 v3 v4 v5 v6 v7 v8 v9 ba gz p5 p9 i1 e2 we ne
"""
_KEPT_BEGINNINGS: Final = frozenset(_KEPT_BEGINNINGS_TEXT.split())
"""The first two characters of whatever `_KEPT` matches, in lower case."""
_DIGIT = re.compile(r"\d")
_HEX = re.compile(r"[0-9a-fA-F]{8,}$")
_TYPE = re.compile(r"(?:[\w$]+\.)+[A-Z][\w$]*(?:Exception|Error|Throwable|Failure)$")
_PACKAGE = re.compile(r"(?:com|org|net|io|edu|kr|de|fr|uk|jp|cn|in)(?:\.[a-z_]+){2,}$")
_CAMEL = re.compile(r"[A-Za-z]+\d[A-Za-z]+$")
HOST_PORT: Final = re.compile(
    r"(?:[a-z0-9-]+\.)+[a-z]+:\d{1,5}$|[a-z][a-z0-9-]*:(?:2[125]|53|80|443|8443|80[0-9]0|8081|1433|1521|2181|2379|3000|3306"
    r"|4317|5000|5432|567[12]|6379|9000|909[0-3]|9200|27017)$"
)
"""A dotted name with a port, or any name with a well-known one (IANA): a host, where `index:3` is a key."""
_HOST = re.compile(
    r"(?:[\w-]+\.)+(?:com|net|org|edu|gov|io|dev|app|cloud|local|internal|svc|kr|jp|cn|de|uk|us|eu|hk|in|br|fr|ru)$",
    re.IGNORECASE,
)
WORDS_IN_VALUE: Final = frozenset({"true", "false", "null", "none"})
"""In lower case: fixed on their own account, but values all the same."""
_LONG_IDENTIFIER: Final = 10
"""A single digit inside that many letters belongs to a name (`isBluetoothA2dpOn`), not to a counter or an id."""

_kinds: dict[str, str] = {}


def plain_kind(word: str) -> str:
    """Name the kind of a word that is a number or an id without doubt, at a fifth of the cost of all rules; else empty.

    What `variable_kind` says of it: `_KEPT` has at most seven digits, except behind `WFLY`. No punctuation around it.
    """
    found = _PLAIN.match(word)
    return "" if found is None else "<num>" if found[1] else "<id>"


def variable_kind(core: str) -> str:
    """Name the kind of a variable word, or return empty for a fixed one."""
    if core.isdigit() and core.isascii():
        return "<num>"
    kind = _kinds.get(core)
    if kind is None:
        kind = _variable_kind(core)
        if len(_kinds) >= _MAX_MEMO:
            _kinds.clear()
        if len(core) <= _MAX_MEMO_WORD:
            _kinds[core] = kind
    return kind


def is_hex(core: str) -> bool:
    """Tell whether a word is of hexadecimal digits alone, and too long for a word of a language that happens to be."""
    return len(core) >= _MIN_HEX and _HEX.match(core) is not None


def _variable_kind(core: str) -> str:
    if core.lower() in WORDS_IN_VALUE:
        return "<*>"
    if "." in core and _TYPE.match(core):
        return ""
    if _DIGIT.search(core) or (not core.isascii() and any(map(str.isdigit, core))):
        return _kind_with_digits(core)
    if len(core) > _MAX_WORD or is_hex(core):
        return "<id>"
    if "/" in core or "\\" in core:
        return "<path>" if _is_path(core) else ""
    return "<*>" if "@" in core or core.count(".") > 2 or ("." in core and _is_dotted_name(core)) else ""


def _is_dotted_name(core: str) -> bool:
    return _HOST.match(core) is not None or _PACKAGE.match(core) is not None


def _is_path(core: str) -> bool:
    return core[0] in "/~" or "\\" in core or "." in core or core.count("/") > 1


def _kind_with_digits(core: str) -> str:
    if _may_be_kept(core) and _KEPT.match(core):
        return ""
    if len(core) >= _LONG_IDENTIFIER and _CAMEL.match(core):
        return ""
    if _NUMBER.match(core):
        return "<num>"
    if _IP.match(core):
        return "<ip>"
    return "<path>" if "/" in core else "<host>" if ":" in core and HOST_PORT.match(core) else "<id>"


def _may_be_kept(core: str) -> bool:
    """Say no to most ids in a tenth of the time of `_KEPT`; a letter beyond ASCII may fold to one of its own."""
    return core[:2].lower() in _KEPT_BEGINNINGS or not core.isascii()
