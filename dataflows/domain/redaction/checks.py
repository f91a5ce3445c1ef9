"""Second looks at a suspected secret: checksums and shapes."""

import re
from ipaddress import IPv6Address
from typing import Final

_WORDS_TEXT = """
null none nil undefined true false empty missing invalid required expired unknown blank string object redacted
masked hidden not is was must should has cannot can incorrect wrong mismatch failed error type field parameter
argument for of in to the a an and or yes no authentication authorization does did do value values length too
changed reset ok header headers rejected denied provided enabled disabled supported fail pass passed success
"""
_WORDS: Final = frozenset(_WORDS_TEXT.split())
_MASKED = re.compile(
    r"[*x•.#-]{1,64}$|\[?[A-Z_]{2,40}(?::[0-9a-f]{8})?\]$|<[\w .:/*-]{0,60}>$|[|>][+-]?$"
    r"|\[?[A-Z_]{0,40}:?[0-9a-f]{0,8}…$|<[\w*]{0,12}…$"  # one of our own marks in a text that was cut
    r"|\?$|:[a-z_]{1,60}$|#\{[^{}]{1,60}\}?$|\(?[A-Za-z_.]{1,80}\($"
    r"|\([a-z ._-]{0,60}\)$|\$\{?[\w.]{1,60}\}?$|%[sdv]$|\{\{?[\w .]{0,60}\}?\}?$"
)
_DATE_OR_VERSION = re.compile(r"\d{4}-\d\d|v?\d{1,4}\.\d|\d{1,2}:\d\d")
_ALGORITHM = re.compile(r"(?:sha|md5|rsa|hmac|ecdsa|ed25519|aes)", re.IGNORECASE)
_CLOCK = re.compile(r"\d\d?:\d\d:\d\d::?")
_COMMON_DOMAINS = frozenset({"com", "net", "org", "edu", "gov", "io", "co", "kr", "jp", "cn", "uk", "de"})
_NO_DOMAIN_TEXT = """
service socket timer target mount scope slice png jpg jpeg gif svg webp css html java class jar
"""
_NO_DOMAIN = frozenset(_NO_DOMAIN_TEXT.split())
"""What stands behind the last dot of systemd units and of files such as `logo@2x.png`: none is a top-level domain."""
_QUOTES = "\"'\\"

_RESIDENT_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BUSINESS_WEIGHTS: Final = (1, 3, 7, 1, 3, 7, 1, 3, 5)
"""National Tax Service of Korea: check digit of a business registration number."""


def not_a_word(value: str) -> bool:
    """Tell whether what follows a password key is a value, not prose, a placeholder or a variable."""
    core = value.strip(_QUOTES)
    return bool(core) and core.lower().rstrip(".:!").strip("[]()") not in _WORDS and not _MASKED.match(core)


def looks_secret(value: str) -> bool:
    """Tell whether a value could be a key: at least 6 characters with a digit, or 16 with mixed case."""
    core = value.strip(_QUOTES)
    if len(core) < 6 or not not_a_word(core):
        return False
    if any(map(str.isdigit, core)):
        return not core.isdigit() or len(core) > 9
    return len(core) >= 16 and not core.islower() and not core.isupper() and "." not in core


def looks_mixed(value: str) -> bool:
    """Tell whether a word behind `password` is one: letters and a digit, no date, no version."""
    core = value.strip(_QUOTES).rstrip(".")
    return (
        len(core) >= 6
        and not_a_word(core)
        and any(map(str.isdigit, core))
        and any(map(str.isalpha, core))
        and not _DATE_OR_VERSION.match(core)
    )


def looks_random(value: str) -> bool:
    """Tell whether a word behind `token` is one: 16 or more, with three digits or in mixed case with a digit."""
    digits = sum(map(str.isdigit, value))
    mixed = not value.islower() and not value.isupper()
    return len(value) >= 16 and looks_mixed(value) and (digits >= 3 or mixed)


def looks_generated(value: str) -> bool:
    """Tell whether a word behind a mere `key` is a secret: capitals, small letters and digits."""
    return looks_mixed(value) and not value.islower() and not value.isupper()


def looks_signed(value: str) -> bool:
    """Tell whether a value could be a signature: 16 or more with a digit, and no name of an algorithm."""
    return len(value) >= 16 and looks_secret(value) and not _ALGORITHM.match(value)


def looks_paired(value: str) -> bool:
    """Tell whether the second of two quoted words is a value: it has a digit, or what no name and no prose has."""
    core = value.strip(_QUOTES)
    plain = core.replace("_", "").replace("-", "").replace(".", "").replace(" ", "")
    return len(core) >= 4 and not_a_word(core) and not plain.isalpha()


def is_email(value: str) -> bool:
    """Tell an address from a class, a module, a unit, a file or a repository: `bar@Foo.Service`, `netty@4.1.Final`."""
    domain = value.rpartition("@")[2]
    last = domain.rpartition(".")[2]
    known_case = last.islower() or last.isupper() or last.lower() in _COMMON_DOMAINS
    return known_case and last.lower() not in _NO_DOMAIN and not value.startswith("git@")


def is_user_and_password(value: str) -> bool:
    """Tell whether the argument of `curl -u` holds a password, not the name of a shell variable or a placeholder."""
    return ":" in value and not value.lstrip(_QUOTES).startswith(("$", "<"))


def is_card(value: str) -> bool:
    """Check issuer, length and the Luhn digit (ISO/IEC 7812)."""
    digits = value.replace(" ", "").replace("-", "")
    return _issuer_fits(digits) and _luhn(digits)


def _issuer_fits(digits: str) -> bool:
    size, two, four = len(digits), digits[:2], digits[:4]
    if digits[0] == "4":
        return size in {13, 16, 19}
    if "51" <= two <= "55" or "2221" <= four <= "2720" or two == "35":
        return size == 16
    if two in {"34", "37"}:
        return size == 15
    if two in {"36", "38", "30"}:
        return size == 14
    return (two in {"62", "64", "65"} or four == "6011" or digits[0] == "9") and size == 16


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 * (number > 9)
    return total % 10 == 0


def is_resident_number(value: str) -> bool:
    """Check the birth date and the digit of sex and century; numbers issued since October 2020 have no checksum."""
    month, day = int(value[2:4]), int(value[4:6])
    return 1 <= month <= 12 and 1 <= day <= _RESIDENT_DAYS[month - 1]


def is_business_number(value: str) -> bool:
    """Check the check digit of a Korean business registration number."""
    digits = [int(digit) for digit in value if digit.isdigit()]
    total = sum(digit * weight for digit, weight in zip(digits[:9], _BUSINESS_WEIGHTS, strict=True))
    return (total + digits[8] * 5 // 10 + digits[9]) % 10 == 0


def is_public_ip(value: str) -> bool:
    """Tell whether an address may identify somebody: valid, no loopback, no version such as `120.0.0.0`."""
    if ":" in value:
        return not _CLOCK.match(value) and _is_ipv6(value)
    octets = [int(octet) for octet in value.split(".")]
    return max(octets) <= 255 and octets[0] not in {0, 127, 255} and octets[1:] != [0, 0, 0]


def _is_ipv6(value: str) -> bool:
    try:
        address = IPv6Address(value)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and any(map(str.isdigit, value))
