"""The kinds of acts with consequences that a statement may name only if its quotation does, as words to look for.

English stems and Korean stems. They cannot tell every paraphrase; they find the ones that do harm.
"""

import re

_ENGLISH_AND_KOREAN = {
    "destroys": (
        r"delet|remov|drop(?!down)|wip(?:e|ing)|eras|purg|truncat|destroy|flush|prun|format\s|rm\b",
        "삭제|제거|지우|지운|지워|초기화|비운|비우|드롭",
    ),
    "stops": (
        (
            r"kill|terminat|shut(?:ting)?\s?(?:it\s)?down|stop|halt|evict|cordon|drain|power\s?off|reboot"
            r"|scal\w+\b[^.]*\b(?:down|zero|0)\b"
        ),
        "중지|중단|강제|종료|죽인|죽이|내린다|내리세요",
    ),
    "takes a protection away": (
        (
            r"disabl|(?:turn|switch)\w*\s(?:\w+\s){0,3}off|bypass|skip|insecure|privileg|grant|allow\sall|expos|firewall"
            r"|chmod|anonymous"
        ),
        "비활성|우회|해제|권한|방화벽|끄세요|끈다|끄고|공개",
    ),
    "hands out a secret": (
        r"passwords?|passwd|credential|secret|tokens?\b|api.?key|private\skey|ssh\skey",
        r"비밀번호|패스워드|암호|토큰|자격|인증\s?정보|개인\s?키|비밀\s?키|시크릿",
    ),
    "leads outside": (
        (
            r"send|upload|e-?mail|forward|share\b|paste|publish|submit|phone|dial\b|call\s(?:us|me|the|support|\+)|contact"
            r"|visit|browse|download|install|log\s?in\b|sign\s?in\b|pay\b|transfer|bitcoin|invoice|scan|click|dm\b|slack"
            r"|exfiltrat"
        ),
        "전송|보내|업로드|메일|공유|게시|연락|전화|방문|접속하|다운로드|내려받|설치|로그인|송금|이체|비트코인|클릭|스캔|입금",
    ),
    "calms": (
        (
            r"ignor|dismiss|false\s(?:alarm|positive)|no\s(?:further\s)?action|no\sneed|not\sneeded|nothing\sto|harmless"
            r"|safe\sto|all\sclear|expected\sbehaviou?r|clos\w+\s(?:the|this)\s(?:incident|alert|ticket)|silenc|mut(?:e|ing)\b"
            r"|snooz|resolved"
        ),
        r"무시|오탐|조치[^.]{0,4}(?:불필요|필요\s?없|필요하지)|문제\s?없|무해|안심|종결|해결됨|해결되었|괜찮|정상\s?동작",
    ),
    "claims an authority, or repeats its orders": (
        (
            r"approv|authori[sz]|on\sbehalf|operator\s(?:says|said|confirm)|security\steam|admin(?:istrator)?s?\b|ceo\b|cto\b"
            r"|manager|urgent|instructions?\b|system\sprompt|developer\smode|as\san\sai|compl(?:y|ied)|override"
        ),
        r"승인|보안\s?팀|관리자|지시|명령에|프롬프트|긴급|상급자",
    ),
}
_KINDS = tuple(
    re.compile(rf"\b(?:{english})|{korean}", re.IGNORECASE) for english, korean in _ENGLISH_AND_KOREAN.values()
)


def weighty(text: str, source: str) -> bool:
    """Say whether `text` names a kind of act with consequences that `source` does not name."""
    return any(kind.search(text) and not kind.search(source) for kind in _KINDS)
