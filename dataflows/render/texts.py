"""Every sentence CALI says to people, one catalogue a language; nothing else in `render` holds words.

Each text is a whole sentence or phrase with named places (`str.format`), so that a language may order them as it must.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language. A field missing in one catalogue is a type error."""

    title: str
    no_message: str
    seen_once: str
    seen_times: str
    more: str
    """Summary: how many records came after the one announced, and in what time."""
    first_seen: str
    last_seen: str
    unknown_time: str
    seconds: str
    minutes: str
    hours: str
    hours_minutes: str
    pods: str
    versions: str
    nodes: str
    and_others: str
    """A list that was cut."""
    match: str
    related: str
    nothing_found: str
    not_asked: str
    """The knowledge base could not be asked: not the same as having found nothing."""
    not_yet: str
    """Said of a message that may never be updated (incoming webhook)."""
    causes: str
    actions: str
    runbooks: str
    citation: str
    by_model: str
    by_quote: str
    log: str
    lines_left_out: str
    fingerprint: str
    reason: str
    missing: str
    missing_parts: Mapping[str, str]
    """By `rag.models.Missing`."""
    reasons: Mapping[str, str]
    """By `dataflows.domain.alerts.Reason`."""


_EN = Texts(
    title="{icon} {service}: {template}",
    no_message="(no message)",
    seen_once="seen once",
    seen_times="seen {count:,} times",
    more="+{count:,} more in {duration}",
    first_seen="first {time}",
    last_seen="last {time}",
    unknown_time="at an unknown time",
    seconds="{seconds} s",
    minutes="{minutes} min",
    hours="{hours} h",
    hours_minutes="{hours} h {minutes} min",
    pods="Pods: {names}",
    versions="Versions: {names}",
    nodes="Nodes: {names}",
    and_others="{names} and {count} more",
    match="A runbook matches ({percent} % sure)",
    related="No runbook matches for sure; these are related",
    nothing_found="No runbook found",
    not_asked="The knowledge base could not be asked",
    not_yet="Sent before the analysis was ready",
    causes="Probable causes",
    actions="What to do",
    runbooks="Runbooks",
    citation="{title}: {section}",
    by_model="written by {model} from the runbooks cited",
    by_quote="quoted from the runbooks cited",
    log="Log (redacted)",
    lines_left_out="… {count} lines left out …",
    fingerprint="Fingerprint {fingerprint} (v{version})",
    reason="Why now: {reason}",
    missing="Missing: {parts}",
    missing_parts=MappingProxyType({"knowledge_base": "knowledge base", "model": "language model"}),
    reasons=MappingProxyType(
        {"first": "first seen", "new_window": "seen again after a quiet window", "summary": "summary of the window"}
    ),
)

_KO = Texts(
    title="{icon} {service}: {template}",
    no_message="(메시지 없음)",
    seen_once="1건 발생",
    seen_times="총 {count:,}건 발생",
    more="{duration} 동안 {count:,}건 더 발생",
    first_seen="최초 {time}",
    last_seen="최근 {time}",
    unknown_time="시각 미상",
    seconds="{seconds}초",
    minutes="{minutes}분",
    hours="{hours}시간",
    hours_minutes="{hours}시간 {minutes}분",
    pods="파드: {names}",
    versions="버전: {names}",
    nodes="노드: {names}",
    and_others="{names} 외 {count}개",
    match="일치하는 런북이 있습니다 (확신도 {percent}%)",
    related="확실히 일치하는 런북은 없습니다. 관련 런북은 다음과 같습니다",
    nothing_found="일치하는 런북을 찾지 못했습니다",
    not_asked="지식 베이스에 조회하지 못했습니다",
    not_yet="분석이 끝나기 전에 보낸 메시지입니다",
    causes="예상 원인",
    actions="조치 방법",
    runbooks="런북",
    citation="{title}: {section}",
    by_model="인용한 런북을 바탕으로 {model} 모델이 작성",
    by_quote="인용한 런북에서 발췌",
    log="로그 (민감 정보 제거됨)",
    lines_left_out="… {count}줄 생략 …",
    fingerprint="핑거프린트 {fingerprint} (v{version})",
    reason="알림 사유: {reason}",
    missing="누락: {parts}",
    missing_parts=MappingProxyType({"knowledge_base": "지식 베이스", "model": "언어 모델"}),
    reasons=MappingProxyType({"first": "처음 발생", "new_window": "잠잠하다가 다시 발생", "summary": "구간 요약"}),
)

CATALOGUES: Mapping[str, Texts] = MappingProxyType({"en": _EN, "ko": _KO})


def texts(language: str) -> Texts:
    """The catalogue of a language (`en` or `ko`). Raises ValueError for any other."""
    found = CATALOGUES.get(language)
    if found is None:
        msg = f"no texts for language {language!r}: use one of {', '.join(CATALOGUES)}"
        raise ValueError(msg)
    return found
