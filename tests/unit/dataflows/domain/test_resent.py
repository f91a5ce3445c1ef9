"""Copies that Fluent Bit sends are known by content; what a pod truly logged twice is not taken for one."""

import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.domain.resent import FLUSH_S, GENERATION_S, MAX_PIECES, Resent

T = 1_763_764_000.0


def piece(fraction: str, text: str = "ERROR: down", key: str = "time") -> bytes:
    """A record as Fluent Bit writes it, with a time of as many digits below a second."""
    return f'{{"{key}":"2026-11-21T22:26:40{fraction}Z","stream":"stdout","log":"{text}"}}'.encode()


FINE = piece(".123456789")
COARSE = piece(".123", key="@timestamp")


def test_a_chunk_that_is_sent_again_is_known() -> None:
    """Of a chunk that comes three times each record counts once, whatever the order of the shards it fell into."""
    resent = Resent()
    chunk = [piece(f".{number:09d}") for number in range(50)]
    assert [False] * 50 == [resent.is_copy(line, T) for line in chunk]
    assert [True] * 50 == [resent.is_copy(line, T + 2.1) for line in reversed(chunk)]
    assert [True] * 50 == [resent.is_copy(line, T + 6.4) for line in chunk]


def test_the_copy_may_be_read_before_the_first() -> None:
    """Shards are read in parallel: whichever comes first counts."""
    resent = Resent()
    assert (False, True) == (resent.is_copy(FINE, T + 5), resent.is_copy(FINE, T))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" ", b""])
def test_the_line_end_is_no_part_of_it(end: bytes) -> None:
    """A copy in a joined or compressed record has another line end."""
    resent = Resent()
    resent.is_copy(FINE + b"\n", T)
    assert resent.is_copy(FINE + end, T + 3)


def test_one_byte_makes_another_record() -> None:
    """Another nanosecond, another pod or another word is another record."""
    resent = Resent()
    resent.is_copy(FINE, T)
    others = [piece(".123456788"), piece(".123456789", "ERROR: Down"), FINE.replace(b"stdout", b"stderr")]
    assert [False] * 3 == [resent.is_copy(other, T + 3) for other in others]


@pytest.mark.parametrize(
    "line",
    [
        b'{"log":"ERROR: down"}',
        piece(""),
        b'{"log":"{\\"time\\":\\"2026-11-21T22:26:40.123456Z\\"}"}',
        b'{"log":"last success at 22:26:40.123456"}',
        b"",
    ],
    ids=["no time", "seconds", "time in a text", "time in a message", "empty"],
)
def test_what_has_no_fine_time_of_its_own_is_never_a_copy(line: bytes) -> None:
    """A pod may log the same line every few seconds: each is true, and nothing is remembered of them."""
    resent = Resent()
    assert [False] * 3 == [resent.is_copy(line, T + 5 * number) for number in range(3)]
    assert (b"", b"") == resent.state()[2:]


@pytest.mark.parametrize(
    ("line", "apart_s", "expected"),
    [
        (FINE, 0.001, True),
        (FINE, 0.0, False),
        (COARSE, FLUSH_S - 0.25, False),
        (COARSE, FLUSH_S, True),
        (piece(",123", key="timestamp"), FLUSH_S, True),
        (piece(".123456", key="ts"), 0.001, True),
    ],
)
def test_twins_of_one_millisecond_arrive_together(line: bytes, apart_s: float, expected: bool) -> None:  # noqa: FBT001 - a table
    """In milliseconds two true lines may be equal: only arrivals a flush apart make a copy. In nanoseconds any do."""
    resent = Resent()
    resent.is_copy(line, T)
    assert expected is resent.is_copy(line, T + apart_s)


def test_the_finest_time_of_a_record_counts() -> None:
    """A service's own coarse timestamp beside the runtime's time does not matter."""
    line = b'{"timestamp":"22:26:40,123","time":"2026-11-21T22:26:40.123456789Z"}'
    resent = Resent()
    assert (False, True) == (resent.is_copy(line, T), resent.is_copy(line, T + 0.1))


def test_a_record_that_is_read_again_is_not_its_own_copy() -> None:
    """After a resume the same record comes with the arrival it had, though the state knows it: it must not be lost."""
    before = Resent()
    before.is_copy(FINE, T)
    after = Resent()
    after.resume(before.state())
    assert (False, True) == (after.is_copy(FINE, T), after.is_copy(FINE, T + 2))


def test_it_remembers_one_generation_and_at_most_two() -> None:
    """Exactly one generation later a copy is known; two later it is not."""
    for later, expected in [(GENERATION_S, True), (2 * GENERATION_S - 0.5, True), (2 * GENERATION_S, False)]:
        resent = Resent()
        resent.is_copy(FINE, T)
        assert expected is resent.is_copy(FINE, T + later), later


def test_a_copy_that_comes_again_and_again_stays_known() -> None:
    """Each copy is remembered anew, so that a chunk that is tried for long counts once."""
    resent = Resent()
    resent.is_copy(FINE, T)
    assert [True] * 6 == [resent.is_copy(FINE, T + 0.7 * GENERATION_S * number) for number in range(1, 7)]


def test_arrivals_may_go_back() -> None:
    """A shard that lags ends no generation and is remembered like any."""
    resent = Resent()
    resent.is_copy(FINE, T)
    late = piece(".000000001")
    assert (False, True, True) == (
        resent.is_copy(late, T - 9_000),
        resent.is_copy(late, T - 8_000),
        resent.is_copy(FINE, T + 1),
    )


def test_a_full_generation_ends_early() -> None:
    """Size is bounded whatever the rate: the last pieces are known, the oldest are not, and it is told."""
    resent = Resent(max_pieces=10)
    lines = [piece(f".{number:09d}") for number in range(25)]
    for line in lines:
        resent.is_copy(line, T)
    sizes = [len(part) // 16 for part in resent.state()[2:]]
    assert ([5, 10], 2) == (sizes, resent.cut_short)
    assert (True, False) == (resent.is_copy(lines[24], T + 2), resent.is_copy(lines[0], T + 2))


def test_memory_is_bounded() -> None:
    """Both generations full take what `MAX_PIECES` says, in memory and in the state."""
    resent = Resent()
    tracemalloc.start()
    for number in range(2 * MAX_PIECES):
        resent.is_copy(b'{"time":"T00:00:00.%09d"}' % number, T)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 30_000_000
    assert 2 * 16 * MAX_PIECES == sum(len(part) for part in resent.state()[2:])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=40),
    st.integers(0, 40),
)
def test_a_resume_changes_no_answer(reads: list[tuple[int, int]], cut: int) -> None:
    """Stopped anywhere and resumed from its pickled state it answers as if it had gone on."""
    straight, parted = (Resent(generation_s=7, max_pieces=4) for _ in range(2))
    for count, (number, second) in enumerate(reads):
        if count == cut:
            state = pickle.loads(pickle.dumps(parted.state()))  # noqa: S301 - our own bytes
            parted = Resent(generation_s=7, max_pieces=4)
            parted.resume(state)
        line = piece(f".{number:06d}")
        assert straight.is_copy(line, T + second) is parted.is_copy(line, T + second)


def test_another_or_a_damaged_state_is_refused() -> None:
    """A version that is not known, and bytes that were cut, are told with what to do."""
    resent = Resent()
    with pytest.raises(ValueError, match="version 9 where 1 is known: leave it out"):
        resent.resume((9, T, b"", b""))
    with pytest.raises(ValueError, match="state of 17 bytes"):
        resent.resume((1, T, b"x" * 17, b""))
