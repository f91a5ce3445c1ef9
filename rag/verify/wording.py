"""Says whether the words of a statement go beyond its quotation: sense, certainty, subject.

Word lists in English and Korean, because no model is asked to judge a model. They cannot tell every paraphrase; they
find the ones that do harm.
"""

import re

from rag.tokens import words

MIN_SHARED = 0.25
"""Least share of a statement's words that stand in its quotation, where both are of one language. By the answers of
tests/unit/rag/redteam (2026-11): of 30 honest ones in one language the lowest has 0.33, the next 0.54; below 0.15 some
attacks get through that nothing else stops, from there on none does."""
_FEW = 3
"""English words in a Korean statement from which on they are counted by themselves."""
_FORBIDS = re.compile(
    r"\b(?:do\snot|don't|must\snot|mustn't|should\snot|shouldn't|never|avoid)\b|지\s(?:않는다|않도록|마|말)|금지|말\s것|안\s?된다",
    re.IGNORECASE,
)
_NEGATES = re.compile(
    r"\b(?:not|no|never|avoid|without|nor|cannot|instead)\b|n't\b|않|지\s?마|말\s?것|금지|없|안\s?된", re.IGNORECASE
)
_SURE = re.compile(
    r"\broot[\s-]?cause|\b(?:definitely|certainly|undoubtedly|unquestionably|without\s(?:a\s|any\s)?doubt|guarantee\w*|proven|proves"
    r"|confirmed|conclusively|for\ssure|absolutely|must\shave\sbeen|must\sbe\sthe)\b|100\s?(?:%|percent)|\bthe\scause\s(?:is|was|of)\b"
    r"|\b(?:is|was|were|are)\s(?:directly\s)?caused\sby\b"
    r"|근본\s?원인|확실|틀림\s?없|명백|분명|입증|확정|의심의\s여지|원인[은이]\s|때문(?:이다|입니다|에\s발생)",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:may|might|could|possibl\w*|probabl\w*|likely|perhaps|suggest\w*|appears?|seems?|hypothes\w*|suspect\w*)\b"
    r"|가능성|수\s?있|추정|의심(?!의)|보인다|보입니다|것\s같|듯|후보",
    re.IGNORECASE,
)
_ALWAYS_SURE = re.compile(
    r"\b(?:definitely|certainly|undoubtedly|guarantee\w*|conclusively|proven)\b|틀림\s?없|의심의\s여지|100\s?%",
    re.IGNORECASE,
)
_WAYS = tuple(
    (re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE))
    for one, other in (
        (
            r"\b(?:rais|increas|enlarg|grow|expand|lengthen|scal\w+\s(?:\w+\s){0,3}(?:up|out)\b)|늘리|늘린|늘려|올리|올린|올려|증가|확대|증설",
            (
                r"\b(?:lower(?:s|ed|ing)?\b|reduc|decreas|shrink|shorten|scal\w+\s(?:\w+\s){0,3}(?:down|in)\b)"
                r"|줄이|줄인|줄여|낮추|낮춘|낮춰|감소|축소"
            ),
        ),
        (
            r"\b(?:enabl|(?:turn|switch)\w*\s(?:\w+\s){0,3}on\b)|(?<!비)활성|켜|켠",
            r"\b(?:disabl|(?:turn|switch)\w*\s(?:\w+\s){0,3}off\b)|비활성|끄|끈",
        ),
        (r"\bbefore\b|전에|이전에|앞서", r"\bafter(?:wards)?\b|후에|뒤에|다음에"),
    )
)
"""Opposites that turn a step round while every other word of it stays."""
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


def turned(text: str, quote: str) -> bool:
    """Say whether `text` orders what `quote` forbids, forbids what it does not, or names the opposite direction."""
    return bool(
        (_FORBIDS.search(quote) and not _NEGATES.search(text)) or (_FORBIDS.search(text) and not _NEGATES.search(quote))
    ) or any(_goes(text, way) * _goes(quote, way) < 0 for way in _WAYS)


def _goes(text: str, way: tuple[re.Pattern[str], re.Pattern[str]]) -> int:
    """Return which of two opposites `text` names: 1, -1, or 0 for neither or both."""
    one, other = way
    return bool(one.search(text)) - bool(other.search(text))


def certain(text: str) -> bool:
    """Say whether `text` claims to know: a log alone proves no cause, so a card gives hypotheses only."""
    return bool(_ALWAYS_SURE.search(text) or (_SURE.search(text) and not _HEDGED.search(text)))


def shares(text: str, quote: str) -> bool:
    """Say whether `text` is about what `quote` is about.

    Of two languages only the English words in a Korean text are looked up; with few of them, or none, it is True.
    """
    own = set(words(text))
    if _is_korean(text) != _is_korean(quote):
        own = {word for word in own if word.isascii() and _is_korean(text)}
        if len(own) < _FEW:
            return True
    return bool(own) and len(own & set(words(quote))) >= MIN_SHARED * len(own)


def _is_korean(text: str) -> bool:
    letters = sum(char.isalpha() for char in text)
    return len(_HANGUL.findall(text)) > 0.25 * letters
