"""Decide which faults are the same: a fingerprint that does not depend on order, process or restart.

A trace is identified by its chain of exception types and the innermost in-app frames of each; a message without a trace
by its fixed words. Line numbers, messages of exceptions and values never count.
"""

from hashlib import blake2b
from typing import Final, Literal, NamedTuple, TypeVar

from dataflows.domain.normalise import normalise
from dataflows.domain.tokens import Token, Tokeniser, describe
from dataflows.domain.tokens_kinds import WILD
from dataflows.domain.trace import TraceReader
from dataflows.domain.trace.frames import FRAMEWORKS, Frameworks
from dataflows.domain.trace.raised import Raised

FP_VERSION: Final = 1
"""Part of every hash. A released version is frozen by golden files: a change of any rule is a new version."""

TOP_FRAMES: Final = 3
"""In-app frames of each exception that count. Measured: more split one fault by its callers, fewer merge faults."""

MAX_TEMPLATE: Final = 200
"""Characters of a template: one line on a card."""

_COARSE_WORDS: Final = 4
_TEMPLATE_MESSAGE: Final = 140
_MAX_MEMO: Final = 10_000
"""Signatures remembered with their hashes: more than the live faults of a platform, at most 20 MB."""
_MAX_MEMO_CHARS: Final = 1_000
_MAX_SEEN: Final = 5_000
_MAX_SEEN_CHARS: Final = 2_000
"""Whole messages remembered (at most 15 MB): in a storm many are equal to the letter."""
_MAX_FRAMES: Final = 100
"""In-app frames of the longest chain whose hashes are remembered with it; the names are those of remembered lines."""
_MAX_ALIKE_TOKENS: Final = 60
"""Words of the longest message whose like is remembered: messages that differ in values only share their tokens."""


class Fingerprint(NamedTuple):
    """What identifies a fault, and what to call it."""

    fingerprint: str
    """32 hexadecimal digits: 16 bytes of BLAKE2b over version, service and signature."""
    coarse: str
    """Likewise, over less: outer type and its frames, or the first fixed words. Survives a trace that was cut off."""
    kind: Literal["trace", "message"]
    types: tuple[str, ...]
    """Exception types, outermost first; empty for a message, and for a trace without its header."""
    template: str
    """One line of at most `MAX_TEMPLATE` characters for people, with variable words masked. Masked, NOT redacted."""


class Fingerprinter:
    """Computes fingerprints for one list of framework packages.

    Remembers words, lines and hashes up to fixed bounds, then forgets them all: the memory never changes an answer.
    Threads may share one.
    """

    def __init__(self, frameworks: Frameworks = FRAMEWORKS) -> None:
        self._traces = TraceReader(frameworks)
        self._tokenise = Tokeniser()
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
        self._chains: dict[
            tuple[str, tuple[tuple[str, str, tuple[str, ...]], ...]], tuple[str, str, tuple[str, ...]]
        ] = {}
        self._seen: dict[tuple[str, str], Fingerprint] = {}
        self._headlines: dict[tuple[str, tuple[Token, ...]], str] = {}
        self._alike: dict[tuple[str, tuple[Token, ...]], Fingerprint] = {}

    def __call__(self, message: str, service: str) -> Fingerprint:
        """Return the fingerprint of a message. Never raises; time is bounded by the caps of `normalise`."""
        seen = self._seen.get((message, service))
        if seen is not None:
            return seen
        text = normalise(message)
        chain = self._traces.read(text)
        print_ = self._of_trace(chain, service) if chain else self._of_message(text, service)
        _remember(self._seen, (message, service), print_, len(message) <= _MAX_SEEN_CHARS)
        return print_

    def _of_trace(self, chain: tuple[Raised, ...], service: str) -> Fingerprint:
        key = service, tuple([(raised.type, raised.detail, raised.frames) for raised in chain])
        known = self._chains.get(key)
        if known is None:
            parts = ["\x1f".join((raised.type, raised.detail, *raised.frames[:TOP_FRAMES])) for raised in chain]
            whole, coarse = self._digests(service, "trace\x1d" + "\x1e".join(parts), "coarse-trace\x1d" + parts[0])
            known = whole, coarse, tuple([raised.type for raised in chain if raised.type])
            _remember(self._chains, key, known, sum([len(raised.frames) for raised in chain]) <= _MAX_FRAMES)
        return Fingerprint(known[0], known[1], "trace", known[2], self._headline(chain[0]))

    def _of_message(self, text: str, service: str) -> Fingerprint:
        tokens = self._tokenise(text)
        known = self._alike.get((service, tokens))
        if known is None:
            fixed, template = describe(tokens, MAX_TEMPLATE)
            whole, coarse = self._digests(service, "message\x1d" + fixed)
            known = Fingerprint(whole, coarse, "message", (), template)
            _remember(self._alike, (service, tokens), known, len(tokens) <= _MAX_ALIKE_TOKENS)
        return known

    def _headline(self, outer: Raised) -> str:
        where = outer.type or (outer.frames[0] if outer.frames else "trace")
        tokens = self._tokenise(outer.message)
        known = self._headlines.get((where, tokens))
        if known is None:
            _, words = describe(tokens, _TEMPLATE_MESSAGE)
            known = _one_line(f"{where}: {words}" if words else where)
            _remember(self._headlines, (where, tokens), known, len(tokens) <= _MAX_ALIKE_TOKENS)
        return known

    def _digests(self, service: str, identity: str, coarse: str = "") -> tuple[str, str]:
        """Hash an identity and what is coarse of it: by default its first fixed words."""
        known = self._known.get((service, identity))
        if known is None:
            coarse = coarse or "coarse-" + " ".join(
                [word for word in identity.split(" ") if word != WILD][:_COARSE_WORDS]
            )
            known = _digest(service, identity), _digest(service, coarse)
            if len(self._known) >= _MAX_MEMO:
                self._known.clear()
            if len(identity) <= _MAX_MEMO_CHARS:
                self._known[service, identity] = known
        return known


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _remember(memory: dict[_Key, _Value], key: _Key, value: _Value, small: bool) -> None:  # noqa: FBT001 - private
    if len(memory) >= _MAX_SEEN:
        memory.clear()
    if small:
        memory[key] = value


def _one_line(text: str) -> str:
    return text if len(text) <= MAX_TEMPLATE else text[: MAX_TEMPLATE - 1] + "…"


def _digest(service: str, identity: str) -> str:
    text = f"{FP_VERSION}\x1d{service}\x1d{identity}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def service_fingerprint(service: str) -> str:
    """Return the fingerprint of whatever is wrong with a service: for faults too many to tell apart."""
    return _digest(service, "service")


fingerprint: Final = Fingerprinter()
"""The fingerprint with the default framework packages: `fingerprint(message, service)`."""
