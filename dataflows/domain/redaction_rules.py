"""What must not leave: ordered, named rules, each with the cheap gate that says whether to try it.

A rule is two expressions. `gate` is RE2: it may match too much, never too little, and all gates together cost one walk
over the text. `pattern` is Python's and exact. No rule but `PRIVATE_KEY` reaches over the end of a line.
"""

from typing import Final

from dataflows.domain.redaction_checks import (
    is_business_number,
    is_card,
    is_public_ip,
    is_resident_number,
    is_user_and_password,
    looks_generated,
    looks_mixed,
    looks_random,
    looks_secret,
    not_a_word,
)
from dataflows.domain.redaction_rule import rule
from dataflows.domain.redaction_tokens import TOKENS

_NO_NUMBER = r"(?:^|[^\w.-])"
_HEX = r"[0-9A-Fa-f]{1,4}"

SEPARATOR: Final = r"(?:\\?[\"'])?\]?[ \t]{0,4}(?::=|=>|[:=])[ \t]{0,4}"
VALUE: Final = (
    r"(?P<secret>\\?\"(?:[^\"\\\n]|\\[^\"\n]){1,500}|'[^'\n]{1,500}"
    r"|\[[a-z_]{2,40}(?::[0-9a-f]{8})?\][^\s\"',;&]{0,500}|[^\s\"'\\,;&(){}\]\[<>][^\s\"'\\,;&)}\]\[<>]{0,500})"
)

_WORD = r"passw(?:or)?ds?|passphrase|passcode|pwd|비밀번호|암호|패스워드"
_BY_HUMANS = rf"(?:{_WORD}|pass(?<![a-z]pass)|pw(?<![a-z]pw))(?:[\w-]|[가-힣]){{0,16}}"
_BY_HUMANS_GATE = rf"(?i:{_WORD}|(?:^|[^a-z])(?:pass|pw))(?:[\w-]|[^\x00-\x7f])*"
_KEYS = (
    r"(?:api[ _.-]?|access[ _-]?|account[_-]?|shared[_-]?|sharedaccess|private[_-]?|encryption[_-]?|signing[_-]?"
    r"|service[_-]?|license[_-]?|role[_-]?|auth[_-]?)key"
)
_BY_MACHINES = rf"(?:secret|tokens?(?![a-z])|credentials?|otp(?![a-z])|pin_?code|{_KEYS})[\w-]{{0,24}}"
_BY_MACHINES_GATE = rf"(?i:(?:secret|credential|pin_?code|{_KEYS})[\w-]*|(?:tokens?|otp)(?:[\d_-][\w-]*)?)"
_PARTICLE = r"(?:는|은|가|이|를|을)?"
_VERB = r"(?: (?:is|was|used|given|value|of|to))?"
_MACHINE_WORDS = r"tokens?|session(?: id)?|secret(?: key)?|(?:api|access)[ _-]?key|credential"
_CODES = r"인증번호|인증코드|verification code|one-time (?:pass)?code"
_FLAGS = r"(?i:password|passwd|pass|pwd|token|secret|api-key|apikey|access-key|secret-key|client-secret|auth-token)"
_SCHEMES = r"bearer|basic|digest|negotiate|ntlm|token|api-?token|api-?key|apikey|splunk|kakaoak|key|hmac|signature"

_KEYED: Final = (
    rule(
        "AUTHORIZATION",
        rf"(?i:authorization){SEPARATOR}\S",
        rf"(?i:authorization){SEPARATOR}(?:\\?[\"']|\[(?![A-Z_]{{2,40}}[\]:]))?"
        rf"(?P<secret>(?:(?i:{_SCHEMES})[ \t]{{1,4}}|AWS4-HMAC-SHA256\s|[A-Za-z][\w-]{{1,30}} (?=[\w.~+/=:-]{{16}}))?"
        r"[^\s\"'\\,;}]{4,4000}(?: (?:Credential|SignedHeaders|Signature)=[^\s\"']{1,300}){0,3})",
        not_a_word,
    ),
    rule(
        "BEARER",
        r"(?i:bearer)(?:[ \t]+|%20|\+)[\w.~+/=:-]{8}",
        r"(?<![A-Za-z])(?i:bearer)(?:[ \t]{1,4}|%20|\+)(?P<secret>[\w.~+/=:-]{8,4000})",
        looks_secret,
    ),
    rule(
        "BASIC_AUTH",
        r"(?i:basic) [A-Za-z0-9+/]{8}",
        r"(?<![A-Za-z])(?i:basic) (?P<secret>[A-Za-z0-9+/]{8,1000}={0,2})(?![A-Za-z0-9+/])",
        looks_secret,
    ),
    rule(
        "COOKIE",
        rf"(?i:cookies?){SEPARATOR}(?:\\?[\"'])?[\w.%-]+=",
        rf"cookies?{SEPARATOR}(?:\\?[\"'])?(?P<secret>[\w.%-]{{1,80}}=[^\"'\n\\]{{4,4000}})",
        lower=True,
    ),
    rule(
        "CURL_USER",
        r"(?:-u|--user)[ \t=]",
        r"(?<!\S)(?:-u|--user)(?:[ \t]{1,8}|=)"
        r"(?P<secret>\"[^\"\n]{0,200}:?[^\"\n]{0,200}\"(?::\"[^\"\n]{1,200}\")?|'[^'\n]{1,200}'"
        r"|[^\s:]{0,200}:(?:'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"|\S{1,200}))",
        is_user_and_password,
    ),
    rule(
        "URL_PASSWORD",
        r"://[^\s/@:\"'<>]*:[^\s/\"'<>]+@",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/\"'<>]{1,200})@(?=[\w\[])",
        anchor="://",
        reach=21,
    ),
    rule(
        "URL_PASSWORD",
        r"://[^\s/@:\"'<>]*:[^\s/@\"'<>]+/[^\s@\"'<>]*@",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>]{1,60}/[^\s@\"'<>]{0,60})@(?=[\w\[])",
        anchor="://",
        reach=21,
    ),
    rule("PASSWORD", rf"{_BY_HUMANS_GATE}{SEPARATOR}[^\s,;]", _BY_HUMANS + SEPARATOR + VALUE, not_a_word, lower=True),
    rule(
        "SECRET",
        rf"{_BY_MACHINES_GATE}{SEPARATOR}[^\n]{{6}}",
        _BY_MACHINES + SEPARATOR + VALUE,
        looks_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        r"(?i:<(?:\w+:)?\w*(?:password|passwd|pwd|secret|token|api_?key)>[^<\s])",
        r"<(?:\w{1,20}:)?\w{0,30}(?:password|passwd|pwd|secret|token|api_?key)>(?P<secret>[^<\s][^<\n]{0,500})",
        not_a_word,
        lower=True,
    ),
    rule(
        "FLAG",
        rf"(?:^|\s)--?{_FLAGS}[ \t=]",
        rf"(?<!\S)--?{_FLAGS}(?:[ \t]{{1,4}}|=)(?P<secret>\"[^\"\n]{{1,300}}\"|'[^'\n]{{1,300}}'|[^\s\"'-]\S{{0,300}})",
        not_a_word,
    ),
    rule(
        "FLAG",
        r"(?:mysql\w*|mariadb|mongo\w*) [^\n]*-p",
        r"(?:mysql\w{0,10}|mariadb|mongo\w{0,10}) [^\n|;]{0,300}?(?<!\S)-p(?P<secret>[^\s=-][^\s]{3,100})",
        not_a_word,
    ),
    rule(
        "FLAG",
        r"sshpass -p|redis-cli [^\n]*-a",
        r"(?:sshpass -p|redis-cli [^\n|;]{0,200}?(?<!\S)-a)[ ]?(?P<secret>\S{3,100})",
        not_a_word,
    ),
    rule(
        "PASSWORD",
        r"(?i:identified by) [^\s;]",
        r"identified by (?:password )?(?P<secret>'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"|[^\s;'\"]{4,100})",
        not_a_word,
        lower=True,
    ),
    rule(
        "PASSWORD",
        rf"(?i:{_WORD}){_PARTICLE}(?: for(?: user)? [\w.@-]+)?{_VERB} [\"']?[\w!#$%&*+.@^~-]*\d",
        rf"(?:{_WORD}){_PARTICLE}(?: for(?: user)? [\w.@-]{{1,60}})?{_VERB} "
        r"(?P<secret>\"[^\"\s]{6,200}\"|'[^'\s]{6,200}'|[\w!#$%&*+.@^~-]{6,100})",
        looks_mixed,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:{_MACHINE_WORDS}){_VERB} [\w.~+/-]{{16}}",
        rf"(?<![\w.-])(?:{_MACHINE_WORDS}){_VERB} "
        r"(?P<secret>[\w.~+/-]{16,500}={0,2})(?![\w=])",
        looks_random,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:(?:^|[^a-z])key){SEPARATOR}[\"']?[\w/+-]{{32}}",
        rf"(?<![A-Za-z])(?i:key){SEPARATOR}[\"']?(?P<secret>[\w/+-]{{32,500}}={{0,2}})",
        looks_generated,
    ),
    rule(
        "OTP",
        rf"(?i:otp|pin|cvv2?|cvc|{_CODES})(?i:[ _-]?code)?(?:{SEPARATOR}[\"']?| )\d{{3}}",
        rf"(?:(?<![a-z])(?:otp|cvv2?|cvc)|{_CODES}|(?<![a-z])pin(?=[ _-]?code|[\"']?[:=]))"
        rf"(?:[ _-]?code)?(?:{SEPARATOR}[\"']?| )(?P<secret>\d{{3,8}})(?![\w.])",
        lower=True,
    ),
    rule(
        "SESSION",
        rf"(?i:session[_-]?id|phpsessid|sessid|connect\.sid|sid){SEPARATOR}(?:\\?[\"'])?\w[\w.%+/=-]{{7}}",
        rf"(?:session[_-]?id|phpsessid|sessid|connect\.sid|sid(?<![a-z]sid)){SEPARATOR}(?:\\?[\"'])?"
        r"(?P<secret>[a-z0-9][\w.%+/=-]{7,400})",
        looks_secret,
        lower=True,
    ),
)

_PERSONAL: Final = (
    rule(
        "EMAIL",
        r"\w@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2}",
        r"(?<![\w+])(?<![\w+][.-])[A-Za-z0-9_](?:[\w.+-]{0,62}[\w+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}(?![\w-])",
        anchor="@",
        reach=64,
    ),
    rule(
        "RRN",
        r"(?:^|[^\w-])\d\d(?:0[1-9]|1[0-2])[0-3]\d[- ]?[1-8]\d{6}",
        r"\d(?<![\w-]\d)\d{5}[- ]?[1-8]\d{6}(?![\d-])",
        is_resident_number,
    ),
    rule(
        "CARD",
        _NO_NUMBER + r"[2-69](?:\d{12}|\d{3}[ -](?:\d{4}[ -]\d{4}|\d{6})[ -]\d)",
        r"\d(?<![\w.-]\d)(?:\d{12,18}|\d{3}[ -](?:\d{4}[ -]\d{4}[ -]\d{1,7}|\d{6}[ -]\d{4,5}))(?![\w-])",
        is_card,
    ),
    rule(
        "PHONE",
        r"(?:^|[^\w.-])(?:0(?:1[016-9][- .]?\d{3,4}[- .]?\d{4}|(?:2|[3-6]\d|70)[- )]\d{3,4}-\d{4})"
        r"|\+(?:82[- ]?(?:\(0\))?(?:1[016-9]|2|[3-6]\d|70)[- .)]?\d{3}|\d{1,3}[- .]\(?\d{2,4}\)?[- .]\d{3,4}[- .]\d{3})"
        r"|\(?\d{3}(?:\) ?|-)\d{3}-\d{4}|\(0\d{1,2}\) ?\d{3,4}-\d{4})",
        r"[0+(\d](?<![\w.-].)(?:"
        r"(?:(?<=\+)82[- ]?(?:\(0\))?|(?<=0))(?:1[016-9][- .]?\d{3,4}[- .]?\d{4}|(?:2|[3-6]\d|70)[- )]\d{3,4}-\d{4})"
        r"|(?<=\+)[1-9]\d{0,2}[- .]\(?\d{2,4}\)?[- .]\d{3,4}[- .]\d{3,4}"
        r"|(?:(?<=\()\d{3}\) ?|(?<=\d)\d\d-)\d{3}-\d{4}|(?<=\()0\d{1,2}\) ?\d{3,4}-\d{4})(?![\d-])",
    ),
    rule(
        "BUSINESS_NUMBER",
        r"(?:^|[^\w-])\d{3}-\d\d-\d{5}(?:$|[^\d-])",
        r"\d(?<![\w-]\d)\d{2}-\d{2}-\d{5}(?![\d-])",
        is_business_number,
    ),
    rule(
        "IP",
        _NO_NUMBER + r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:$|\W)",
        r"\d(?<![\w.-]\d)\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\d|-\w)",
        is_public_ip,
    ),
    rule(
        "IP",
        r"[0-9A-Fa-f]::(?:$|[^A-Za-z])|::[0-9A-Fa-f]{1,4}(?:$|[^\w])|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]",
        rf"(?<![\w:.])(?:{_HEX}(?::{{1,2}}{_HEX}){{1,7}}(?:::)?|{_HEX}::|::{_HEX}(?::{_HEX}){{0,6}})(?!\w|:[\w:])",
        is_public_ip,
    ),
)

RULES: Final = (*TOKENS, *_KEYED, *_PERSONAL)
"""First those with a shape of their own, then those known by their key, then personal data."""
