"""What must not leave: ordered, named rules, each with the cheap hint that says whether to try it."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from dataflows.domain.redaction_checks import (
    is_business_number,
    is_card,
    is_public_ip,
    is_resident_number,
    is_user_and_password,
    looks_secret,
    not_a_word,
)

Gate = Literal["text", "word", "keyed", "digits", "ipv4", "ipv6"]
"""Where: `text` anywhere, `word` in words of 15 or more characters; or when: `keyed` if `KEYED` matches, `digits` if
`DIGITS` does, the last two if there are dots or colons enough."""

KEYED: Final = re.compile(
    r"(?:pass|pwd|secret|token|key|credential|otp|cookie|session|sid|sessid|passcode|pin|비밀번호|암호)[\w.-]{0,24}[\"'\\\]]{0,4}\s{0,4}(?:=|:)(?!\d{1,6}\))"
)
"""On lower-case text: a word that names a secret, then a separator, but no source line (`TokenFilter.java:12)`)."""

DIGITS: Final = re.compile(
    r"\d(?:\d{8}|\d{5}[- ]\d{7}"
    r"|\d{1,3}(?:[-.]|\) ?)\d{4}|\d{3} \d{4} \d{4}|\d \d{3,4} \d{4}|\d{1,2}(?:[-.]|\) ?)\d{3}[- .]\d|\d{2}-\d\d-\d{5})"
)
"""Shapes of cards, phones and registration numbers. Time stamps do not match."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One class of secrets. The group `secret` is replaced; without such a group the whole match is."""

    order: int
    """Place in the list: rules are applied in this order."""
    name: str
    """The class as reported and shown: `[NAME]`."""
    gate: Gate
    """Where the hints must occur for the pattern to be tried at all."""
    hints: tuple[str, ...]
    """Lower-case substrings, the empty one for "always"."""
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    """Looks at the secret once more: a checksum, a shape."""


_numbers = itertools.count()


def _rule(name: str, gate: Gate, hints: str, pattern: str, check: Callable[[str], bool] | None = None) -> Rule:
    return Rule(next(_numbers), name, gate, tuple(hints.split("|")), re.compile(pattern), check)


_VALUE = (
    r"(?P<secret>\\?\"(?:[^\"\\\n]|\\[^\"\n]){1,500}|'[^'\n]{1,500}"
    r"|\[[a-z_]{2,40}(?::[0-9a-f]{8})?\][^\s\"',;&]{0,500}|[^\s\"'\\,;&(){}\]\[<>][^\s\"'\\,;&)}\]\[<>]{0,500})"
)
_SEPARATOR = r"(?:\\?[\"'])?\]?\s{0,4}(?::=|=>|[:=])\s{0,4}"
_BY_HUMANS = r"(?:passw(?:or)?ds?|passphrase|passcode|pass(?<![a-z]pass)|pwd|비밀번호|암호)[\w-]{0,16}"
_BY_MACHINES = (
    r"(?:secret|tokens?(?![a-z])|credentials?|otp(?![a-z])|pin_?code|api[_.-]?key|access[_-]?key|account[_-]?key"
    r"|shared[_-]?key|sharedaccesskey|private[_-]?key|encryption[_-]?key|signing[_-]?key|service[_-]?key|license[_-]?key"
    r"|role[_-]?key|auth[_-]?key)[\w-]{0,24}"
)
_FLAGS = r"(?i:password|passwd|pass|pwd|token|secret|api-key|apikey|access-key|secret-key|client-secret|auth-token)"

RULES: Final = (
    _rule(
        "PRIVATE_KEY",
        "text",
        "-----begin",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?!-----END)[\s\S])*(?:-----END [A-Z0-9 ]{0,40}-----)?",
    ),
    _rule(
        "SLACK_WEBHOOK",
        "word",
        "hooks.slack",
        r"https?:\\?/\\?/hooks\.slack(?:-gov)?\.com\\?/(?:services|workflows|triggers)\\?/[\w/\\+-]{10,200}",
    ),
    _rule(
        "SLACK_TOKEN",
        "word",
        "xox|xapp-|xwfp-",
        r"(?<![A-Za-z0-9])(?:xox[abceoprs](?:\.xox[bp])?-[\w-]{10,300}|xapp-\d-[\w-]{10,300}|xwfp-[\w-]{10,300})",
    ),
    _rule(
        "JWT",
        "word",
        "eyj",
        r"(?<![\w-])eyJ[\w-]{8,4000}\.eyJ[\w-]{4,8000}(?:\.[\w-]{0,4000}={0,2})?|(?<![\w-])eyJ[\w-]{16,4000}\.[\w-]{16,8000}\.[\w-]{16,4000}(?:\.[\w-]{8,4000}){0,2}",
    ),
    _rule(
        "AWS_KEY",
        "word",
        "akia|asia|abia|acca|a3t|absk|bedrock-api",
        r"(?<![A-Za-z0-9+/])(?:A(?:KI|SI|BI|CC)A[A-Z0-9]{16}|A3T[A-Z0-9]{17})(?![A-Za-z0-9])|ABSK[A-Za-z0-9+/]{60,300}={0,2}|bedrock-api-key-[\w=+/-]{16,2000}",
    ),
    _rule(
        "GITHUB_TOKEN",
        "word",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255})",
    ),
    _rule(
        "GITLAB_TOKEN",
        "word",
        "glpat-|glptt-|gldt-|glrt-|glcbt-|glsoat-|glft-|glimt-|glagent-|gr1348941|_gitlab_session|gloas-|glffct-",
        r"(?<![A-Za-z0-9])(?:gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas|ffct)-[\w.-]{20,300}|GR1348941[\w-]{20,50})",
    ),
    _rule(
        "OPENAI_KEY",
        "word",
        "sk-",
        r"(?<![A-Za-z0-9-])sk-(?:(?:proj|svcacct|admin|ant-[a-z]{2,10}\d{0,4}|or-v1)-)?[\w-]{20,250}",
        looks_secret,
    ),
    _rule(
        "STRIPE_KEY",
        "word",
        "sk_|rk_|whsec_",
        r"(?<![A-Za-z0-9])(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{20,100})",
    ),
    _rule(
        "GOOGLE_KEY",
        "word",
        "aiza|ya29.|gocspx-",
        r"(?<![A-Za-z0-9])(?:AIza[\w-]{30,40}|ya29\.[\w-]{20,500}|GOCSPX-[\w-]{20,60})",
    ),
    _rule(
        "VENDOR_TOKEN",
        "word",
        "npm_|pypi-|sg.|hf_|api_org_|dop_v1_|doo_v1_|dor_v1_|shpat_|shpca_|shppa_|shpss_|hvs.|hvb.|hvr.|dapi|nrak-|glc_|glsa_|dckr_pat_|lin_api_|pul-|atatt3|atlasv1|figd_|ntn_|secret_|nvapi-|sntrys_",
        r"(?<![A-Za-z0-9_])(?:npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,250}|SG\.[\w-]{16,32}\.[\w-]{30,64}|(?:hf|api_org)_[A-Za-z]{30,44}|do[opr]_v1_[a-f0-9]{64}"
        r"|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|hv[sbr]\.[\w-]{20,300}|dapi[a-f0-9]{32}(?:-\d)?|NRAK-[A-Z0-9]{27}|glc_[A-Za-z0-9+/]{32,400}={0,3}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"
        r"|dckr_pat_[\w-]{20,60}|lin_api_[A-Za-z0-9]{40}|pul-[a-f0-9]{40}|ATATT3[\w=-]{50,250}|[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,80}|figd_[\w-]{20,60}|(?:ntn|secret)_[A-Za-z0-9]{43,50}"
        r"|nvapi-[\w-]{40,100}|sntrys_[\w=+/-]{40,300})",
    ),
    _rule("VAULT_TOKEN", "word", "s.|b.", r"[sb]\.(?<![\w.]..)[A-Za-z0-9]{24}(?![\w.])", looks_secret),
    _rule("GRAFANA_KEY", "word", "eyjrijoi", r"(?<![\w-])eyJrIjoi[\w+/=]{40,500}"),
    _rule("TELEGRAM_TOKEN", "digits", "", r"\d(?<!\d\d)\d{7,9}:A[A-Za-z0-9_-]{34}(?![\w-])"),
    _rule(
        "AUTHORIZATION",
        "text",
        "authorization",
        r"(?i:authorization)" + _SEPARATOR + r"(?:\\?[\"'])?"
        r"(?P<secret>(?:(?i:bearer|basic|digest|negotiate|token|api-?token|api-?key|apikey|splunk)\s{1,4}|AWS4-HMAC-SHA256\s)?"
        r"[^\s\"'\\,;}]{4,4000}(?: (?:Credential|SignedHeaders|Signature)=[^\s\"']{1,300}){0,3})",
        not_a_word,
    ),
    _rule(
        "BEARER",
        "text",
        "bearer",
        r"(?<![A-Za-z])(?i:bearer)(?:\s{1,4}|%20|\+)(?P<secret>[\w.~+/=:-]{8,4000})",
        looks_secret,
    ),
    _rule(
        "BASIC_AUTH",
        "text",
        "basic ",
        r"(?<![A-Za-z])(?i:basic) (?P<secret>[A-Za-z0-9+/]{8,1000}={0,2})(?![A-Za-z0-9+/])",
        looks_secret,
    ),
    _rule(
        "COOKIE", "keyed", "", r"cookies?" + _SEPARATOR + r"(?:\\?[\"'])?(?P<secret>[\w.%-]{1,80}=[^\"'\n\\]{4,4000})"
    ),
    _rule(
        "CURL_USER",
        "text",
        " -u |--user",
        r"(?<!\S)(?:-u|--user)(?:\s{1,8}|=)(?P<secret>\"[^\"\n]{0,200}:?[^\"\n]{0,200}\"(?::\"[^\"\n]{1,200}\")?|'[^'\n]{1,200}'|[^\s:]{0,200}:(?:'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"|\S{1,200}))",
        is_user_and_password,
    ),
    _rule(
        "URL_PASSWORD",
        "text",
        "://",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/\"'<>]{1,200})@(?=[\w\[])",
    ),
    _rule(
        "URL_PASSWORD",
        "text",
        "://",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>]{1,60}/[^\s@\"'<>]{0,60})@(?=[\w\[])",
    ),
    _rule("PASSWORD", "keyed", "", _BY_HUMANS + _SEPARATOR + _VALUE, not_a_word),
    _rule("SECRET", "keyed", "", _BY_MACHINES + _SEPARATOR + _VALUE, looks_secret),
    _rule(
        "FLAG",
        "text",
        "-pass|-pwd|-token|-secret|-api-key|-apikey|-access-key|-client-secret|-auth-token",
        r"(?<!\S)--?" + _FLAGS + r"(?:\s{1,4}|=)(?P<secret>\"[^\"\n]{1,300}\"|'[^'\n]{1,300}'|[^\s\"'-]\S{0,300})",
        not_a_word,
    ),
    _rule(
        "SESSION",
        "keyed",
        "session|sid",
        r"(?:session[_-]?id|phpsessid|sessid|connect\.sid|sid(?<![a-z]sid))"
        + _SEPARATOR
        + r"(?:\\?[\"'])?(?P<secret>[a-z0-9][\w.%+/=-]{7,400})",
        looks_secret,
    ),
    _rule(
        "EMAIL",
        "text",
        "@",
        r"(?<![\w.+-])[A-Za-z0-9_](?:[\w.+-]{0,62}[\w+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}(?![\w-])",
    ),
    _rule("RRN", "digits", "", r"\d(?<![\w-]\d)\d{5}[- ]?[1-8]\d{6}(?![\d-])", is_resident_number),
    _rule("CARD", "digits", "", r"\d(?<![\w.-]\d)(?:[ -]?\d){12,18}(?![\w-])", is_card),
    _rule(
        "PHONE",
        "digits",
        "",
        r"[0+(\d](?<![\w.-].)(?:"
        r"(?:(?<=\+)82[- ]?(?:\(0\))?|(?<=0))(?:1[016-9][- .]?\d{3,4}[- .]?\d{4}|(?:2|[3-6]\d|70)[- )]\d{3,4}-\d{4})"
        r"|(?<=\+)[1-9]\d{0,2}[- .]\(?\d{2,4}\)?[- .]\d{3,4}[- .]\d{3,4}"
        r"|(?:(?<=\()\d{3}\) ?|(?<=\d)\d\d-)\d{3}-\d{4})(?![\d-])",
    ),
    _rule("BUSINESS_NUMBER", "digits", "", r"\d(?<![\w-]\d)\d{2}-\d{2}-\d{5}(?![\d-])", is_business_number),
    _rule("IP", "ipv4", "", r"\d(?<![\w.-]\d)\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\d|-\w)", is_public_ip),
    _rule(
        "IP",
        "ipv6",
        "",
        r"[0-9A-Fa-f:](?<![\w:.].)[0-9A-Fa-f]{0,3}:{1,2}(?:[0-9A-Fa-f]{1,4}:{1,2}){1,6}(?:[0-9A-Fa-f]{1,4})?(?![\w:])|(?<![\w:.])[0-9A-Fa-f]{1,4}::[0-9A-Fa-f]{1,4}(?![\w:])",
        is_public_ip,
    ),
)
"""First those with a shape of their own, then those known by their key, then personal data."""
