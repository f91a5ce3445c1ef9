"""Marks: which dead letters a replay has finished, noted beside them in the bucket.

The mark of `<prefix>dead-letters/X` is `<prefix>replayed/dead-letters/X.json`. The dead letter itself is never changed:
it stays what the pipeline wrote, under a name that the pipeline may write again after a crash.
"""

import json
from bisect import bisect_right, insort
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from connectors.errors import ConnectorError
from connectors.s3 import S3Config, fetch, store
from connectors.s3.client import reason
from dataflows.domain.rejections import Rejected
from dataflows.render.archive import Archived

_LETTERS = "dead-letters/"
_MARKS = "replayed/dead-letters/"
_ABSENT = {"NoSuchKey", "404"}


def is_mark(key: str) -> bool:
    """Whether a key is that of a mark."""
    return _MARKS in key


def mark_key(key: str) -> str | None:
    """Key of the mark of an object; None if it holds no dead letters."""
    before, found, rest = key.partition(_LETTERS)
    return f"{before}{_MARKS}{rest}.json" if found else None


class _Piece(NamedTuple):
    """Where a piece was rejected."""

    shard: str
    sequence: str
    sub: int

    def __str__(self) -> str:
        return f"{self.shard}-{self.sequence}-{self.sub}"


@dataclass
class Letters:
    """The dead letters of one object, while they are replayed."""

    bucket: str
    key: str
    sha256: str
    attempts: int
    """Times that its pieces were tried before this replay, the pipeline's own included."""
    left: frozenset[str] | None
    """Pieces that an earlier replay did not finish; None: all of them are to be tried."""
    sent: int = 0
    again: dict[str, str] = field(default_factory=dict)
    """Pieces that were rejected once more, with the reason."""
    complete: bool = False
    """Every line was read."""

    def finished(self, piece: Archived) -> bool:
        """Whether an earlier replay has finished this piece."""
        return self.left is not None and str(_Piece(piece.shard, piece.sequence, piece.sub)) not in self.left


class Marks:
    """The marks of one replay: those that are there, and those it will write. One thread.

    A mark counts only for the very bytes that it was made for. Memory: some 300 bytes for each piece that is replayed.
    """

    def __init__(self, s3: S3Config, *, again: bool = False) -> None:
        """With `again` marks are counted on, but nothing is skipped."""
        self._s3 = s3
        self._again = again
        self._letters: list[Letters] = []
        self._subs: dict[tuple[str, str], list[tuple[int, Letters]]] = {}

    def letters(self, place: tuple[str, str], sha256: str) -> Letters | None:
        """What is known of an object's dead letters; None if it is none.

        Raises:
            Exception: the mark cannot be read, as the SDK says.
        """
        bucket, key = place
        name = mark_key(key)
        if name is None:
            return None
        letters = Letters(bucket, key, sha256, 1, None)
        try:
            mark = json.loads(fetch(self._s3, bucket, name).body)
            if mark["sha256"] == sha256:
                letters.attempts = int(mark["attempts"])
                letters.left = None if self._again else frozenset(mark["left"])
        except (ValueError, KeyError, TypeError):
            pass  # not what a replay writes: as good as none, and written anew
        except Exception as err:
            if reason(err) not in _ABSENT:
                raise
        self._letters.append(letters)
        return letters

    def send(self, letters: Letters, piece: Archived) -> None:
        """Note a piece that is about to be tried."""
        letters.sent += 1
        # In order already within an object, so nothing moves: a record may have 200,000 pieces.
        insort(self._subs.setdefault((piece.shard, piece.sequence), []), (piece.sub, letters), key=itemgetter(0))

    def rejected(self, bad: Rejected) -> bool:
        """Note a piece that was rejected; false if it came from no dead letter.

        A piece may unpack into several: they carry the number of the first and those after it.
        """
        known = self._subs.get((bad.shard, bad.sequence))
        if not known:
            return False
        place = bisect_right(known, bad.sub, key=itemgetter(0)) - 1
        if place < 0:
            return False
        sub, letters = known[place]
        letters.again[str(_Piece(bad.shard, bad.sequence, sub))] = bad.reason.value
        return True

    @property
    def rejected_again(self) -> int:
        """Pieces that stay dead letters."""
        return sum(len(letters.again) for letters in self._letters)

    def write(self, now: float) -> list[str]:
        """Mark the objects that were read to their end, at `now` in seconds since the epoch.

        Returns what went wrong, a line each.
        """
        for letters in self._letters:
            if not letters.complete or not letters.sent:
                continue
            mark = {
                "object": letters.key,
                "sha256": letters.sha256,
                "replayed": round(now * 1000),
                "attempts": letters.attempts + 1,
                "left": letters.again,
            }
            name = str(mark_key(letters.key))
            try:
                store(self._s3, letters.bucket, name, json.dumps(mark).encode())
            except ConnectorError as err:
                told = f"'s3://{letters.bucket}/{name}' cannot be written ({err}): allow s3:PutObject there"
                return [f"{told}; the dead letters are replayed again next time, which doubles nothing"]
        return []
