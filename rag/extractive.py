"""Answers from a runbook without a model: sentences quoted verbatim from its sections.

Everything here is a slice of the document, so every claim can be checked by looking it up.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rag.models import Claim, Document
from rag.sections import Kind, marked, split
from rag.tokens import masked, words

MAX_CAUSES = 2
MAX_CHECKS = 3
MAX_FIXES = 3
_NAMES: Final[dict[Kind, str]] = {"diagnosis": "check", "mitigation": "fix"}
_MAX_QUOTE = 400
"""Longest quotation, characters: a longer paragraph is passed over, a Slack section block holds 3,000."""
_MIN_QUOTE = 8
_BULLET = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])\s+")
_NOT_PROSE = re.compile(r"^\s*(?:#|\||>|!\[|<|\[[^\]]+\]:|(?:[A-Z_]+\s{2,}){2,}|\d{4}-\d\d-\d\d)")
_END = re.compile(r"(?<=[.!?。])\s+(?=[A-Z0-9`\"'(\uac00-\ud7a3])")
# How a runbook tells someone to do something. Without headings these words tell a step from an explanation in
# two of three cases (3,076 labelled sentences), so they only order sentences where no heading does.
_STEP = re.compile(
    r"^\W*(?:check|look|run|use|see|verify|make sure|ensure|compare|restart|roll ?back|raise|increase|reduce|add|"
    r"remove|delete|scale|set|turn|kill|retry|update|upgrade|renew|free|drain|restore|fix|move|find|get|inspect|kubectl)\b"
    r"|(?:한다|하라|하세요|십시오|확인|점검|조치|본다)\.?$",
    re.IGNORECASE,
)


UNSECTIONED: Final = {
    "en": "This runbook has no sections of checks and fixes: its sentences are quoted in order, and only their wording"
    " tells steps from explanations.",
    "ko": "이 런북에는 점검과 조치 섹션이 없어 문장을 순서대로 인용했으며, 단계와 설명은 표현만으로 구분했습니다.",
}
"""Said where no heading tells what is a step: the reader then knows that wording alone has sorted the sentences."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What a runbook says of a fault, best first."""

    summary: str
    """The first sentence of its meaning, else its title; of a document without sections for steps, that it has none."""
    causes: list[Claim]
    actions: list[Claim]
    """Checks first, then fixes, by `kind`. Of a document without headings: what looks like a step, without a kind."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    kind: Kind
    quote: str
    section: str
    order: int


def extract(document: Document, log: str, language: str = "en", *, usable: Callable[[str], bool] = bool) -> Extract:
    """Quote what `document` says of the fault in `log`: deterministic, a few milliseconds, no I/O.

    Sentences that are not `usable` are passed over. `language` is that of what we say ourselves.
    """
    asked = set(words(masked(log)))
    sentences = [sentence for sentence in _sentences(document.text) if usable(sentence.quote)]
    meaning = _best(sentences, "meaning", asked, MAX_CAUSES)
    checks = _best(sentences, "diagnosis", asked, MAX_CHECKS)
    fixes = _best(sentences, "mitigation", asked, MAX_FIXES)
    has_sections = bool(checks or fixes)
    summary = [_plain(meaning[0].quote)] if meaning else []
    if not has_sections:
        loose = [s for s in sentences if s.kind == "other"]
        checks = _best([s for s in loose if _STEP.search(s.quote)], "other", asked, MAX_CHECKS)
        meaning = meaning or _best([s for s in loose if not _STEP.search(s.quote)], "other", asked, MAX_CAUSES)
        summary += [UNSECTIONED[language]] if meaning or checks else []

    def claims(chosen: Sequence[_Sentence]) -> list[Claim]:
        return [_claim(document, sentence) for sentence in chosen]

    actions = [*claims(checks), *claims(fixes)]
    for action, sentence in zip(actions, [*checks, *fixes], strict=True):
        action["kind"] = _NAMES.get(sentence.kind, "")
    return Extract(" ".join(summary) or document.title, claims(meaning), actions)


def _claim(document: Document, sentence: _Sentence) -> Claim:
    text = _plain(sentence.quote)
    return {"text": text, "doc_id": document.doc_id, "quote": sentence.quote, "section": sentence.section}


def _best(sentences: Sequence[_Sentence], kind: Kind, asked: set[str], limit: int) -> list[_Sentence]:
    """Choose the sentences that share most with the log, and give them in the order of the runbook."""

    def score(sentence: _Sentence) -> tuple[float, int]:
        found = set(words(sentence.quote))
        return (-len(asked & found) / max(1.0, len(found)) ** 0.5, sentence.order)

    chosen = sorted((s for s in sentences if s.kind == kind), key=score)[:limit]
    return sorted(chosen, key=lambda sentence: sentence.order)


def _sentences(text: str) -> list[_Sentence]:
    out: list[_Sentence] = []
    for section in split(text):
        for start, end in _blocks(section.body):
            block = section.body[start:end]
            for quote in [block] if _BULLET.match(block) else _END.split(block):
                bare = _BULLET.sub("", quote).strip()
                if _MIN_QUOTE <= len(bare) <= _MAX_QUOTE and not bare.endswith(":"):
                    out.append(_Sentence(section.kind, bare, section.title, len(out)))
    return out


def _blocks(body: str) -> list[tuple[int, int]]:
    """Return where each paragraph or list item begins and ends; hard-wrapped lines belong together.

    Code, tables, quotations and what looks like output are left out.
    """
    blocks: list[tuple[int, int]] = []
    begin: int | None = None
    position = 0
    for line, is_code in marked(body):
        prose = not is_code and bool(line.strip()) and not _NOT_PROSE.match(line)
        if begin is not None and (not prose or _BULLET.match(line)):
            blocks.append((begin, position))
            begin = None
        if prose and begin is None:
            begin = position
        position += len(line)
    if begin is not None:
        blocks.append((begin, position))
    return blocks


def _plain(quote: str) -> str:
    """Return a quotation on one line, without emphasis marks and with the words of links only."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", quote)
    return re.sub(r"\s+", " ", text.replace("**", "")).strip()
