"""Which dead letters are rejected once more: told by place, at any number."""

from collections.abc import Iterator

from connectors.s3 import S3Config
from dataflows.domain.rejections import Rejected, RejectReason
from dataflows.render.archive import Archived
from dataflows.replay import marks
from dataflows.replay.marks import Letters, Marks


def letters() -> Letters:
    """Of an object that nobody replayed yet."""
    return Letters("bucket", "dead-letters/x", "", 1, None)


def bad(sub: int) -> Rejected:
    """A piece of the one record, rejected."""
    return Rejected("shardId-0", "1", sub, 0.0, RejectReason.NOT_JSON, "", b"")


def test_a_piece_belongs_to_the_letter_it_came_from() -> None:
    """In whatever order objects were read; a piece that unpacked into several counts as the one it was."""
    kept, first, second = Marks(S3Config()), letters(), letters()
    for of, sub in ((second, 7), (second, 9), (first, 2), (first, 4)):
        kept.send(of, Archived("shardId-0", "1", 0.0, b"x", sub))
    assert [False, True, True, True, True] == [kept.rejected(bad(sub)) for sub in (1, 2, 5, 8, 9)]
    assert (["shardId-0-1-2", "shardId-0-1-4"], ["shardId-0-1-7", "shardId-0-1-9"]) == (
        list(first.again),
        list(second.again),
    )


def test_a_record_of_many_pieces_is_no_matter() -> None:
    """A record may have 200,000 pieces: none costs a look at all others."""
    compared = 0

    class Sub(int):
        def __lt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return int(self) < int(other)

        def __gt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return int(self) > int(other)

    def numbers() -> Iterator[Sub]:
        return map(Sub, range(2_000))

    kept, of = Marks(S3Config()), letters()
    for sub in numbers():
        kept.send(of, Archived("shardId-0", "1", 0.0, b"x", sub))
    assert [True] * 2_000 == [kept.rejected(bad(sub)) for sub in numbers()]
    assert compared <= 2 * 2_000 * 14, "in proportion to the logarithm"
    assert 2_000 == len(of.again)


def test_only_dead_letters_have_a_mark() -> None:
    """The mark lies below a folder of its own, under the same name."""
    assert ["p/replayed/dead-letters/date=x/a.zst.json", None] == [
        marks.mark_key(key) for key in ("p/dead-letters/date=x/a.zst", "p/archive/date=x/a.zst")
    ]
