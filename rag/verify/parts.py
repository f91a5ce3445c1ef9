"""Takes from a statement the parts that a reader might click, type or trust: each needs a source.

All patterns are for folded text (`legible.folded`). They find too much rather than too little: a part that the runbook
has passes, whatever it was taken for.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

_TLD = r"(?:com|net|org|io|dev|app|co|kr|ru|cn|info|biz|xyz|top|site|example|test|한국)"
_UNMASKED = (
    (re.compile(r"\s*[\[({<]\s*(?:\.|dot|닷|점)\s*[\])}>]\s*", re.IGNORECASE), "."),
    (re.compile(rf"(?<=\w)\s+(?:dot|닷|점)\s+(?={_TLD}\b)", re.IGNORECASE), "."),
    (re.compile(rf"(?<=\w)\s+\.\s*(?=\w)|(?<=\w)\.\s+(?={_TLD}\b)", re.IGNORECASE), "."),
    (re.compile(r"(?<=[A-Za-z0-9])\u3002(?=[A-Za-z0-9])"), "."),  # IDNA takes it for a dot (RFC 3490)
    (re.compile(r"\s*[\[({]\s*(?:at|@)\s*[\])}]\s*", re.IGNORECASE), "@"),
    (re.compile(r"\bh(?:xx|\*\*)p(s?)\b", re.IGNORECASE), r"http\1"),
    (re.compile(r"\b(https?)\s*:\s*/\s*/\s*", re.IGNORECASE), r"\1://"),
)
_LOUD = re.compile(
    r"<\s*[!@#]|@\s*(?:channel|here|everyone|group|all)\b|&lt;\s*[!@#]|\]\s*\(|<[^<>]*\|[^<>]*>|<\s*/?\s*[a-z]+[\s:]"
    r"|\b(?:javascript|vbscript)\s*:|\bdata\s*:\s*\w+/|&#?\w+;|%3c",
    re.IGNORECASE,
)
_WHOLE = (
    re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s<>\"'`\uac00-\ud7a3]*", re.IGNORECASE),
    re.compile(r"\b(?:mailto|tel|sms|slack|file|jndi|ldaps?|callto):\S+", re.IGNORECASE),
    re.compile(r"[^\s()<>\"'`,]*@[^\s()<>\"'`,\uac00-\ud7a3]+"),
    re.compile(r"[A-Za-z0-9_.-]+=[^\s,;`]*"),
    re.compile(r"(?<![\w/<])(?:~|\.{1,2})?/[A-Za-z0-9._@%+-]+(?:/[A-Za-z0-9._@%+*-]*)*"),
    re.compile(r"\b[A-Za-z]:\\\S+|\\\\\S+"),
)
"""Links, addresses, settings and paths: each is looked up as one, and what is in it is not looked up again."""
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:[A-Za-z]{2,}[A-Za-z0-9-]*|xn--[a-z0-9-]+|한국|닷컴|닷넷)", re.IGNORECASE)
_STRICT = (
    re.compile(r"\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}", re.IGNORECASE),
    re.compile(r"`+([^`]+)`*"),
    re.compile(r"(?<![\w-])--?[A-Za-z][A-Za-z0-9-]*(?:=[^\s,;`]+)?"),
    re.compile(r"\$[({]?\w+"),
    re.compile(r"\S+\s*(?:&&|\|\|?|>>?)\s*\S+"),
    re.compile(r"(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{20,}"),
)
"""Code, options, variables, pipes and keys; with `_WHOLE` and `_HOST` what the cited runbook alone may bring."""
_FAILURE = re.compile(r"(?:[A-Za-z_$][\w$]*\.)+[A-Z][\w$]*(?:Error|Exception|Failure|Fault|Timeout)")
_LOOSE = (
    re.compile(r"<[A-Z*][A-Z0-9_*:-]*(?:[:#][0-9a-f]+)?>"),
    re.compile(r"[A-Za-z]*[a-z][A-Z][A-Za-z0-9]*|[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+", re.ASCII),
)
"""May come from the log too, in a cause: marks of redaction, names of classes and fields."""
_MEASURE = re.compile(
    r"\b(\d+(?:[.,]\d+)?)\s?(?:ms|s|sec|seconds?|min|minutes?|h|hours?|[KMG]i?B|bytes|%|초|분|시간|건|회|개)(?![A-Za-z])"
)
"""A number with its unit: the only one that a cause may take from the log, where an attacker could put a port."""
_NUMBER = re.compile(
    r"\d+(?:[.,:]\d+)*|\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty"
    r"|sixty|ninety|hundreds?|thousands?|millions?|twice|doubl\w+|tripl\w+|half|halv\w+)\b",
    re.IGNORECASE,
)


def loud(text: str) -> bool:
    """Say whether a text holds what acts by being shown: mentions, masked links, tags, scripts. None ever passes."""
    return bool(_LOUD.search(text) or _LOUD.search(unmasked(text)))


def unmasked(text: str) -> str:
    """Return `text` with the usual disguises of an address undone: `hxxp`, `[.]`, ` dot com`."""
    for pattern, plain in _UNMASKED:
        text = pattern.sub(plain, text)
    return text


def strict(text: str) -> list[str]:
    """Return the parts that only a cited runbook may bring."""
    plain = rest = unmasked(text)
    found = [match[match.lastindex or 0] for pattern in _STRICT for match in pattern.finditer(plain)]
    for pattern in _WHOLE:
        found += pattern.findall(rest)
        rest = pattern.sub(" ", rest)
    found += _HOST.findall(rest)
    parts = [part.strip().rstrip(".,;:!?)]}'\"") for part in found]
    return [part for part in parts if part and not _FAILURE.fullmatch(part)]


def loose(text: str) -> list[str]:
    """Return the names that a cited runbook or, in a cause, the log may bring."""
    patterns = (*_LOOSE, _FAILURE)
    return [match[0] for pattern in patterns for match in pattern.finditer(text)]


def numbers(text: str) -> set[str]:
    """Return every number of a text, without thousands separators; English ones also in words."""
    return {match[0].replace(",", "").lower() for match in _NUMBER.finditer(text)}


def without_measures(text: str, log: str) -> str:
    """Return `text` without the measured values that stand in `log`, number and unit."""
    known = {match[0].replace(" ", "") for match in _MEASURE.finditer(log)}
    return _MEASURE.sub(lambda match: " " if match[0].replace(" ", "") in known else match[0], text)


def stands(part: str, sources: Iterable[str]) -> bool:
    """Say whether `part` stands in one of `sources` by itself, not as a piece of a longer word, path or address."""
    left = r"(?<![A-Za-z0-9_])" + (r"(?<![A-Za-z0-9_][/.@:\\-])" if part[:1].isalnum() else "")
    right = r"(?![A-Za-z0-9_])(?![./@:=\\-][A-Za-z0-9_*])"
    pattern = re.compile(left + re.escape(part) + right)
    return any(pattern.search(source) for source in sources)


def links_to(part: str, hosts: Sequence[str]) -> bool:
    """Say whether `part` is a plain web address, or a name, of one of `hosts`."""
    if part.lower() in hosts:
        return True
    if not part.isascii() or not part.lower().startswith(("https://", "http://")) or set(part) & set("\\@"):
        return False
    try:
        return urlsplit(part).netloc.lower() in hosts
    except ValueError:
        return False
