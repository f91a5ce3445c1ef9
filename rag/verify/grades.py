"""What an action may do and how much a fault matters: a model may say, these rules have the last word."""

import re
from collections.abc import Sequence
from typing import Final, get_args

from rag.models import Risk

SEVERITIES: Final = ("info", "warning", "error", "critical")
"""Least first; the names are those of `dataflows.domain.rules.Severity`."""
_RISKS: Final[Sequence[Risk]] = get_args(Risk)
_DANGEROUS = re.compile(
    r"\b(?:delet|remov|drop(?!down)|wip(?:e|ing)|eras|purg|truncat|destroy|kill|terminat|flush|prun|evict|drain|shut\s?down|reboot"
    r"|disabl|overwrit|reformat|mkfs|rm|dd)\w*|--(?:force|grace-period=0|all|hard|purge|now)\b|\s-(?:9|rf|fr|f)\b"
    r"|\bscal\w+\b[^.]*\b(?:zero|0)\b|--replicas[= ]0\b|\breset\b|\bunsafe\b|\bfailover\b"
    r"|삭제|제거|지우|지운|지워|초기화|비운다|비우|강제|종료|죽이|죽인|비활성|드롭|중지|중단|끄",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\b(?:restart|reschedul|roll|redeploy|deploy|scal|rais|increas|reduc|lower|add|set|turn|updat|upgrad|renew|rotat|apply|patch|edit"
    r"|chang|correct|fix|move|free|restor|retry|replay|enabl|creat|install|stop|start|limit|shorten|configur|replac|releas|revert"
    r"|undo|annotat|label|cordon|let|write|grant|expand|resiz|clean)\w*"
    r"|재시작|다시\s시작|재배포|배포|롤백|되돌|늘린|늘리|줄인|줄이|올린|올리|낮추|낮춘|변경|수정|갱신|적용|교체|설정|추가|이동|복구|증설|확장|재처리",
    re.IGNORECASE,
)


def risk_of(said: str, kind: str, *texts: str) -> Risk:
    """Return the higher of what a model said and what the words of `texts` (statement, quotation) tell.

    A step of a mitigation is at least `reversible`: it is there to change something. So is what a model gave no known
    word for: nobody called it harmless.
    """
    told: Risk = "reversible" if kind == "fix" else "read_only"
    whole = " ".join(texts)
    if _DANGEROUS.search(whole):
        told = "dangerous"
    elif _CHANGES.search(whole):
        told = "reversible"
    claimed: Risk = next((risk for risk in _RISKS if risk == said), "reversible")
    return max(told, claimed, key=_RISKS.index)


def severity_within(given: str, said: str) -> str:
    """Return the severity `said`, at most one step from the one `given`; empty if none was given."""
    if given not in SEVERITIES:
        return ""
    if said not in SEVERITIES:
        return given
    at = SEVERITIES.index(given)
    return SEVERITIES[max(at - 1, min(at + 1, SEVERITIES.index(said)))]
