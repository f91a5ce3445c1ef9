"""The signature of a message without a trace: which of its words are fixed, which vary."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dataflows.domain.log_prefix import message_start
from dataflows.domain.tokens_codes import CODE_KEYS, EDGES, codes_behind, is_code
from dataflows.domain.tokens_codes import LEADS as CODE_LEADS

MAX_TOKENS: Final = 200
"""Words looked at; what a longer message says after them does not decide which fault it is."""

_SHOWN_TOKENS: Final = 60
_MAX_MEMO: Final = 50_000
"""Words remembered, about 10 MB; then all are forgotten, so that ids cannot fill the memory."""
_MAX_MEMO_WORD: Final = 40
_MAX_LONG_MEMO: Final = 5_000
_MAX_LONG_WORD: Final = 300
"""Longer words are often ids, paths or payloads: they have a small memory of their own, not to flush the other."""

_MAX_WORD: Final = 60
"""No word of a language is as long; an identifier without a digit may be."""
_MIN_HEX: Final = 8

WILD: Final = "*"


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One whitespace-separated word, understood. Words understood alike share one token, so it compares by identity."""

    sig: str
    """What goes into the signature; `*` for a variable word, empty for punctuation."""
    shown: str
    """What people see, with the variable part as `<num>`, `<ip>`, `<path>`, `<id>` or `<*>`."""
    lead: str = ""
    """What follows: `name` a name, `status` or `code` a code, `credential` a name behind `for`; else empty."""


_NUMBER = re.compile(r"[+-]?(?:\d[\d,._]*|0x[\da-fA-F]+)(?:%|[a-zA-Z]{1,3})?$")
_IP = re.compile(r"/?\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d{1,5})?$")
_KEPT = re.compile(
    r"(?:ORA|AADSTS|TNS|CVE|DB2|SQL|PLS|MSB|CS|TS|ERR|WFLY\w*|HHH|HV|IGN|SRVE|AMQ)-?\d{3,7}[A-Z]?$"
    r"|(?:S3|EC2|IPv[46]|UTF-?8|SHA-?(?:1|256|512)|MD5|HTTP/?[12](?:\.[01])?|OAuth2?|TLSv?1(?:\.[0-3])?|X\.?509|log4j2?|slf4j"
    r"|k8s|H2|L[1-7]|v[1-9]|base64|gzip|Base64|p[59][0-9]|i18n|e2e|Web3|Neo4j|DB2)$",
    re.IGNORECASE,
)
_DELIMITERS: Final = "{}()[]<>,;|\"'=&?"
_PARTS = re.compile(r"[{}()\[\]<>,;|\"'=&?]+|[^{}()\[\]<>,;|\"'=&?]+")
_HEX = re.compile(r"[0-9a-fA-F]{8,}$")
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]{1,30}(?::[0-9a-f]{8})?\]")
_TYPE = re.compile(r"(?:[\w$]+\.)+[A-Z][\w$]*(?:Exception|Error|Throwable|Failure)$")
_PACKAGE = re.compile(r"(?:com|org|net|io|edu|kr|de|fr|uk|jp|cn|in)(?:\.[a-z_]+){2,}$")
_CAMEL = re.compile(r"[A-Za-z]+\d[A-Za-z]+$")
_PAIR = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)(?P<colon>::?)(?P<value>[^:/\\]+)$")
_PATH_PAIR = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)(?P<colon>:)(?P<value>/[^:]*)$")
_HOST_PORT = re.compile(
    r"(?:[a-z0-9-]+\.)+[a-z]+:\d{1,5}$|[a-z][a-z0-9-]*:(?:2[125]|53|80|443|8443|80[0-9]0|8081|1433|1521|2181|2379|3000|3306"
    r"|4317|5000|5432|567[12]|6379|9000|909[0-3]|9200|27017)$"
)
"""A dotted name with a port, or any name with a well-known one (IANA): a host, where `index:3` is a key."""
_HOST = re.compile(
    r"(?:[\w-]+\.)+(?:com|net|org|edu|gov|io|dev|app|cloud|local|internal|svc|kr|jp|cn|de|uk|us|eu|hk|in|br|fr|ru)$",
    re.IGNORECASE,
)
_WORDS_IN_VALUE = frozenset({"true", "false", "null", "none"})
_CALENDAR_TEXT = """
mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec am pm utc gmt kst est edt pst pdt
cet cest
"""
_CALENDAR: Final = frozenset(_CALENDAR_TEXT.split())
_UNITS_TEXT = """
b kb mb gb tb kib mib gib ms us ns s sec secs second seconds min mins minute minutes hour hours day days byte
bytes
"""
_UNITS: Final = frozenset(_UNITS_TEXT.split())
_NAME_FOLLOWS = frozenset({"user", "username", "login", "account", "tenant", "host", "hostname", "pod", "node"})
_NO_NAME_TEXT = """
a an and as at authentication authorization by cannot could did does error exists failed failure for from group
had has have id illegal in info input interface invalid is it logged login lookup may mode must name names not of on
or password
permission permissions profile request role service session sessions should space table the to token type types
unknown was were will with without
"""
_NO_NAME: Final = frozenset(_NO_NAME_TEXT.split())
_FIXED_FIELDS = frozenset(
    {"message", "msg", "error", "err", "level", "event", "type", "reason", "code", "status", "exception"}
)
"""Fields of a JSON object whose value says what happened, not to whom."""
_CREDENTIALS = frozenset({"password", "publickey", "credentials"})
_LEADS: Final = {
    **CODE_LEADS,
    **dict.fromkeys(_CREDENTIALS, "credential"),
    **dict.fromkeys(_NAME_FOLLOWS, "name"),
}

_LONG_IDENTIFIER: Final = 10
"""A single digit inside that many letters belongs to a name (`isBluetoothA2dpOn`), not to a counter or an id."""

_HIDDEN: Final = "\x1a0"
"""Stands for a redacted value: variable by its digit, like what it hides, so that redaction changes no fingerprint."""

_CODE_KINDS = frozenset(CODE_LEADS.values())

_kinds: dict[str, str] = {}


class _Memory:
    """Words with their tokens. A token is shared, and known as a lead, within one memory only."""

    def __init__(self) -> None:
        self.words: dict[str, Token] = {}
        self.long_words: dict[str, Token] = {}
        self.shared: dict[tuple[str, str, str], Token] = {}
        self.code_leads: set[Token] = set()

    def share(self, sig: str, shown: str, lead: str = "") -> Token:
        """Return the one token of these values."""
        token = self.shared.get((sig, shown, lead))
        if token is None:
            token = Token(sig, shown, lead)
            if lead in _CODE_KINDS:
                self.code_leads.add(token)
            self.shared[sig, shown, lead] = token
        return token


class Tokeniser:
    """Splits messages into understood words; remembers words up to a bound, then forgets them all.

    The memory never changes an answer. Threads may share one.
    """

    def __init__(self) -> None:
        self._memory = _Memory()

    def __call__(self, text: str) -> tuple[Token, ...]:
        """Classify the first `MAX_TOKENS` words. Never raises.

        Messages that differ in values only mostly get equal tuples, so that a tuple may be a key.
        """
        if "[" in text:
            text = _PLACEHOLDER.sub(_HIDDEN, text)
        memory = self._memory
        get, get_long = memory.words.get, memory.long_words.get
        words = text.split(None, MAX_TOKENS)[:MAX_TOKENS]
        tokens = [get(word) or get_long(word) or self._classify(word, memory) for word in words]
        if not memory.code_leads.isdisjoint(tokens):
            _keep_codes(words, tokens, memory)
        return tuple(tokens)

    def _classify(self, word: str, memory: _Memory) -> Token:
        if len(memory.shared) >= _MAX_MEMO:
            self._memory = _Memory()
        understood = _understand(word)
        if len(word) > _MAX_LONG_WORD:
            return Token(*understood)
        token = memory.share(*understood)
        if len(word) <= _MAX_MEMO_WORD:
            if len(memory.words) >= _MAX_MEMO:
                memory.words.clear()
            memory.words[word] = token
        else:
            if len(memory.long_words) >= _MAX_LONG_MEMO:
                memory.long_words.clear()
            memory.long_words[word] = token
        return token


def _keep_codes(words: list[str], tokens: list[Token], memory: _Memory) -> None:
    """Put back the codes behind words that announce them."""
    for index, token in enumerate(tokens):
        if token.lead in _CODE_KINDS:
            for at, code in codes_behind(token.lead, words, index):
                if tokens[at].sig == WILD:
                    tokens[at] = memory.share(code, words[at][:_MAX_LONG_WORD])


def describe(tokens: Iterable[Token], limit: int) -> tuple[str, str]:
    """Return the signature of a message and its template.

    The signature joins the fixed words; runs of variable ones become one `*`. Equal for messages that differ in values
    only. The template is what people see: one line of at most `limit` characters, without log prefix.
    """
    out: list[str] = []
    shown: list[str] = []
    last = lead = ""
    for token in tokens:
        part, seen = token.sig, token.shown
        if lead == "name" and part.isalpha() and part.lower() not in _NO_NAME:
            seen = seen.replace(part, "<*>", 1)
            part = WILD
        # `password for kim from ...`: a name follows here too.
        lead = "name" if lead == "credential" and token.sig == "for" else token.lead
        shown.append(seen)
        if not part or (last == WILD and (part == WILD or part.lower() in _UNITS or part.lower() in _CALENDAR)):
            continue
        out.append(part)
        last = part
    del shown[_SHOWN_TOKENS:]
    text = " ".join(shown[message_start(shown) :])
    return " ".join(out), text if len(text) <= limit else text[: limit - 1] + "…"


def _understand(word: str) -> tuple[str, str, str]:
    word = word[:500]
    core = word.strip(EDGES)
    if not core:
        return WILD if word == "<*>" else "", word, ""
    lower = core.lower()
    lead = _LEADS.get(lower, "")
    if core.isalpha() and core.isascii() and lower not in _WORDS_IN_VALUE and len(core) <= 30:
        if lower in _CALENDAR and len(core) == 3 and core[0].isupper() and core != "May":
            return WILD, word.replace(core, "<*>"), ""
        if not (len(core) >= 8 and _HEX.match(core)):
            return core + ("=" if word.endswith("=") else ""), word, lead
    if "://" not in core and core[0] not in "/\\~" and any(mark in core for mark in "{}()[]<>,;|\"'=&?:"):
        return *_compound(word), ""
    kind = variable_kind(core)
    if kind:
        return WILD, word.replace(core, kind, 1), ""
    return core, word, "status" if lower.startswith("http/") else lead


def _compound(word: str) -> tuple[str, str]:
    """Classify the parts of `key=value`, `key:value`, `call(argument)`, `{"key":"value"}`: values vary, keys stay."""
    sig: list[str] = []
    shown: list[str] = []
    key = ""
    for part in _PARTS.findall(word):
        if part[0] in _DELIMITERS:
            if "=" in part and sig and sig[-1] != WILD:
                key = sig[-1]
                sig[-1] += "="
            elif part == "[" and sig and sig[-1].lower() in CODE_KEYS:  # `SQLSTATE[42S02]`
                key = sig[-1]
            shown.append(part)
            continue
        if part == ":" and sig and sig[-1] != WILD:
            key = sig[-1]
            shown.append(part)
            continue
        pair = _PAIR.match(part) or _PATH_PAIR.match(part)
        if pair and not key and not variable_kind(pair["key"]) and not _HOST_PORT.match(part):
            kind = "" if _says_what(pair["key"], pair["value"]) else variable_kind(pair["value"])
            sig.append(pair["key"] + ":")
            shown.append(pair["key"] + pair["colon"] + (kind or pair["value"]))
            piece = WILD if kind else pair["value"]
        else:
            if part[0] == ":" and sig and sig[-1] != WILD and not key:  # `"status":503`
                key = sig[-1]
            core = part.strip(".:!#*-")
            kind = "" if not core or _says_what(key, core) else "<*>" if key else variable_kind(core)
            shown.append(part.replace(core, kind, 1) if kind else part)
            piece = WILD if kind else core
        if piece and not (piece == WILD and sig and sig[-1] == WILD):
            sig.append(piece)
        key = ""
    return " ".join(sig), "".join(shown)


def _says_what(key: str, value: str) -> bool:
    """Tell whether the value of a key says what happened, not to whom."""
    key = key.lower().rpartition(".")[2]
    return is_code(key, value) or (key in _FIXED_FIELDS and not variable_kind(value))


def variable_kind(core: str) -> str:
    """Name the kind of a variable word, or return empty for a fixed one."""
    kind = _kinds.get(core)
    if kind is None:
        kind = _variable_kind(core)
        if len(_kinds) >= _MAX_MEMO:
            _kinds.clear()
        if len(core) <= _MAX_MEMO_WORD:
            _kinds[core] = kind
    return kind


def _variable_kind(core: str) -> str:
    if core.lower() in _WORDS_IN_VALUE:
        return "<*>"
    if _TYPE.match(core):
        return ""
    if any(map(str.isdigit, core)):
        return _kind_with_digits(core)
    if len(core) > _MAX_WORD or (len(core) >= _MIN_HEX and _HEX.match(core)):
        return "<id>"
    if "/" in core or "\\" in core:
        return "<path>" if _is_path(core) else ""
    return "<*>" if "@" in core or core.count(".") > 2 or _HOST.match(core) or _PACKAGE.match(core) else ""


def _is_path(core: str) -> bool:
    return core[0] in "/~" or "\\" in core or "." in core or core.count("/") > 1


def _kind_with_digits(core: str) -> str:
    if _KEPT.match(core) or (len(core) >= _LONG_IDENTIFIER and _CAMEL.match(core)):
        return ""
    if _NUMBER.match(core):
        return "<num>"
    if _IP.match(core):
        return "<ip>"
    return "<path>" if "/" in core else "<host>" if _HOST_PORT.match(core) else "<id>"
