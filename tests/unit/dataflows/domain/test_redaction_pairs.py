"""Names and values that stand apart, and values below their names."""

import pytest

from dataflows.domain.redaction import redact
from dataflows.domain.redaction.fields import redact_fields

PASSWORD = "hunter" + "2x"
WORD = "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD2fG4hJ6kL8n"
BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
FOOT = "-----END " + "RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "frame",
    [
        '{{"name":"DB_PASSWORD","value":"{}"}}',
        '{{\\"name\\":\\"DB_PASSWORD\\",\\"value\\":\\"{}\\"}}',
        '[{{"key": "x-api-key", "value": "{}"}}]',
        "EnvVar(name=DB_PASSWORD, value={})",
        "- name: DB_PASSWORD\n  value: {}",
        '"name": "DB_PASSWORD",\n  "value": "{}"',
        "[('x-api-key', '{}')]",
        "[(b'authorization', b'{}')]",
        '["x-api-key", "{}"]',
        '<property name="password" value="{}"/>',
        '<entry key="password">{}</entry>',
        "Field error in object 'user' on field 'password': rejected value [{}]; codes [a.b]; arguments []",
        "field 'password': rejected value [a]b{}]; codes [a.b]",
        "Parameter 'password' has value '{}'",
        "parameter 'password' with value [{}] is invalid",
        "Incorrect string value: '{}' for column 'password' at row 1",
        "password: |\n  {}\n  more\nnext: 1",
        "password: >-\n    {}",
        "password: |\\n  {}",
        "password:\n  {}\nnext: 1",
    ],
)
def test_the_value_of_a_pair_goes(frame: str) -> None:
    """The value is hidden, and doing it again changes nothing."""
    seen = redact(frame.format(WORD[:20]), b"k").text
    assert (False, True) == (WORD[:20] in seen, seen == redact(seen, b"k").text)


@pytest.mark.parametrize(
    "text",
    [
        "name=DB_HOST, value=db1.prod",
        "field 'password': rejected value [null]; codes [a.b]",
        "Parameter 'userId' has value 'abc123'",
        "Parameter 'password' is missing, parameter 3: abc123",
        "validation failed: ['password', 'email']",
        "column 'password' cannot be null",
        "password:\n  must be longer",
        "wrong token:\n\tat shop.auth.Login.check(Login.java:12)",
        "-----END CERTIFICATE-----",
    ],
)
def test_harmless_pairs_stay(text: str) -> None:
    """Other names, prose and traces are left alone."""
    assert (text, ()) == redact(text)


@pytest.mark.parametrize("end", ["\n", "\\n"])
def test_a_key_without_its_head(end: str) -> None:
    """Of a key whose beginning was cut off every line goes, and what stands before and behind stays."""
    text = f"see{end}{BASE64}{end}{BASE64}{end}Ab=={end}{FOOT}{end}end"
    seen = redact(text)
    assert (("PRIVATE_KEY",), False, True) == (seen.found, BASE64 in seen.text, seen.text.endswith(f"{end}end"))


def test_pairs_in_fields() -> None:
    """Variables, headers and properties are pairs as mappings and as lists of two; lists of names are none."""
    record = {
        "env": [{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "REGION", "value": "kr"}],
        "headers": [["x-api-key", WORD], ["accept", "*/*"]],
        "more": [{"key": "Authorization", "values": ["a", "b"]}],
        "fields": ["password", "email"],
    }
    assert {
        "env": [{"name": "DB_PASSWORD", "value": "[SECRET]"}, {"name": "REGION", "value": "kr"}],
        "headers": [["x-api-key", "[SECRET]"], ["accept", "*/*"]],
        "more": [{"key": "Authorization", "values": "[SECRET]"}],
        "fields": ["password", "email"],
    } == redact_fields(record)


def test_numbers_under_telling_names() -> None:
    """A telephone, a card and a resident number are hidden as whole numbers too."""
    record = {"phone": 1012345678, "card": int("4242" * 4), "id": int("900101" + "1234567"), "count": 1012345678}
    assert {"phone": "[PHONE]", "card": "[CARD]", "id": "[RRN]", "count": 1012345678} == redact_fields(record)


def test_masked_names_stay_apart() -> None:
    """Names that are alike once masked lose no value."""
    record = {f"{name}@example.com": name for name in ("a", "b", "c")}
    seen = redact_fields(record)
    assert {"[EMAIL]": "a", "[EMAIL]#2": "b", "[EMAIL]#3": "c"} == seen == redact_fields(seen)
