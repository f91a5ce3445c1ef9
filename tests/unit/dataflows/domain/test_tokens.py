"""Words are understood alike, whatever was forgotten in between."""

from dataflows.domain import tokens
from dataflows.domain.tokens import Tokeniser, describe


def test_messages_that_differ_in_values_share_their_tokens() -> None:
    """Two messages of one fault give equal tuples, so that the second need not be described."""
    tokenise = Tokeniser()
    assert tokenise("took 12 ms for order 99") == tokenise("took 7 ms for order 100")


def test_another_code_gives_other_tokens() -> None:
    """A tuple holds the codes that stay: it may stand for its message."""
    tokenise = Tokeniser()
    assert tokenise("status is 503") != tokenise("status is 429")


def test_a_full_memory_changes_no_answer() -> None:
    """A tokeniser that has forgotten all its words in the midst of a message keeps its codes all the same."""
    tokenise = Tokeniser()
    fresh = describe(tokenise("status is 503 of host kim"), 200)
    digits = str.maketrans("0123456789", "abcdefghij")
    first = tokenise._memory
    for number in range(tokens._MAX_MEMO // tokens.MAX_TOKENS + 2):
        tokenise(" ".join(f"{number} {word}".translate(digits).replace(" ", "z") for word in range(tokens.MAX_TOKENS)))
        assert fresh == describe(tokenise("status is 503 of host kim"), 200)
    assert first is not tokenise._memory
