"""Redaction: what is secret goes, what is not stays. Values that look secret are put together here, never written."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.redaction import PLACEHOLDER, redact

WORD = "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD2fG4hJ6kL8n"
PASSWORD = "hunter" + "2x"
LUHN = "4242" * 4
PEM = "-----BEGIN " + "RSA PRIVATE KEY-----\n"
B64 = "eyJ" + "hbGciOiJIUzI1NiJ9"

POSITIVES = [
    ("AWS_KEY", "signed with {} failed", "AKI" + "A" + "Q2W3E4R5T6Y7U8I9"),
    ("SECRET", "aws_secret_access_key={}", WORD),
    ("GITHUB_TOKEN", "remote: invalid {}", "gh" + "p_" + WORD[:36]),
    ("GITLAB_TOKEN", "PRIVATE-TOKEN {}", "glp" + "at-" + WORD[:20]),
    ("SLACK_TOKEN", "auth {} invalid", "xox" + "b-123456789012-" + WORD[:24]),
    ("SLACK_WEBHOOK", "POST {} -> 404", "https://hooks.sl" + "ack.com/services/T0AAAAAAA/B0AAAAAAA/" + WORD[:24]),
    ("OPENAI_KEY", "wrong key {}", "s" + "k-proj-" + WORD),
    ("STRIPE_KEY", "wrong key {}", "s" + "k_live_" + WORD[:24]),
    ("GOOGLE_KEY", "GET /geo?k={}", "AI" + "za" + WORD[:35]),
    ("VENDOR_TOKEN", "401 {}", "np" + "m_" + WORD[:36]),
    ("JWT", "token {} expired", f"{B64}.{B64}.{WORD}"),
    ("BEARER", "upstream 401 bearer {}", WORD),
    ("AUTHORIZATION", "Authorization: {}", "Basic dXNlcjpod" + "W50ZXIy"),
    ("COOKIE", "Cookie: {}", "sid=" + WORD + "; theme=dark"),
    ("URL_PASSWORD", "dial postgres://app:{}@db:5432/orders", PASSWORD),
    ("PASSWORD", "Server=db;User Id=sa;Password={};Encrypt=true", PASSWORD),
    ("PASSWORD", '{{"user":"kim","password":"{}"}}', PASSWORD),
    ("PASSWORD", '{{\\"password\\":\\"{}\\"}}', PASSWORD),
    ("PASSWORD", "비밀번호={}", PASSWORD),
    ("FLAG", "mysqldump --password {} orders", PASSWORD),
    ("CURL_USER", "curl -u {} http://h", "app:" + PASSWORD),
    ("SESSION", "JSESSIONID={} expired", WORD[:32].upper()),
    ("PRIVATE_KEY", "cannot read {}", PEM + WORD + "\n-----END " + "RSA PRIVATE KEY-----"),
    ("PRIVATE_KEY", "cannot read {}", PEM + WORD),
    ("CARD", "card {} declined", LUHN),
    ("CARD", "card {} declined", "4242 4242 4242 4242"),
    ("RRN", "주민번호 {}", "900101-" + "1234567"),
    ("PHONE", "SMS to {} failed", "010-1234-5678"),
    ("PHONE", "call {}", "+82-10-1234-5678"),
    ("BUSINESS_NUMBER", "company {}", "120-81-" + "47521"),
    ("EMAIL", "user <{}> unknown", "kim.min" + "@example.co.kr"),
    ("IP", "client {} blocked", "203.0.113.9"),
    ("IP", "connect to [{}]:443", "2001:db8:0:1:2:3:4:5"),
    ("IP", "connect to {} failed", "2001:db8::17"),
    ("IP", "connect to {}: timed out", "2001:db8::17"),
    # Prose and other forms
    ("PASSWORD", "user kim logged in with password {}", PASSWORD),
    ("PASSWORD", "password for user kim is {}", PASSWORD),
    ("PASSWORD", "invalid password '{}' given", PASSWORD),
    ("PASSWORD", "ALTER USER app IDENTIFIED BY '{}'", PASSWORD),
    ("PASSWORD", "비밀번호는 {} 입니다", PASSWORD),
    ("SECRET", "access token {} rejected", WORD),
    ("SECRET", "invalid API key: {}", WORD[:32]),
    ("SECRET", "<ns:apiKey>{}</ns:apiKey>", WORD),
    ("SECRET", "key={}", WORD),
    ("OTP", "OTP code {} expired", "482913"),
    ("OTP", "cvv={}", "737"),
    ("FLAG", "mysql -h db -u root -p{} shop", PASSWORD),
    ("FLAG", "redis-cli -h r -a {} ping", PASSWORD),
    ("AUTHORIZATION", "Authorization: KakaoAK {}", WORD[:32]),
    ("AUTHORIZATION", "headers={{Authorization=[Bearer {}]}}", WORD),
    ("URL_SIGNATURE", "GET https://x.blob.example.com/a?sv=2&sig={}", WORD),
    # A Korean particle follows without a space.
    ("EMAIL", "이메일 {}으로 발송 실패", "kim.min" + "@example.com"),
    ("PHONE", "연락처 {}로 문자 실패", "010-1234-5678"),
    ("PHONE", "call {} later", "(02) 1234-5678"),
    ("IP", "접속 IP {}에서 차단", "203.0.113.9"),
    ("CARD", "카드 {}번 승인 거절", LUHN),
    ("BUSINESS_NUMBER", "사업자번호 {}의 조회 실패", "120-81-" + "47521"),
]


@pytest.mark.parametrize(("name", "frame", "secret"), POSITIVES)
@pytest.mark.parametrize("key", [None, b"deployment"])
def test_secret_is_gone(name: str, frame: str, secret: str, key: bytes | None) -> None:
    """Each class is found, named, and its value is out of the text."""
    got = redact(frame.format(secret), key)
    assert (True, False) == (name in got.found, secret in got.text)


@pytest.mark.parametrize(
    "text",
    [
        "Cannot read property 'password' of null",
        "password must not be empty",
        "token: expired",
        "compass heading invalid, author: unknown",
        "Order 1234567890123 shipped at 2026-01-02 03:04:05.678",
        "arn:aws:iam::123456789012:role/reader not authorized",
        "Chrome/120.0.0.0 Safari/537.36, listening on 127.0.0.1 and 0.0.0.0",
        "\tat shop.auth.TokenFilter.doFilter(TokenFilter.java:41)",
        "key 'users.uk_email' in std::vec::Vec at 22:10:11",
        "550e8400-e29b-41d4-a716-446655440000 not found",
        "password=${DB_PASSWORD} token=<token> secret=****",
        "password reset for user kim failed, password expired 2026-01-02, password policy v2.1",
        "wrong password:\n\tat shop.auth.Login.check(Login.java:12)",
        "secret kube-system/default-token not found, token count 128000 exceeds 4096",
        "pass 3 of 5 done, pin 5 is high, 401 2026-01-02 03:04:05",
        "a.b.c::d::e, std::vector<int>::at, mac 00:1a:2b:3c:4d:5e",
        "",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    """Look-alikes are left as they are, and nothing is reported."""
    assert (text, ()) == redact(text)


def test_card_needs_luhn() -> None:
    """A number of sixteen digits with a wrong check digit is an order, not a card."""
    assert () == redact(f"order {LUHN[:-1]}1 shipped").found


def test_placeholder_without_a_key() -> None:
    """Without a key the placeholder carries the class only."""
    assert "mail to [EMAIL] failed" == redact("mail to a.b" + "@example.com failed").text


def test_pseudonym_is_stable_and_keyed() -> None:
    """With a key equal values get equal marks, other values or keys get others."""
    one, other = "a" + "@example.com", "b" + "@example.com"
    first = redact(f"{one} {one} {other}", b"k").text.split()
    assert (True, True, True) == (
        first[0] == first[1],
        first[0] != first[2],
        first[0] != redact(one, b"other").text,
    )
    assert PLACEHOLDER.fullmatch(first[0]) is not None


def test_a_secret_behind_a_placeholder_is_found() -> None:
    """Writing a placeholder in front of a password does not smuggle it out."""
    assert PASSWORD not in redact(f"password=[EMAIL]{PASSWORD}").text


def test_marks_are_not_secrets() -> None:
    """A mark that reads like a key and its value stays a mark."""
    text = "[SLACK_TOKEN:0a1b2c3d] A0://:[URL_PASSWORD:0a1b2c3d]@0"
    assert (text, ()) == redact(text, b"k")


def test_letters_that_grow_in_lower_case_move_nothing() -> None:
    """A letter whose lower case is longer (U+0130) does not shift what is replaced."""
    assert "\u0130\u0130 Password=[PASSWORD]; ok" == redact(f"\u0130\u0130 Password={PASSWORD}; ok").text


_PIECES = st.sampled_from(
    [frame.format(secret) for _, frame, secret in POSITIVES] + ["[EMAIL]", "[IP:0a1b2c3d]", '"', "'", "=", ":", " "]
)


@given(
    st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=12))).map("".join)),
    st.sampled_from([None, b"k", b"x" * 99]),
)
def test_idempotent(text: str, key: bytes | None) -> None:
    """A redacted text is redacted to itself: what is stored can be sent without a second thought."""
    once = redact(text, key).text
    assert once == redact(once, key).text


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "(",
        "1",
        "1-",
        "a:",
        "::",
        "@",
        "a@",
        "pass",
        "token=",
        "eyJ",
        "-----BEGIN ",
        "://",
        '"',
        "password='",
        "--",
        "é́",
        "\ud800",
        "\\",
        '\\"',
        "\\n",
        "%",
        "%25",
        "%3D",
        "&quot;",
        "password=",
        'password=\\"',
        "password: |\n ",
        "password:\n",
        "name=password ",
        "('password', '",
        "field 'password': rejected value [",
        "value ' for ",
        "-----END " + "PRIVATE KEY-----",
        "A" * 64 + "\n",
        "<a",
    ],
)
def test_hostile_input_ends(unit: str) -> None:
    """100 KB of one unit is handled without raising, and again to the same text, with a key's end behind it too."""
    once = redact(unit * (100_000 // len(unit)) + "-----END " + "PRIVATE KEY-----").text
    assert once == redact(once).text


def _cost(text: str) -> float:
    """Return CPU seconds, the best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        redact(text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize(
    "unit",
    [
        '"',
        "'",
        "\\",
        '\\"',
        '\\\\"',
        "%",
        "%25",
        "%3D",
        "password=",
        'password="',
        "password: |\n ",
        "name=pw ",
        "A" * 64,
    ],
)
def test_cost_is_linear(unit: str) -> None:
    """Four times as much text costs less than ten times as much: quadratic cost would be sixteen times."""
    small, large = _cost(unit * (16_384 // len(unit))), _cost(unit * (65_536 // len(unit)))
    assert large < max(10 * small, 0.05)
