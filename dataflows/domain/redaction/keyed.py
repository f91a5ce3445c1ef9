"""Secrets that are known by the key, flag, header or word they stand behind."""

from typing import Final

from dataflows.domain.redaction.checks import (
    is_user_and_password,
    looks_generated,
    looks_mixed,
    looks_random,
    looks_secret,
    looks_signed,
    not_a_word,
)
from dataflows.domain.redaction.names import ANY_GATE, PASSWORDS, SECRETS, SECRETS_GATE, holds_secret
from dataflows.domain.redaction.rule import rule
from dataflows.domain.redaction.shapes import SEPARATOR, VALUE

_BY_HUMANS = r"(?P<name>p(?:ass(?: (?:word|phrase|code|key))?|w)(?:[\w-]|[가-힣]){0,32})"
_BY_KOREANS = r"(?P<name>(?:비밀 ?번호|비번|암호|패스워드)(?:[\w-]|[가-힣]){0,32})"
"""More than the vocabulary, and apart from it, for speed: `holds_secret` looks at the whole name."""
_BY_HUMANS_GATE = r"(?i:pass(?: (?:word|phrase|code|key))?|pw)(?:[\w-]|[^\x00-\x7f])*"
_BY_KOREANS_GATE = r"(?:비밀 ?번호|비번|암호|패스워드)(?:[\w-]|[^\x00-\x7f])*"
_BY_MACHINES = rf"(?<!unexpected )(?<!near )(?P<name>(?:{SECRETS}|(?<![a-z])(?:t?otp|mfa)(?![a-z]))[\w-]{{0,24}})"
_BY_MACHINES_GATE = rf"(?i:{SECRETS_GATE}|otp|mfa)[\w-]*"
_PARTICLE = r"(?:는|은|가|이|를|을)?"
_VERB = r"(?: (?:is|was|used|given|value|of|to))?"
_MACHINE_WORDS = r"tokens?|session(?: id)?|secret(?: key)?|(?:api|access)[ _-]?key|credential|토큰"
_CODES = r"인증번호|인증코드|verification code|one-time (?:pass)?code"
_FLAGS = r"(?i:password|passwd|pass|pwd|token|secret|api-key|apikey|access-key|secret-key|client-secret|auth-token)"
_SCHEMES = r"bearer|basic|digest|negotiate|ntlm|token|api-?token|api-?key|apikey|splunk|kakaoak|key|hmac|signature"

KEYED: Final = (
    rule(
        "AUTHORIZATION",
        rf"(?i:authorization){SEPARATOR}\S",
        rf"(?i:authorization){SEPARATOR}(?:\\?[\"']|\[(?![A-Z_]{{2,40}}[\]:]))?"
        rf"(?P<secret>(?:(?i:{_SCHEMES})[ \t]{{1,4}}|AWS4-HMAC-SHA256\s|[A-Za-z][\w-]{{1,30}} (?=[\w.~+/=:-]{{16}}))?"
        r"[^\s\"'\\,;}]{4,4000}(?: (?:Credential|SignedHeaders|Signature)=[^\s\"']{1,300}){0,3})",
        not_a_word,
    ),
    rule(
        "SIGNATURE",
        rf"(?i:signature[\w-]*){SEPARATOR}",
        rf"(?P<name>signature[\w-]{{0,16}}){SEPARATOR}\\?[\"']?(?P<secret>[\w+/%.-]{{16,2000}}={{0,2}})(?![\w+/%.(-])",
        looks_signed,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SIGNATURE",
        r"(?i:response)=\\?\"?[0-9a-f]{32}",
        r"(?<![a-z])response=\\?\"?(?P<secret>[0-9a-f]{32,128})(?![\w])",
        lower=True,
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
        rf"cookies?{SEPARATOR}(?:\\?[\"'])?(?P<secret>[\w.%-]{{1,80}}=[^\"'\n\f\\]{{4,4000}})",
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
    *(
        rule(
            "PASSWORD",
            rf"{gate}{SEPARATOR}[^\s,;]",
            name + SEPARATOR + VALUE,
            not_a_word,
            named=holds_secret,
            lower=True,
        )
        for gate, name in ((_BY_HUMANS_GATE, _BY_HUMANS), (_BY_KOREANS_GATE, _BY_KOREANS))
    ),
    rule(
        "SECRET",
        rf"{_BY_MACHINES_GATE}{SEPARATOR}[^\n]{{6}}",
        _BY_MACHINES + SEPARATOR + VALUE,
        looks_secret,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"<[\w.:-]*(?i:{ANY_GATE})[\w.-]*>[^<\s]",
        r"(?<!\?p)<(?:\w{1,20}:)?(?P<name>[\w.-]{1,60})>(?P<secret>[^<>\s][^<\n]{0,4000})",
        not_a_word,
        named=holds_secret,
        lower=True,
    ),
    rule(
        "FLAG",
        rf"(?:^|\s)--?{_FLAGS}[ \t=]",
        rf"(?<!\S)--?{_FLAGS}(?:[ \t]{{1,4}}|=)(?!<[\w .-]{{0,60}}>)"
        r"(?P<secret>\"[^\"\n]{1,300}\"|'[^'\n]{1,300}'|[^\s\"'-]\S{0,300})",
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
        rf"(?i:{PASSWORDS}){_PARTICLE}(?: for(?: user)? [\w.@-]+)?{_VERB} [\"']?[\w!#$%&*+.@^~-]*\d",
        rf"(?:{PASSWORDS}){_PARTICLE}(?: for(?: user)? [\w.@-]{{1,60}})?{_VERB} "
        r"(?P<secret>\"[^\"\s]{6,200}\"|'[^'\s]{6,200}'|[\w!#$%&*+.@^~-]{6,100})",
        looks_mixed,
        lower=True,
    ),
    rule(
        "SECRET",
        rf"(?i:{_MACHINE_WORDS}){_PARTICLE}{_VERB} [\w.~+/-]{{16}}",
        rf"(?<![\w.-])(?:{_MACHINE_WORDS}){_PARTICLE}{_VERB} "
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
        rf"(?i:otp|pin|mfa|2fa|cvv2?|cvc|{_CODES})(?i:[ _-]?code)?(?:{SEPARATOR}\\?[\"']?| )\d{{3}}",
        rf"(?:(?<![a-z])(?:t?otp|mfa|2fa|cvv2?|cvc)|{_CODES}|(?<![a-z])pin(?=[ _-]?code|\\?[\"']?[:=]))"
        rf"(?:[ _-]?code)?(?:{SEPARATOR}\\?[\"']?| )(?P<secret>\d{{3,8}})(?![\w.])",
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
