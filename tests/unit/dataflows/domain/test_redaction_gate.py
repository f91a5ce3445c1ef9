"""The gate and the memory of lines are shortcuts: neither may change what is found."""

from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.domain.redaction import Redactor, redact
from dataflows.domain.redaction import redactor as redaction
from dataflows.domain.redaction.blocks import BLOCKS
from dataflows.domain.redaction.gate import Gate
from dataflows.domain.redaction.rule import Rule
from dataflows.domain.redaction.rules import RULES

WORD = "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD2fG4hJ6kL8n"
_PIECES = st.sampled_from(
    [
        *(
            "password=",
            "Password: ",
            '"pwd":"',
            "token: ",
            "api key ",
            "otp ",
            "key=",
            "Authorization: Bearer ",
            "cookie: a=",
        ),
        *(
            "비밀번호는 ",
            "암호=",
            " for user kim is ",
            "identified by '",
            "<password>",
            "mysql -p",
            "redis-cli -a ",
            " -u a:",
        ),
        *(
            "hunter" + "2x",
            WORD,
            "np" + "m_" + WORD[:36],
            "AKI" + "A" + "Q2W3E4R5T6Y7U8I9",
            "eyJ" + "hbGciOiJIUzI1NiJ9.",
        ),
        *(
            "s" + "k_live_" + WORD[:24],
            "gh" + "p_" + WORD[:36],
            "xox" + "b-1234567890-",
            "://app:",
            "@db:5432",
            "kim@example.com",
        ),
        *(
            "4242424242424242",
            "4242 4242 4242 4242",
            "900101-1234567",
            "010-1234-5678",
            "+82-10-1234-5678",
            "(02) 123-4567",
        ),
        *(
            "120-81-47521",
            "203.0.113.9",
            "2001:db8::17",
            "2001:db8:0:1:2:3:4:5",
            "::1",
            "12345678:A" + WORD[:34],
            "[EMAIL]",
        ),
        *("\tat a.b.C.d(C.java:12)", "-----BEGIN " + "RSA PRIVATE KEY-----", "-----END " + "RSA PRIVATE KEY-----"),
        *("password: |\n  ", "token:\n", "- name: DB_PASSWORD\n  value: ", '"name":"pw","value":"', "('x-api-key', '"),
        *("field 'password': rejected value [", "parameter 'jwt' has value '", "value 'x1y2' for column 'pin'"),
        *("<userPw>", 'name="secret">', "csrf: ", "signature=", "response=" + "0a" * 16, "phone: 10123", "비번은 "),
        *("%3D", "%22", "\\n", '\\"', "\\\\", "\\u0022", "&quot;", "[", "]", "(", "<", "|", "0507-1234-5678"),
        *('"', "'", "=", ":", " ", "\n", "로", "\u0130", "\ud800", ".", "-", "/"),
    ]
)
_TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=8))).map("".join)


def _finds(rule: Rule, text: str) -> bool:
    read = redaction._fold(text) if rule.lower else text
    group = "secret" if "secret" in rule.pattern.groupindex else 0
    found = rule.pattern.search(read)
    while found is not None:
        value = text[slice(*found.span(group))].strip("\"'\\")
        named = rule.named is None or rule.named(found["name"], value)
        if value and named and (rule.check is None or rule.check(value)):
            return True
        found = rule.pattern.search(read, max(found.end(), found.start() + 1))
    return False


@given(_TEXTS)
@example("a\nkim@example.com")
def test_a_gate_is_open_wherever_its_rule_matches(text: str) -> None:
    """Whatever a rule's exact pattern finds, its gate has let through: the gate saves time, never a secret."""
    gate = Gate(RULES)
    for line in text.split("\n"):
        opened = gate.opened_by(line)
        assert [] == [rule.name for rule in RULES if _finds(rule, line) and rule not in opened]
    opened = Gate(BLOCKS).opened_by(text)
    assert [] == [rule.name for rule in BLOCKS if _finds(rule, text) and rule not in opened]


@given(_TEXTS)
def test_an_anchor_stands_in_every_match(text: str) -> None:
    """Starting the search at the anchor finds the same first match as starting at the front."""
    for rule in RULES:
        found = rule.pattern.search(text) if rule.anchor else None
        if found is not None:
            assert found.start() <= text.find(rule.anchor, found.start()) <= found.start() + rule.reach


_remembering = Redactor()


@given(st.lists(_TEXTS, max_size=4).map("\n".join), st.sampled_from([None, b"k"]))
def test_memory_changes_nothing(text: str, key: bytes | None) -> None:
    """A redactor that has seen lines before answers like a new one, and like one that meets each line alone."""
    expected = Redactor()(text, key)
    assert expected == _remembering(text, key)
    assert expected == _remembering(text, key)
    if "PRIVATE KEY" not in text and not Gate(BLOCKS).opened_by(text):
        assert expected.text == "\n".join(redact(line, key).text for line in text.split("\n"))


def test_memory_holds_no_secret_and_is_bounded() -> None:
    """Lines with a find are never remembered, long ones neither, and the memory starts anew when it is full."""
    redactor = Redactor()
    redactor("first\npassword=hunter" + "2x\n" + "x" * 1_000 + "\nharmless")
    assert {"harmless"} == redactor._harmless
    for number in range(30):
        redactor("first\n" + "\n".join(f"line {number} {line}" for line in range(1_000)))
    assert len(redactor._harmless) <= redaction.MAX_MEMO


def test_a_name_that_recurs_is_remembered_only_if_harmless() -> None:
    """Names of fields are looked at once; one that holds an address is redacted each time."""
    redactor = Redactor()
    assert ("user", "[EMAIL]", "[EMAIL]") == (
        redactor.recurring("user"),
        redactor.recurring("a@example.com"),
        redactor.recurring("a@example.com"),
    )
    assert {"user"} == redactor._harmless


def test_a_private_key_spans_lines() -> None:
    """A key is one secret over all its lines, cut off or not, and what follows its end stays."""
    key = "-----BEGIN " + "RSA PRIVATE KEY-----\nabc\ndef\n-----END " + "RSA PRIVATE KEY-----"
    assert "read [PRIVATE_KEY] failed\n\tat x" == redact(f"read {key} failed\n\tat x").text
    assert "read [PRIVATE_KEY]" == redact(f"read {key[:40]}").text


@example("- name: DB_PASSWORD\n  value: (02) 123-4567")
@example("- name: DB_PASSWORD\n  value: password=[")
@given(_TEXTS)
def test_idempotent_on_hostile_pieces(text: str) -> None:
    """Keys, quotes and escapes put together at random are redacted to a text that stays."""
    once = redact(text, b"k").text
    assert once == redact(once, b"k").text
