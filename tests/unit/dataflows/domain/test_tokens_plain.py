"""What is told of plain words in one look is what all rules say of them."""

from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.domain import tokens, tokens_codes, tokens_kinds
from dataflows.domain.fingerprint import Fingerprinter
from dataflows.domain.tokens_compound import masks_all, plain_pair

VALUES = st.one_of(
    st.from_regex(r"[A-Za-z0-9_./:@%+-]{1,20}", fullmatch=True),
    st.sampled_from(
        ["503", "E1001", "ECONNREFUSED", "java.io.IOException", "true", "a/b", "C:\\x", "²", "\u017f3", "상품"]
    ),
)
HEADS = st.one_of(
    st.from_regex(r"[\[({<,;|\"'&?]{0,2}[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True),
    st.sampled_from(["trace", "[status", "a.code", "errno", "message", "true", "a1", "상품", "-x", "k:", "_", "&a"]),
)
ENDS = st.from_regex(r"[.:!#*-]{0,2}[\])},;\"'=|]{0,2}", fullmatch=True)


@given(st.one_of(VALUES, st.from_regex(r"\d[\d._]*\d|[A-Za-z][A-Za-z_-]*\d{6,9}", fullmatch=True)))
@example("WFLY12345678")
@example("SQL-1234567")
@example("1.2.3.4")
@example("٣")
def test_a_plain_word_is_what_all_rules_say(word: str) -> None:
    """A number or an id without doubt is understood as by all rules."""
    kind = tokens_kinds.plain_kind(word)
    if kind:
        assert ("*", kind, "") == tokens._understand(word)


@given(HEADS, VALUES, ENDS)
@example("[trace", "0af7651916cd43dd8448eb211c80319c", "],")
@example("url", "http://a/b", "")
@example("k", "9:", "=")
def test_a_plain_pair_is_understood_by_key_and_end(head: str, value: str, end: str) -> None:
    """Where the key masks all, a word is understood as the same one with a zero for its value."""
    pair = plain_pair(f"{head}={value}{end}")
    if pair is not None and masks_all(pair[0]):
        assert tokens._understand(f"{pair[0]}=0{pair[1]}") == tokens._understand(f"{head}={value}{end}")


@given(st.from_regex(tokens_kinds._KEPT, fullmatch=True))
def test_every_code_that_is_kept_begins_as_one(code: str) -> None:
    """The look at two characters loses no code with a known prefix."""
    assert tokens_kinds._may_be_kept(code)


@given(st.from_regex(tokens_codes._ERROR_SHAPED, fullmatch=True))
def test_every_name_of_an_error_may_be_one(name: str) -> None:
    """The look at the end of a value loses no type of an error and no errno."""
    assert tokens_codes.may_name_error(name)


@given(st.lists(st.tuples(HEADS, VALUES, ENDS), min_size=1, max_size=6))
def test_what_came_before_changes_no_answer(pairs: list[tuple[str, str, str]]) -> None:
    """The last message has one fingerprint, whether its like was seen before or not."""
    messages = [f"failed {head}={value}{end} behind {value}" for head, value, end in pairs]
    warm = Fingerprinter()
    assert [Fingerprinter()(message, "s") for message in messages] == [warm(message, "s") for message in messages]
