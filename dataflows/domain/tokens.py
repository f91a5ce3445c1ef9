"""The signature of a message without a trace: which of its words are fixed, which vary."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dataflows.domain.log_prefix import message_start
from dataflows.domain.tokens_codes import EDGES, codes_behind
from dataflows.domain.tokens_codes import LEADS as CODE_LEADS
from dataflows.domain.tokens_compound import compound, masks_all, plain_pair
from dataflows.domain.tokens_kinds import WILD, WORDS_IN_VALUE, is_hex, plain_kind, variable_kind

MAX_TOKENS: Final = 200
"""Words looked at; what a longer message says after them does not decide which fault it is."""

_SHOWN_TOKENS: Final = 60
_MAX_MEMO: Final = 50_000
"""Words remembered, about 10 MB; then all are forgotten, so that ids cannot fill the memory."""
_MAX_MEMO_WORD: Final = 40
_MAX_LONG_MEMO: Final = 5_000
_MAX_LONG_WORD: Final = 300
"""Longer words are often ids, paths or payloads: they have a small memory of their own, not to flush the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One whitespace-separated word, understood. Words understood alike share one token, so it compares by identity."""

    sig: str
    """What goes into the signature; `*` for a variable word, empty for punctuation."""
    shown: str
    """What people see, with the variable part as `<num>`, `<ip>`, `<path>`, `<id>` or `<*>`."""
    lead: str = ""
    """What follows: `name` a name, `status` or `code` a code, `credential` a name behind `for`; else empty."""


_MARK = re.compile(r"[{}()\[\]<>,;|\"'=&?:]")
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]{1,30}(?::[0-9a-f]{8})?\]")
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
_CREDENTIALS = frozenset({"password", "publickey", "credentials"})
_LEADS: Final = {
    **CODE_LEADS,
    **dict.fromkeys(_CREDENTIALS, "credential"),
    **dict.fromkeys(_NAME_FOLLOWS, "name"),
}

_HIDDEN: Final = "\x1a0"
"""Stands for a redacted value: variable by its digit, like what it hides, so that redaction changes no fingerprint."""

_CODE_KINDS = frozenset(CODE_LEADS.values())


class _Memory:
    """Words with their tokens. A token is shared, and known as a lead, within one memory only."""

    def __init__(self) -> None:
        self.words: dict[str, Token] = {}
        self.long_words: dict[str, Token] = {}
        self.pairs: dict[tuple[str, str], Token] = {}
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
        if len(word) > _MAX_LONG_WORD:
            return Token(*_understand(word))
        pair = plain_pair(word) if "=" in word else None
        token = memory.pairs.get(pair) if pair else None
        if token is None:
            kind = plain_kind(word)
            token = memory.share(WILD, kind) if kind else memory.share(*_understand(word))
            if pair and masks_all(pair[0]):
                if len(memory.pairs) >= _MAX_LONG_MEMO:
                    memory.pairs.clear()
                memory.pairs[pair] = token
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
    if core.isalpha() and core.isascii() and lower not in WORDS_IN_VALUE and len(core) <= 30:
        if lower in _CALENDAR and len(core) == 3 and core[0].isupper() and core != "May":
            return WILD, word.replace(core, "<*>"), ""
        if not is_hex(core):
            return core + ("=" if word.endswith("=") else ""), word, lead
    if _MARK.search(core) and core[0] not in "/\\~" and "://" not in core:
        return *compound(word), ""
    kind = variable_kind(core)
    if kind:
        return WILD, word.replace(core, kind, 1), ""
    return core, word, "status" if lower.startswith("http/") else lead
