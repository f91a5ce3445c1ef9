"""One vocabulary for the names of fields and for the keys in a text."""

import pytest

from dataflows.domain.redaction import redact
from dataflows.domain.redaction.fields import redact_fields
from dataflows.domain.redaction.names import is_sensitive

WORD = "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD2fG4hJ6kL8n"

NAMES = [
    *("pw", "userPw", "pwdHash", "pass_word", "passkey", "encryption_key", "signingKey", "jwt", "csrf", "xsrf"),
    *("비밀번호", "비번", "토큰", "DB_PASS", "passwordConfirm", "APIKey", "id_token", "privateKeyPem", "userPW"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_counts_in_fields_and_texts(name: str) -> None:
    """What hides the value of a field hides the value behind a key."""
    assert {name: "[SECRET]"} == redact_fields({name: WORD})
    assert WORD not in redact(f"{name}={WORD}").text
    assert WORD not in redact(f'{{"{name}": "{WORD}"}}').text


@pytest.mark.parametrize(
    "name", ["bearer", "signature", "mfa", "otp", "pin", "rrn", "주민등록번호", "카드번호", "set-cookie", "PHPSESSID"]
)
def test_more_names_of_fields(name: str) -> None:
    """Names whose values have rules of their own in a text are sensitive as fields too."""
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    [
        *("passthrough", "passed", "passport", "passRate", "spin", "pinned", "authority", "cardinality", "primaryKey"),
        *("passwordEncoder", "tokenType", "secretName", "password_policy", "tokenCount", "cookieDomain", "max_tokens"),
        *("signatureAlgorithm", "authorization_endpoint", "key_id", "resident"),
    ],
)
def test_names_about_secrets(name: str) -> None:
    """A name that merely contains such a word, or tells something about a secret, is harmless."""
    assert not is_sensitive(name)


@pytest.mark.parametrize(
    "text",
    [
        *("max_tokens=4096, prompt_tokens: 1234", "tests passed: 45", "pass=3 fail=0", "passthrough=true9"),
        *("PWD=/app OLDPWD=/home/app1", "passwordEncoder=BCryptPasswordEncoder", "tokenProvider: JwtProvider@1a2b3c4d"),
        *(
            "foo@bar.Service failed",
            "io.netty@4.1",
            "netty.common@4.1.100.Final/x",
            "getty@tty1.service",
            "logo@2x.png",
        ),
        *("at 12:34:56::ffff", "range 100-200-3000", "signature=SHA256withRSA", "password_changed_at=2024-05-01"),
        *("password=(null) token=<none> passwd = [hidden]", "SignatureDoesNotMatch: The request signature we got"),
    ],
)
def test_harmless_text_stays(text: str) -> None:
    """Counts, folders, classes, units, versions and times are no secrets."""
    assert (text, ()) == redact(text)


def test_counts_and_folders_in_fields() -> None:
    """Numbers of tokens stay, a token that is a number does not; a folder stays, a password that begins so does not."""
    record = {"total_tokens": 77, "tokens": 5, "token": 12345678, "PWD": "/app", "db_pwd": "/app"}
    assert {**record, "token": "[SECRET]", "db_pwd": "[SECRET]"} == redact_fields(record)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("call 0507-1234-5678", "PHONE"),
        ("call 010\u20131234\u20135678", "PHONE"),
        ("call 82-10-1234-5678", "PHONE"),
        ("phone=1012345678", "PHONE"),
        ("사업자번호: 120" + "8147521", "BUSINESS_NUMBER"),
        ("비번: hunter" + "2x", "PASSWORD"),
        ("토큰: " + WORD, "SECRET"),
        ("AWS4-HMAC-SHA256 Credential=x, Signature=" + "3f2a9c01" * 8, "SIGNATURE"),
        ('Digest username="kim", response="' + "3f2a9c01" * 4 + '"', "SIGNATURE"),
    ],
)
def test_other_ways_to_write(text: str, name: str) -> None:
    """Numbers in other writings, Korean keys and signatures of requests are found and named."""
    assert (name,) == redact(text).found


def test_a_harmless_value_hides_no_secret() -> None:
    """Behind a name that is only about a secret, a secret in the value is found all the same."""
    text = 'password_url="https://h/?password=' + "hunter" + '2x" and passwordField=password=' + "hunter" + "2x"
    assert "hunter" not in redact(text).text
