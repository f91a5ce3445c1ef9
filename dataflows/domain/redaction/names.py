"""Which names tell that they hold a secret: one vocabulary for the fields of records and for the keys in a text."""

import re
from functools import lru_cache
from typing import Final

_BETWEEN: Final = "[_ .-]?"


def _words(text: str) -> str:
    """Make one expression of words; `_` stands for an optional separator."""
    return "|".join(word.replace("_", _BETWEEN) for word in text.split())


PASSWORDS: Final = _words("pass_words? passwds? pass_phrases? pass_codes? pass_keys? pwd 비밀_번호 비번 암호 패스워드")
"""Hold a secret of any shape. They count anywhere in a name: `dbPassword2`, `pwdHash`."""
_OWNERS: Final = "user|usr|db|root|admin|login|member|smtp|ftp|redis|mysql|old|new|my"
SHORT: Final = rf"(?:{_OWNERS})?(?:pass|pw)(?:hash|salt|value)?"
"""The same, but only as a word: `passenger` and `compass` hold none."""
_KEYED: Final = (
    "api access account shared sharedaccess private encryption encrypt decrypt signing service license role auth "
    "master aes hmac ssh subscription consumer"
)
_OF_MACHINES: Final = _words(
    "secret credential pin_code 시크릿 토큰 인증_키 비밀_키 " + " ".join(f"{owner}_key" for owner in _KEYED.split())
)
SECRETS: Final = rf"(?:{_OF_MACHINES}|(?:tokens?|jwts?|bearer|[cx]srf)(?![a-z]))"
"""Hold keys and tokens. In a text their value must look like one, for prose speaks of them too."""
SECRETS_GATE: Final = rf"(?:{_OF_MACHINES}|token|jwt|bearer|[cx]srf)"
ANY_GATE: Final = (
    rf"(?:{PASSWORDS}|pass|pw|{_OF_MACHINES}|token|jwt|bearer|[cx]srf|auth|cookie|session|signature|otp|mfa|pin|sid"
    r"|ssn|rrn|cvc|cvv|card|resident|번호)"
)
"""RE2: stands in every name that `is_sensitive` knows, whatever its case."""

_FIELD: Final = re.compile(
    rf"{PASSWORDS}|{SECRETS}|authorization|(?:^|_)(?:set_)?cookies?\d?(?:_|$)|(?:^|_|php|j|http)sess(?:ion)?_?id"
    r"|session_?(?:key|cookie)|signature|인증_?(?:번호|코드)|주민_?(?:등록_?)?번호|카드_?번호"
    r"|card_?(?:number|num|no)$|(?:resident|rrn|ssn)_?(?:registration_?)?(?:number|num|no)$"
    rf"|(?:^|_)(?:{SHORT}|pin|t?otp|mfa|sid|auth|ssn|rrn|cvv2?|cvc)(?:_?(?:hash|salt|value|code|header|key))?\d*$"
)
_ABOUT: Final = (
    "encoder decoder encryptor policy policies length len size strength validator validation field column param "
    "parameter name label type format alg algorithm count limit used usage remaining budget bucket pool ttl age expiry "
    "expires expired expiration timeout lifetime duration date time timestamp required enabled disabled valid invalid "
    "missing present exists empty changed change reset status state error errors attempts retries url uri endpoint "
    "host port path file filename dir domain provider manager factory repository resolver filter handler interceptor "
    "config version source level scope scopes issuer audience namespace arn generator checker matcher rules "
    "requirements rotation iterations rounds less exception helper util utils"
)
_ABOUT_END: Final = re.compile(rf"(?:{'|'.join(_ABOUT.split())}|_at|_in|_by)\d*$")
"""A name that ends so tells something about a secret, not the secret: `tokenType`, `password_policy`, `secretName`."""
_COUNTED: Final = re.compile(r"(?:^|_)(?:max|min|total|num|prompt|completion|input|output|cached|reasoning)_?tokens?$")
_MAX_NAME: Final = 120
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PLURAL: Final = re.compile(r"tokens$")
_FOLDER: Final = re.compile(r"(?:^|env_)(?:old_?)?pwd$")
_COUNT_OF: Final = re.compile(r"(?:^|_)(?:pass|pw)$")
_PHONE: Final = re.compile(
    r"(?:phone|mobile|cellular|휴대폰|휴대전화|전화|연락처)[_ ]?(?:number|num|no|번호)?$|(?:^|_)(?:tel|hp)(?:_?no)?$"
)


def canonical(name: str) -> str:
    """Write `dbPassword`, `DB-Password` and `db.password` alike: small letters, parts joined by `_`."""
    if not name.isupper():
        name = _HUMP.sub("_", name)
    return name.lower().replace("-", "_").replace(".", "_").replace(" ", "_")


def is_sensitive(name: str) -> bool:
    """Tell whether a field of this name is a secret whatever it holds: `password`, `X-Api-Key`, `refreshToken`.

    Of a long name the last 120 characters count. Names recur, so the answers for some are remembered.
    """
    return _is_sensitive(name[-_MAX_NAME:])


@lru_cache(maxsize=4096)
def _is_sensitive(name: str) -> bool:
    plain = canonical(name)
    return _FIELD.search(plain) is not None and _ABOUT_END.search(plain) is None and _COUNTED.search(plain) is None


def holds_secret(name: str, value: str) -> bool:
    """Tell whether a name and its value are a secret: not `tokens=4096`, `PWD=/app` or `pass=3`."""
    if not is_sensitive(name):
        return False
    plain = canonical(name[-_MAX_NAME:])
    if value.isdigit() and (
        (len(value) <= 9 and _PLURAL.search(plain)) or (len(value) <= 3 and _COUNT_OF.search(plain))
    ):
        return False
    return not (value.startswith("/") and _FOLDER.search(plain))


def is_phone(name: str) -> bool:
    """Tell whether a field of this name holds the number of a telephone."""
    return _PHONE.search(canonical(name[-_MAX_NAME:])) is not None
