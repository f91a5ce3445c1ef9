"""A secret is found through the escapes around it, and its mark is that of the value itself."""

import json
from urllib.parse import quote

import pytest

from dataflows.domain.redaction import redact
from dataflows.domain.redaction.views import unescaped

PASSWORD = "hunter" + "2x"
WORD = "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD2fG4hJ6kL8n"
ADDRESS = "kim" + "@example.com"


@pytest.mark.parametrize("escape", ["\\n", "\\r\\n", "\\t"])
@pytest.mark.parametrize(
    ("mark", "secret"),
    [
        ("AWS_KEY", "AKI" + "A" + "Q2W3E4R5T6Y7U8I9"),
        ("PHONE", "010-1234-" + "5678"),
        ("EMAIL", ADDRESS),
        ("RRN", "900101-" + "1234567"),
        ("IP", "203.0.113.9"),
    ],
)
def test_a_written_line_end_begins_a_word(escape: str, mark: str, secret: str) -> None:
    r"""What stands right behind a literal `\n` or `\t` is found whole, and the escape stays."""
    assert f"a{escape}[{mark}]" == redact(f"a{escape}{secret}").text


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"password": 'Q7"b' + PASSWORD}),
        json.dumps({"password": 'Q7"b tail ' + PASSWORD, "a": 1}),
        json.dumps(json.dumps({"password": 'Q7"b tail ' + PASSWORD})),
        f"password='it\\'s {PASSWORD}'",
        f"{{'password': b'x{PASSWORD}'}}",
        f'password: u"{PASSWORD}"',
        f"password=\\{PASSWORD}",
        f"password=({PASSWORD}",
        f"password=<{PASSWORD}",
        f"{{password=[{PASSWORD}], user=[kim]}}",
        f"password == {PASSWORD}",
        f"password=SecretStr('{PASSWORD}')",
        f'password: Some("{PASSWORD}")',
        f"password={{bcrypt}}$2a$10${PASSWORD}",
    ],
)
def test_a_value_goes_whole(text: str) -> None:
    """Escaped quotes do not end a quotation, prefixes and brackets do not hide a value."""
    seen = redact(text).text
    assert (False, False) == (PASSWORD in seen, "tail" in seen)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_json_within_json(levels: int) -> None:
    """A document quoted in documents is read down to its third level."""
    text = f'{{"user":"kim","password":"{PASSWORD}"}}'
    for _ in range(levels):
        text = json.dumps(text)
    assert (False, True) == (PASSWORD in redact(text).text, "kim" in redact(text).text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (quote(f"password={PASSWORD}&x=1", safe=""), PASSWORD),
        (quote(quote(f"password={PASSWORD}&x=1", safe=""), safe=""), PASSWORD),
        (quote(json.dumps({"password": PASSWORD}), safe=""), PASSWORD),
        ("GET /u?mail=" + quote(ADDRESS, safe=""), "kim"),
        (quote(f"postgres://app:{PASSWORD}@db:5432/a", safe=""), PASSWORD),
        (f"https://app%3A{PASSWORD}@db/x", PASSWORD),
        (f"password\\u003d{PASSWORD}", PASSWORD),
        (f"{{&quot;password&quot;:&quot;{PASSWORD}&quot;}}", PASSWORD),
    ],
)
def test_other_escapes(text: str, secret: str) -> None:
    """URL encoding, also doubled, Unicode escapes of JSON and entities of HTML hide nothing."""
    assert secret not in redact(text).text


def test_the_mark_is_that_of_the_value() -> None:
    """An address has one mark, encoded or not, and in any Unicode form."""
    plain = redact(ADDRESS, b"k").text
    assert f"mail={plain}" == redact("mail=kim%40example.com", b"k").text
    word = "비밀" + "가나1"
    decomposed = word.replace("가", "\u1100\u1161")
    assert redact(f"password={word}", b"k").text == redact(f"password={decomposed}", b"k").text


def test_places_of_a_view() -> None:
    """A place in the view leads to its place in the text, in front of an escape and behind one."""
    text = "a%3Db\\nc"
    view = unescaped(text)
    assert view is not None
    assert "a=b\nc" == view.text
    assert [0, 1, 4, 5, 7, 8] == [view.place(at) for at in range(6)]
    assert unescaped("100% of a\\b") is None


def test_escaped_harmless_text_stays() -> None:
    """Paths, percent signs and encoded blanks are left alone."""
    text = "C:\\new\\table1 is 95% full, GET /a%20b?c=d%26e&f"
    assert (text, ()) == redact(text)
